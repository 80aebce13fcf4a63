"""Overlap: a randomised past is told from one that chose its customers, on made and on real contacts."""

import os
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pytest

from models.overlap import LEAST_ROWS, Overlap, overlap_of

Floats = npt.NDArray[np.float64]
DATA = Path(os.environ.get("HOLDFAST_DATA", "../data"))
ROWS = 6000


def made(strength: float, share: float = 0.5) -> Overlap:
    """Contacts chosen by a fact, the more strictly the higher `strength`."""
    random = np.random.default_rng(4)
    facts = random.normal(size=(ROWS, 3))
    odds = strength * facts[:, 0] + np.log(share / (1 - share))
    contacted = (random.random(ROWS) < 1 / (1 + np.exp(-odds))).astype(np.float64)
    return overlap_of(facts, contacted, np.arange(ROWS), ("a", "b", "c"))[0]


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_a_drawn_lot_leaves_nothing_to_tell_the_groups_apart_whatever_its_odds(share: float) -> None:
    found = made(0.0, share)
    assert found.is_enough
    assert 0.45 < found.auc < 0.55
    assert found.effective > 0.8
    assert found.outside == 0.0


def test_the_stricter_the_choice_the_less_overlap() -> None:
    mild, strict, total = made(0.5), made(3.0), made(20.0)
    assert mild.is_enough
    assert not strict.is_enough
    assert not total.is_enough
    assert mild.auc < strict.auc < total.auc
    assert mild.effective > strict.effective
    assert mild.outside < strict.outside < total.outside
    assert "outside the common support" in str(total)


def test_too_few_of_one_group_are_no_overlap() -> None:
    contacted = np.ones(1000)
    contacted[: LEAST_ROWS - 1] = 0.0
    found, chance = overlap_of(np.zeros((1000, 1)), contacted, np.arange(1000), ("a",))
    assert not found.is_enough
    assert np.isnan(chance).all()


def households(campaign_type: str) -> tuple[Floats, Floats, npt.NDArray[np.int64], tuple[str, ...]]:
    """Each household at each campaign of a type: what was known before its start, and whether it was sent."""
    folder = DATA / "complete_journey_2y"
    if not folder.is_dir():
        pytest.skip(f"no {folder}: set HOLDFAST_DATA to where the data sets lie")
    lift = f"'{folder}/agg_household_campaign_lift.parquet'"
    told = duckdb.sql(
        f"""
        with contacts as (
          select lift.*, START_DAY as day from {lift} as lift
          join '{folder}/campaign_desc.parquet' as campaign using (CAMPAIGN)
        )
        select now.household_key, now.Exposed, now.Pre_Spend,
          avg(past.Pre_Spend) as spend, avg(past.Pre_Spend) filter (past.day > now.day - 120) as lately,
          count(*) filter (past.Pre_Spend = 0) as idle, min(past.Pre_Spend) as least,
          max(past.Pre_Spend) as most, count(*) filter (past.Exposed) as contacts,
          count(*) filter (past.Exposed and past.CAMPAIGN_TYPE = 'TypeA') as contacts_a,
          (select count(*) from '{folder}/coupon_redempt.parquet' as redeemed
            where redeemed.household_key = now.household_key and redeemed.DAY < now.day) as redemptions
        from contacts as now
        left join contacts as past on past.household_key = now.household_key and past.day < now.day
        where now.CAMPAIGN_TYPE = '{campaign_type}'
        group by now.household_key, now.Exposed, now.Pre_Spend, now.day, now.CAMPAIGN
        order by now.household_key, now.CAMPAIGN
        """
    ).fetchnumpy()
    names = tuple(name for name in told if name not in ("household_key", "Exposed"))
    columns: list[Any] = [np.ma.filled(told[name].astype(np.float64), np.nan) for name in names]
    return (
        np.column_stack(columns),
        np.asarray(told["Exposed"], dtype=np.float64),
        np.asarray(told["household_key"], dtype=np.int64),
        names,
    )


def test_the_type_a_campaigns_of_complete_journey_are_not_identified() -> None:
    values, contacted, groups, names = households("TypeA")
    found, _ = overlap_of(values, contacted, groups, names)
    assert not found.is_enough, str(found)
    assert found.auc > 0.8


def test_the_mails_of_hillstrom_are_identified() -> None:
    path = DATA / "hillstrom" / "hillstrom.parquet"
    if not path.exists():
        pytest.skip(f"no {path}: set HOLDFAST_DATA to where the data sets lie")
    told = duckdb.sql(f"select recency, history, mens, womens, newbie, segment from '{path}'").fetchnumpy()
    names = ("recency", "history", "mens", "womens", "newbie")
    values = np.column_stack([told[name].astype(np.float64) for name in names])
    contacted = (told["segment"] != "No E-Mail").astype(np.float64)
    found, _ = overlap_of(values, contacted, np.arange(len(values)), names)
    assert found.is_enough, str(found)
    assert abs(found.auc - 0.5) < 0.02
