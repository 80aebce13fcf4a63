"""Trees without categorical splits, which the reasons and the service rely on, cost nothing in accuracy.

What is a category by nature (region, the product bought most, the last offer, ...) is read at every moment by
a SQL text and given to the churn model's trees three ways: not at all, as everything shipped does; as a
number, the category's place when the commonest come first; and as a category, split by LightGBM's own
categorical splits. Beside them the trees without a limit of depth. The same rows, levels and settings for
all; the order of the trees alone is judged, since levels stand beside them, on the held-out moments of
benchmarks.churn_accuracy. Differences are paired bootstraps over customers. The last line of the output is
one JSON object.
"""

import argparse
import json
import platform
import resource
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from benchmarks.churn_set import DATA, ChurnSet, complete_journey, online_retail, simulator
from features.draft import read_draft
from models.frame import Frame
from models.learner import fit
from models.metric import auc, difference, with_interval
from models.recipe import DEFAULT, level_of_rows

Floats = npt.NDArray[np.float64]
# A category that fewer rows have is as good as unknown.
LEAST_ROWS = 50
# LightGBM's bins of a category: more than of a number, or most products would be one.
CATEGORY_BINS = 255
DEEP = {"max_depth": -1, "num_leaves": 63}
# 52 bits of a text's hash: a number that a double holds exactly.
HASH = "(hash({}) & 4503599627370495)::double"


def most_bought(column: str) -> str:
    """The value of `column` that most lines of the last 364 days have, of several the greatest."""
    counted = f"""
        select customer_id, {column} as value, count(*) as lines from transactions
        where quantity > 0 and "at" > t() - 364 * day() and {column} is not null group by all"""
    return f"""
        select customer_id, {HASH.format("value")} as most_bought_{column} from everyone left join (
          select customer_id, arg_max(value, (lines, value)) as value from ({counted}) group by customer_id
        ) using (customer_id);"""


def last_known(table: str, columns: dict[str, str], where: str = "true") -> str:
    """Of a customer's last row of `table`: fact -> expression."""
    chosen = ", ".join(f"{HASH.format(told)} as {fact}" for fact, told in columns.items())
    return f"""
        select customer_id, {chosen} from everyone left join (
          from {table} where {where}
          qualify row_number() over (partition by customer_id order by "at" desc, event_id desc) = 1
        ) using (customer_id);"""


WHEN = {
    "hour_of_last_order": """extract('hour' from make_timestamptz("at"))""",
    "weekday_of_last_order": """extract('isodow' from make_timestamptz("at"))""",
}
BUYING = "quantity > 0"
TEXTS = {
    "online_retail": (
        last_known("customers", {"region": "region"}),
        most_bought("product_id"),
        last_known("transactions", {**WHEN, "last_product": "product_id"}, BUYING),
    ),
    "complete_journey": (
        last_known("contacts", {"last_campaign": "offer_id"}),
        """select customer_id, {} as last_campaign_type from everyone left join (
             select c.customer_id, regexp_extract(o.name, 'Type[ABC]') as type
             from contacts c join known_offers o using (offer_id)
             qualify row_number() over (partition by customer_id order by c."at" desc, c.event_id desc) = 1
           ) using (customer_id);""".format(HASH.format("type")),
    ),
    "simulator": (
        last_known("customers", {name: name for name in ("region", "gender", "industry", "owner", "kind")}),
        *(most_bought(column) for column in ("product_id", "category", "brand", "channel", "store_id")),
        last_known("transactions", {**WHEN, "last_category": "category", "last_channel": "channel"}, BUYING),
        last_known("contacts", {"last_offer": "offer_id", "last_contact_channel": "channel"}),
    ),
}


def categories_of(name: str, them: ChurnSet, rows: Frame) -> tuple[tuple[str, ...], Floats]:
    """Names, and a number for each row's category, nan where there is none; shape (rows, categories)."""
    facts = rows.facts
    told = read_draft(them.tables, them.histories, facts.places, facts.moments, "\n".join(TEXTS[name]))
    if name != "complete_journey":
        return told.names, told.values
    names, said = _demographics(them)
    return (*told.names, *names), np.column_stack([told.values, said[facts.places]])


def _demographics(them: ChurnSet) -> tuple[tuple[str, ...], Floats]:
    """What 801 of the households said of themselves, once; shape (customers, columns)."""
    path = DATA / "complete_journey_2y/hh_demographic.parquet"
    told = duckdb.sql(f"from '{path}'").df()
    columns = [column for column in told if column != "household_key"]
    place = them.histories.find(told["household_key"].astype(str).to_numpy(dtype=object))
    said = np.full((len(them.histories), len(columns)), np.nan)
    for k, column in enumerate(columns):
        said[place[place >= 0], k] = told[column].astype("category").cat.codes[place >= 0]
    return tuple(column.lower() for column in columns), said


