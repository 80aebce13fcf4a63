"""The real data of the uplift benchmark: what was known before, who was contacted, what came."""

from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Told(NamedTuple):
    """facts: (rows, facts); treatment: 0 none, or which; outcome: 0 or 1; groups: the customer."""

    facts: Floats
    treatment: npt.NDArray[np.int64]
    outcome: Floats
    groups: npt.NDArray[np.int64]
    names: tuple[str, ...]


def hillstrom(folder: Path) -> Told:
    """Treatment 1 is the women's mail, 2 the men's; the outcome is a visit within two weeks. The columns of
    scikit-uplift's tutorial, categories one column each."""
    told = duckdb.sql(f"select * from '{folder}/hillstrom.parquet'").fetchnumpy()
    names = ["recency", "history", "mens", "womens", "newbie"]
    columns = [told[name].astype(np.float64) for name in names]
    for name in ("zip_code", "channel"):
        for value in sorted(set(told[name].tolist())):
            names.append(f"{name}_{value}".replace(" ", "_"))
            columns.append((told[name] == value).astype(np.float64))
    treatment = (told["segment"] == "Womens E-Mail") + 2 * (told["segment"] == "Mens E-Mail")
    return Told(
        np.column_stack(columns),
        np.asarray(treatment, dtype=np.int64),
        told["visit"].astype(np.float64),
        np.arange(len(treatment)),
        tuple(names),
    )


def starbucks(folder: Path, hours: int = 72) -> Told:
    """Each customer at each of the five later waves: contacted with some offer, or not in the wave; the
    outcome is a purchase within `hours`, before the next wave. What was known: purchases, offers and views
    before the wave, income and membership; age and gender stay out, as in all offer models."""
    transcript, profile = f"'{folder}/transcript.parquet'", f"'{folder}/profile.parquet'"
    told = duckdb.sql(
        f"""
        with waves as (select unnest([168, 336, 408, 504, 576]) as hour),
        people as (select id, income, date_diff('day', strptime(became_member_on, '%Y%m%d'),
          timestamp '2018-07-27') as tenure_days, row_number() over (order by id) as number from {profile})
        select number, hour, any_value(income) as income, any_value(tenure_days) as tenure_days,
          count(*) filter (event = 'transaction' and time < hour) as purchases,
          coalesce(sum(amount) filter (event = 'transaction' and time < hour), 0) as spend,
          coalesce(max(amount) filter (event = 'transaction' and time < hour), 0) as largest,
          count(*) filter (event = 'transaction' and time < hour and time >= hour - 168) as purchases_week,
          hour - max(time) filter (event = 'transaction' and time < hour) as hours_since_purchase,
          count(*) filter (event = 'offer received' and time < hour) as offers,
          count(*) filter (event = 'offer viewed' and time < hour) as views,
          count(*) filter (event = 'offer completed' and time < hour) as completions,
          hour - max(time) filter (event = 'offer received' and time < hour) as hours_since_offer,
          max(case when event = 'offer received' and time = hour then 1 else 0 end) as contacted,
          max(case when event = 'transaction' and time > hour and time <= hour + {hours} then 1 else 0 end)
            as came
        from people cross join waves left join {transcript} on person = id
        group by number, hour order by number, hour
        """
    ).fetchnumpy()
    names = tuple(name for name in told if name not in ("number", "contacted", "came"))
    columns: list[Any] = [np.ma.filled(told[name].astype(np.float64), np.nan) for name in names]
    return Told(
        np.column_stack(columns),
        np.asarray(told["contacted"], dtype=np.int64),
        np.asarray(told["came"], dtype=np.float64),
        np.asarray(told["number"], dtype=np.int64),
        names,
    )
