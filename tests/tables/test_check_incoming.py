"""Tables that cannot be used as a whole are refused before any row is looked at."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tables.checking import CheckReport, check_tables
from tables.refusal import Refused

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Base = dict[str, Any]
Check = Callable[..., CheckReport]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.timestamp("ns"), [1_700_000_000_000_000_000]),
        (pa.timestamp("ns", "Asia/Tokyo"), [1_700_000_000_000_000_000]),
        (pa.timestamp("ms"), [1_700_000_000_000]),
        (pa.date32(), [19_000]),
    ],
)
def test_instants_of_any_unit_are_taken(check: Check, good: Base, kind: pa.DataType, values: Any) -> None:
    table = pa.Table.from_pylist(good["customers"][:1])
    table = table.set_column(table.schema.get_field_index("at"), "at", pa.array(values, kind))
    assert check({"customers": table}).usable


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("amount", [1.5, 2.5, 3.5], r"column amount: expected whole minor units.*came DOUBLE"),
        ("at", ["2025-01-01"] * 3, r"column at: expected cast.*came VARCHAR"),
        ("event_id", [1, 2, 3], r"column event_id: expected cast.*came BIGINT"),
        ("amount", None, "column amount is missing; found event_id"),
        ("row_number", [1, 2, 3], "column row_number: the name is taken"),
    ],
)
def test_a_column_of_another_shape_is_refused(
    check: Check, good: Base, column: str, values: Any, message: str
) -> None:
    table = pa.Table.from_pylist(good["transactions"])
    table = table.drop_columns(column) if column in table.schema.names else table
    table = table if values is None else table.append_column(column, pa.array(values))
    with pytest.raises(Refused, match=message):
        check({"transactions": table})


def test_all_that_is_wrong_with_a_table_is_said_at_once(check: Check) -> None:
    with pytest.raises(Refused) as caught:
        check({"transactions": [{"event_id": 1}]})
    message = str(caught.value)
    assert message.count(" is missing") == 5
    assert "event_id: expected" in message


def test_a_base_without_customers_or_transactions_is_refused(check: Check, good: Base) -> None:
    with pytest.raises(Refused, match=r"expected at least customers\.parquet or transactions"):
        check({"products": good["products"]})
    with pytest.raises(Refused, match=r"client\.parquet: no table of the contract"):
        check({"client": good["customers"]})


def test_an_empty_base_is_refused(tmp_path: Path, write_base: Callable[..., Path]) -> None:
    with pytest.raises(Refused, match=r"base\.json: expected what `import` writes"):
        check_tables(tmp_path, tmp_path / "into", tmp_path / "refused", now=NOW)
    with pytest.raises(Refused, match="found no table"):
        check_tables(write_base({}), tmp_path / "into", tmp_path / "refused", now=NOW)


def test_an_empty_table_is_refused(check: Check, good: Base) -> None:
    with pytest.raises(Refused, match=r"customers\.parquet: the table is empty"):
        check({"customers": pa.Table.from_pylist(good["customers"]).slice(0, 0)})


@pytest.mark.parametrize("keep", [0, 3, 0.5, 0.95])
def test_a_truncated_file_is_refused(
    write_base: Callable[..., Path], good: Base, tmp_path: Path, keep: float
) -> None:
    incoming = write_base(good)
    path = incoming / "transactions.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if keep < 1 else int(keep)])
    with pytest.raises(Refused, match=r"transactions\.parquet: expected a whole Parquet file"):
        check_tables(incoming, tmp_path / "into", tmp_path / "refused", now=NOW)