def ranked(learnt: Floats, judged: Floats) -> tuple[Floats, Floats]:
    """Each category's place when the commonest of the rows learnt from come first; nan: rare or not known."""
    placed = np.full(learnt.shape, np.nan), np.full(judged.shape, np.nan)
    for k in range(learnt.shape[1]):
        values, number = np.unique(learnt[~np.isnan(learnt[:, k]), k], return_counts=True)
        common = values[np.argsort(-number, kind="stable")][: int((number >= LEAST_ROWS).sum())]
        rank = {value: float(place) for place, value in enumerate(common.tolist())}
        for said, into in zip((learnt, judged), placed, strict=True):
            into[:, k] = [rank.get(value, np.nan) for value in said[:, k].tolist()]
    return placed


def promises(name: str, them: ChurnSet) -> tuple[dict[str, Floats], dict[str, int], dict[str, int]]:
    """What each kind of trees promises of the judged rows; how many trees each has; categories by column."""
    train, test = them.train, them.test
    names, learnt = categories_of(name, them, train)
    again, judged = categories_of(name, them, test)
    assert names == again
    learnt, judged = ranked(learnt, judged)
    beside, weight = level_of_rows(train), DEFAULT.weight(train.facts.moments)
    known = train.facts.names
    both = np.column_stack([train.facts.values, learnt]), np.column_stack([test.facts.values, judged])
    bins = [63] * len(known) + [CATEGORY_BINS] * len(names)
    more = {"max_bin_by_feature": bins}
    arms: dict[str, tuple[Floats, Floats, tuple[str, ...], dict[str, Any]]] = {
        "as shipped": (train.facts.values, test.facts.values, known, {}),
        "categories as numbers": (*both, (*known, *names), more),
        "categorical splits": (
            *both, (*known, *names),
            more | {"categorical_feature": list(range(len(known), len(known) + len(names)))},
        ),
        "no limit of depth": (train.facts.values, test.facts.values, known, DEEP),
    }  # fmt: skip
    found, trees = {}, {}
    for arm, (values, others, told, settings) in arms.items():
        fitted = fit(
            values, train.churned, train.facts.places, told, "binary",
            weight=weight, beside=beside, parameters=DEFAULT.parameters(told) | settings,
        )  # fmt: skip
        # Levels stand beside the trees: what they leave out is the same for all rows of a moment.
        found[arm], trees[arm] = np.asarray(fitted.booster.predict(others)), fitted.trees
    return found, trees, {each: int(np.nanmax(learnt[:, k]) + 1) for k, each in enumerate(names)}


def judged(them: ChurnSet, found: dict[str, Floats]) -> dict[str, Any]:
    happened, groups = them.test.churned, them.test.facts.places
    shipped = found["as shipped"]
    return {
        "auc": {arm: with_interval(auc, each, happened, groups) for arm, each in found.items()},
        "auc_gained": {
            arm: difference(auc, each, shipped, happened, groups)
            for arm, each in found.items()
            if arm != "as shipped"
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="*", default=list(TEXTS), choices=list(TEXTS))
    parser.add_argument("--customers", type=int, default=20_000, help="of the simulated world")
    parser.add_argument("--work", type=Path, help="a folder that keeps the bases between runs")
    options = parser.parse_args()
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as passing:
        work = options.work or Path(passing)
        work.mkdir(parents=True, exist_ok=True)
        makers = {
            "online_retail": lambda: online_retail(work),
            "complete_journey": lambda: complete_journey(work),
            "simulator": lambda: simulator(work, options.customers),
        }
        for name in options.sets:
            them = makers[name]()
            found, trees, categories = promises(name, them)
            told[name] = judged(them, found) | {"trees": trees, "categories": categories}
            print(f"\n{name}: {them.says}; {len(them.test):,} rows; categories {categories}")
            for arm, each in told[name]["auc"].items():
                gained = told[name]["auc_gained"].get(arm, "")
                print(f"  {arm:22} AUC {each}  gained {gained}  trees {trees[arm]}", flush=True)
    result = {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {name: each["categories"] for name, each in told.items()},
        "ours": {name: each["auc"]["as shipped"] for name, each in told.items()},
        "peers": {
            name: {arm: figure for arm, figure in each["auc"].items() if arm != "as shipped"}
            for name, each in told.items()
        },
        "gained": {name: each["auc_gained"] for name, each in told.items()},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {"python": platform.python_version(), "lightgbm": version("lightgbm")},
        "holds": not any(each["auc_gained"]["categorical splits"].low > 0 for each in told.values()),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
