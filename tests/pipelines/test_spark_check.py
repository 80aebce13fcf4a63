"""Spark says of every row what the local engine says of it."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tables.check_rules import MERGED_INTO_A_CUSTOMER, NO_CYCLE, ONE_CUSTOMER, ONE_VERSION
from tables.checking import CheckReport, check_tables
from tables.column import Column
from tables.contract import TABLES, Table
from tables.refusal import Refused

pytestmark = pytest.mark.long
NOW = datetime(2026, 1, 1, tzinfo=UTC)
# In Berlin a clock shows 02:30 twice on the one night and never on the other.
MOMENTS = [
    datetime.fromisoformat(moment)
    for moment in ("2025-10-26T02:30", "2025-03-30T02:30", "2025-07-01T00:00", "2026-07-01T00:00")
]
ARROW = {"instant": pa.timestamp("us"), "day": pa.date32(), "integer": pa.int64(), "money": pa.int64(),
         "number": pa.float64(), "flag": pa.bool_()}  # fmt: skip
# All that refer or are referred to, and one of the others.
RELATED = ("customers", "products", "transactions", "interactions", "offers", "contacts", "responses")
BASE = {"source": "t", "time_zone": "Europe/Berlin", "currency": "EUR", "minor_units": 100}


def pool(name: str, column: Column) -> list[Any]:
    """Values of a column, most of them right."""
    if name == "event_id" or column.references == "contacts":
        return [f"e{k}" for k in range(200)]
    if name in ("customer_id", "merged_into", "referred_customer_id"):
        return [f"c{k}" for k in range(30)]
    if name in ("product_id", "offer_id"):
        return [f"k{k}" for k in range(9)]
    return {
        "text": ["a", "b"],
        "instant": MOMENTS[:3],
        "day": [date(1990, 1, 1), date(1991, 1, 1)],
        "integer": [1, 2, 3],
        "money": [0, 1, 2],
        "number": [0.5, 1.0, 5.0],
        "flag": [True, False],
        "choice": list(column.choices),
        "choices": ["", *column.choices[:2], ",".join(column.choices[:2])],
    }[column.kind]


WRONG: dict[str, list[Any]] = {
    "text": ["", " ", "nobody"], "instant": [MOMENTS[3]], "day": [date(2030, 1, 1)],
    "integer": [-1, 0, 2**31], "money": [-3], "number": [float("nan"), -1.0], "flag": [None],
    "choice": ["else"], "choices": ["else", "email, sms"],
}  # fmt: skip


def table_of(table: type[Table], rng: np.random.Generator, rows: int) -> pa.Table:
    """Random rows: some repeated, some wrong, some versions of one event; a column nobody knows."""
    columns = {name: column for name, column in table.columns.items() if name != "contract_until"}
    spoilt = rng.random(rows) < 0.2

    def value(name: str, column: Column, row: int) -> Any:
        if not column.required and rng.random() < (0.8 if name == "merged_into" else 0.4):
            return None
        chance = 0.15 if spoilt[row] else 0
        some = [*WRONG[column.kind], None] if rng.random() < chance else pool(name, column)
        return some[rng.integers(len(some))]

    made = {name: [value(name, column, k) for k in range(rows)] for name, column in columns.items()}
    said = pa.table(
        {name: pa.array(made[name], ARROW.get(column.kind, pa.string())) for name, column in columns.items()}
    )
    said = said.append_column("colour of a row", pa.array(["red"] * rows))
    again = pa.array(rng.integers(0, rows, rows // 8))
    return pa.concat_tables([said, said.take(again)])


def write(folder: Path, tables: dict[str, pa.Table]) -> Path:
    folder.mkdir()
    for name, rows in tables.items():
        pq.write_table(rows, folder / f"{name}.parquet")
    (folder / "base.json").write_text(json.dumps(BASE))
    return folder


def both(spark: Any, tmp_path: Path, tables: dict[str, pa.Table]) -> tuple[CheckReport, CheckReport]:
    """What either engine reports, after the rows that either wrote were found the same."""
    from pipelines.spark import check as by_spark  # noqa: PLC0415
    from pipelines.spark.folder import place_of  # noqa: PLC0415

    came, here, there = write(tmp_path / "came", tables), tmp_path / "local", tmp_path / "spark"
    local = check_tables(came, here / "tables", here / "refused", now=NOW, share=1.0)
    ours = by_spark.check_tables(spark, place_of(came), place_of(there), now=NOW, share=1.0)
    for name in tables:
        for shelf in ("tables", "refused"):
            assert rows_in(there / shelf, name) == rows_in(here / shelf, name), (shelf, name)
        assert types_in(there / "tables", name) == types_in(here / "tables", name)
    return local, ours


def rows_in(folder: Path, name: str) -> Counter[str]:
    """Each row as a text, and how often it is there; rows by Spark have no number."""
    path = folder / f"{name}.parquet"
    if not path.exists():
        return Counter()
    rows = pq.read_table(path)
    rows = rows.drop_columns([each for each in ("row_number",) if each in rows.column_names])
    return Counter(str(sorted(row.items())) for row in rows.to_pylist())


def types_in(folder: Path, name: str) -> dict[str, pa.DataType]:
    schema = pq.read_table(folder / f"{name}.parquet").schema
    return dict(zip(schema.names, schema.types, strict=True))


def counts(report: CheckReport) -> dict[str, Any]:
    """What is said of each table, but for numbers of rows."""
    return {
        name: (check.rows, check.hold, check.refused, check.repeated, check.ignored, check.usable,
               {rule: broken.rows for rule, broken in check.broken.items()})
        for name, check in report.tables.items()
    }  # fmt: skip


def test_random_tables_hold_are_refused_and_repeat_as_by_the_local_engine(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.spark import check as by_spark  # noqa: PLC0415

    monkeypatch.setattr(by_spark, "ROWS_A_TASK", 100)
    rng = np.random.default_rng(1)
    tables = {name: table_of(TABLES[name], rng, 150) for name in RELATED}
    local, ours = both(spark, tmp_path, tables)
    assert counts(ours) == counts(local)
    assert all(check.hold and check.refused and check.repeated for check in ours.tables.values())
    seen = {rule for check in ours.tables.values() for rule in check.broken}
    across = {ONE_VERSION, ONE_CUSTOMER, MERGED_INTO_A_CUSTOMER, "customer_id names a row of customers"}
    assert seen >= across
    assert len(seen) > 40
    base = json.loads(next((tmp_path / "spark/tables/base.json").glob("part-*")).read_text())
    assert base == json.loads((tmp_path / "local/tables/base.json").read_text())


def merging(*pairs: tuple[str, str | None], kind: str | None = None) -> pa.Table:
    rows = [
        {"event_id": f"{who}-{k}", "at": NOW - timedelta(days=1), "customer_id": who, "merged_into": into,
         "kind": kind}
        for k, (who, into) in enumerate(pairs)
    ]  # fmt: skip
    text = ("event_id", "customer_id", "merged_into", "kind")
    schema = pa.schema([*((name, pa.string()) for name in text), ("at", pa.timestamp("us", "UTC"))])
    return pa.Table.from_pylist(rows, schema)


def test_circles_and_chains_of_mergers_are_refused_as_by_the_local_engine(spark: Any, tmp_path: Path) -> None:
    circle = merging(("a", "b"), ("b", "c"), ("c", "a"), ("a", "b"), ("a", None))
    chain = merging(("d", "e"), ("e", "f"), ("f", "nobody"), ("g", "h"), ("h", None))
    alien = merging(("h2", None), kind="alien")
    into_refused = merging(("i", "h2"))
    rows = pa.concat_tables([circle, chain, alien, into_refused])
    local, ours = both(spark, tmp_path, {"customers": rows})
    assert counts(ours) == counts(local)
    broken = ours.tables["customers"].broken
    assert (broken[NO_CYCLE].rows, broken[MERGED_INTO_A_CUSTOMER].rows) == (4, 4)


def test_what_is_wrong_with_a_whole_table_is_refused_in_the_same_words(spark: Any, tmp_path: Path) -> None:
    bare = merging(("a", None))
    wrong = bare.drop_columns(["at"]).append_column("birth_on", pa.array(["1990"]))
    spoilt = {"types": {"customers": wrong}, "empty": {"customers": bare[:0]}, "unknown": {"customer": bare}}
    for name, tables in spoilt.items():
        with pytest.raises(Refused) as local:
            check_tables(write(tmp_path / name, tables), tmp_path / "i", tmp_path / "r", now=NOW)
        with pytest.raises(Refused) as ours:
            by_spark_of(spark, tmp_path / name, tmp_path / f"{name}-out")
        assert str(ours.value).split(": ", 1)[1] in str(local.value)


def by_spark_of(spark: Any, came: Path, out: Path) -> CheckReport:
    from pipelines.spark.check import check_tables as by_spark  # noqa: PLC0415
    from pipelines.spark.folder import place_of  # noqa: PLC0415

    return by_spark(spark, place_of(came), place_of(out), share=0.01, now=NOW)


def test_a_base_that_cannot_be_used_is_not_left_as_one(spark: Any, tmp_path: Path) -> None:
    rows = pa.concat_tables([merging(("a", None)), merging(("b", None), kind="alien")])
    report = by_spark_of(spark, write(tmp_path / "came", {"customers": rows}), tmp_path / "out")
    assert not report.usable
    assert (tmp_path / "out/refused/check.json").exists()
    assert not (tmp_path / "out/tables/base.json").exists()
