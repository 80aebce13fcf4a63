"""A staged week that is not what it must be is refused, by rule and customer."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from releases.home import Home
from releases.policy import FrozenPolicy, read_frozen_policy
from releases.row import SCHEMA
from releases.segment_column import SEGMENT_FIELDS
from releases.week import Limit, WeekAbout, read_part, read_week_about, read_week_rows
from releases.week_check import check_week
from tables.history import read_histories
from tables.refusal import Refused

Change = Callable[[pa.Table], pa.Table]


@pytest.fixture(scope="module")
def home(published: Path) -> Home:
    return Home(published)


@pytest.fixture(scope="module")
def about(home: Home) -> WeekAbout:
    return read_week_about(home.weeks / home.published().week, home.key())


@pytest.fixture(scope="module")
def frozen(home: Home) -> FrozenPolicy:
    return read_frozen_policy(home.policies / home.published().policy, home.key())


@pytest.fixture(scope="module")
def ids(home: Home) -> Any:
    return read_histories(home.current_base() / "histories").ids


@pytest.fixture
def staged(home: Home, tmp_path: Path) -> Path:
    return shutil.copytree(home.weeks / home.published().week, tmp_path / "staged")


def put(column: str, row: int, value: Any) -> Change:
    def change(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        values[row] = value
        place = table.column_names.index(column)
        return table.set_column(place, table.schema.field(column), pa.array(values, table[column].type))

    return change


def swap(table: pa.Table) -> pa.Table:
    order = [1, 0, *range(2, len(table))]
    return table.take(order)


def twice(table: pa.Table) -> pa.Table:
    return table.take([0, *range(len(table) - 1)])


def first(home_: Path, status: str) -> int:
    table = pq.read_table(home_ / "scores" / "part-000.parquet")
    return table["status"].to_pylist().index(status)


IN, OUT = "in_base", "lapsed"
LATER = datetime(2100, 1, 1, tzinfo=UTC)
BROKEN: dict[str, tuple[str, str, Any, str]] = {
    "no score": (IN, "churn_probability", None, "is in the base and has no churn_probability"),
    "a score outside the base": (
        OUT,
        "churn_probability",
        0.5,
        "is in the base and has no churn_probability",
    ),
    "no reasons": (IN, "reasons", None, "has no reasons"),
    "no band": (IN, "risk_band_zh", None, "has no risk_band_zh"),
    "a probability above 1": (IN, "churn_probability", 1.5, "outside 0 to 1"),
    "a probability below 0": (IN, "churn_probability", -0.1, "outside 0 to 1"),
    "no number for a probability": (IN, "churn_probability", float("nan"), "outside 0 to 1"),
    "no lower end": (IN, "value_low", None, "is in the base and has no value_low"),
    "an end outside the base": (OUT, "value_high", 5.0, "is in the base and has no value_high"),
    "a value below its interval": (IN, "value_low", 1e15, "an expected_value outside its interval"),
    "an interval without end": (IN, "value_high", float("inf"), "has an interval without end"),
    "no horizon": (IN, "churn_probability_28d", None, "is in the base and has no churn_probability_28d"),
    "horizons that cross": (IN, "churn_probability_28d", 0.0, "likelier to be silent for longer"),
    "a horizon above 1": (IN, "churn_probability_28d", 1.5, "for a horizon outside 0 to 1"),
    "an infinite value": (IN, "expected_value", float("inf"), "an expected_value that is no number"),
    "an infinite net value": (IN, "offer_1_net_value", float("inf"), "an infinite offer_1_net_value"),
    "an unknown status": (IN, "status", "gone", "a status that is not known"),
    "an unknown offer": (IN, "chosen_offer", "o-none", "an offer that the policy does not know"),
    "an offer held back from who is not held out": (IN, "held_back_offer", "o-care", "and is not held out"),
    "a propensity above 1": (IN, "propensity", 1.5, "has a propensity outside 0 to 1"),
    "a stage without its date": (IN, "stage_since", None, "has a stage and no stage_since"),
    "a stage entered later": (IN, "stage_since", LATER, "entered its stage after the moment of the week"),
    "an unknown stage": (IN, "stage", "asleep", "has a stage that the policy does not know"),
    "an unknown class": (IN, "value_class", "best", "has a value_class that the policy does not know"),
    "a share above 1": (IN, "behaviour_share", 1.5, "has a behaviour_share outside 0 to 1"),
    "no share": (IN, "behaviour_share", None, "has a behaviour and no behaviour_share"),
    "no cell": (IN, "value_class", None, "has a class on each axis and no cell"),
    "no plan": (IN, "plan", None, "has a cell and no plan"),
    "another bundle": (IN, "bundle", "b", "names another bundle"),
    "another customer": (IN, "customer_id", "x", "is not the customer that the base has in this place"),
}


def broken(staged: Path, about: WeekAbout, frozen: FrozenPolicy, ids: Any, change: Change, says: str) -> None:
    path = staged / "scores" / "part-000.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(Refused, match="the staged week is broken: ") as refused:
        check_week(staged, about, frozen, [ids])
    assert says in str(refused.value)
    assert "the week of before stays" in str(refused.value)


def test_a_whole_week_passes(staged: Path, about: WeekAbout, frozen: FrozenPolicy, ids: Any) -> None:
    seen: list[tuple[int, int]] = []
    check_week(staged, about, frozen, [ids], lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(ids), len(ids))


@pytest.mark.parametrize(("status", "column", "value", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_row_is_named(
    staged: Path,
    about: WeekAbout,
    frozen: FrozenPolicy,
    ids: Any,
    status: str,
    column: str,
    value: Any,
    says: str,
) -> None:
    row = 5 if column == "customer_id" else first(staged, status)
    broken(staged, about, frozen, ids, put(column, row, value), says)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda table: table.slice(0, 9), "rows of scores/part-000.parquet: expected"),
        (swap, "first and last of scores/part-000.parquet"),
        (twice, "first and last of"),
        (lambda table: table.take([0, 2, 1, *range(3, len(table))]), "in this place"),
    ],
    ids=["missing", "swapped", "twice", "in another order"],
)
def test_every_customer_stands_there_once_and_in_order(
    staged: Path, about: WeekAbout, frozen: FrozenPolicy, ids: Any, change: Change, says: str
) -> None:
    broken(staged, about, frozen, ids, change, says)


def test_a_base_out_of_order_is_noticed_too(
    staged: Path, about: WeekAbout, frozen: FrozenPolicy, ids: Any
) -> None:
    """Or a customer would not be found in the part that the order of ids points at."""
    order = [0, 2, 1, *range(3, len(ids))]
    says = "does not come after the customer before"
    broken(staged, about, frozen, ids[order], lambda table: table.take(order), says)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"customers": 3}, "customers in the parts"),
        ({"in_base": 3}, "customers in the base: expected 3"),
        (
            {"limits": (Limit("weekly_budget", 100.0, 0.0, 100.1),)},
            "it uses 100.1 of weekly_budget, whose bound is 100",
        ),
        ({"churn_quantiles": (0.5,) * 21}, "quantiles of the churn probability"),
        ({"moment": 5}, "names another moment"),
        ({"policy": "other"}, "names another policy"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_what_a_week_says_of_itself_is_so(
    staged: Path, about: WeekAbout, frozen: FrozenPolicy, ids: Any, wrong: dict[str, Any], says: str
) -> None:
    with pytest.raises(Refused) as refused:
        check_week(staged, replace(about, **wrong), frozen, [ids])
    assert says in str(refused.value)


@pytest.mark.parametrize("bit", [100, -2000, -30])
def test_a_damaged_part_is_refused_when_it_is_read(
    staged: Path, about: WeekAbout, frozen: FrozenPolicy, ids: Any, bit: int
) -> None:
    path = staged / "scores" / "part-000.parquet"
    data = bytearray(path.read_bytes())
    data[bit] ^= 1
    path.write_bytes(data)
    with pytest.raises(Refused):
        read_week_rows(staged)  # by its hash, whatever was hit
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(Refused, match="damaged"):
        read_part(path)


def test_a_week_from_before_there_were_segments_is_read_without_them(staged: Path) -> None:
    path = staged / "scores" / "part-000.parquet"
    names = [field.name for field in SEGMENT_FIELDS]
    whole = pq.read_table(path)
    pq.write_table(whole.drop_columns(names), path, write_page_checksum=True)
    read = read_part(path)
    assert read.schema.equals(SCHEMA)
    assert all(read[name].null_count == len(read) for name in names)
    assert read.drop_columns(names).equals(whole.drop_columns(names))


def test_a_week_of_an_older_version_says_what_to_do(staged: Path, home: Home) -> None:
    text = json.loads((staged / "week.json").read_text())
    del text["parts"]
    (staged / "week.json").write_text(json.dumps(text))
    with pytest.raises(Refused):
        read_week_rows(staged)
