"""Every row that comes is held, refused or counted as repeated; and what holds, holds when checked again."""

import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tables.checking import check_tables

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = st.sampled_from(["a", "b", "c", "d", "", None])
MOMENTS = st.sampled_from([None, *(NOW + timedelta(days=days) for days in (-2, -1, 0, 1))])
NUMBERS = st.sampled_from([None, -2, -1, 0, 1, 2])
EVENT = {"event_id": st.sampled_from(list("abcdefgh")) | NAMES, "at": MOMENTS, "known_at": MOMENTS}
CUSTOMERS = {
    **EVENT,
    "customer_id": NAMES,
    "kind": st.sampled_from(["B2C", "B2B", "b2c", None]),
    "merged_into": st.none() | NAMES,
}
TRANSACTIONS = {
    **EVENT,
    "deleted": st.sampled_from([True, False, None]),
    "customer_id": NAMES,
    "order_id": NAMES,
    "quantity": NUMBERS,
    "amount": NUMBERS,
}
TYPES = {
    "at": pa.timestamp("us", "UTC"), "known_at": pa.timestamp("us", "UTC"), "deleted": pa.bool_(),
    "quantity": pa.int64(), "amount": pa.int64(),
}  # fmt: skip


# Few other faults, so that many merges hold or fail by each other.
MERGING = {
    **CUSTOMERS,
    "event_id": st.sampled_from(list("abcdefghijklmnop")),
    "at": st.just(NOW - timedelta(days=2)),
    "known_at": st.sampled_from([None, None, NOW - timedelta(days=1)]),
    "customer_id": st.sampled_from(list("abcdef")),
    "kind": st.sampled_from(["B2C", None, None, "b2c"]),
    "merged_into": st.none() | st.sampled_from(list("abcdef")),
}


def tables(columns: dict[str, Any]) -> st.SearchStrategy[pa.Table]:
    rows = st.lists(st.fixed_dictionaries(columns), min_size=1, max_size=12)
    some_twice = rows.map(lambda some: some + some[: len(some) // 3])
    return some_twice.map(lambda some: table(some, columns))


def table(rows: list[dict[str, Any]], columns: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(rows, pa.schema([(name, TYPES.get(name, pa.string())) for name in columns]))


def customer(event: str, who: str, kind: str | None = None, into: str | None = None) -> dict[str, Any]:
    then = NOW - timedelta(days=1)
    return {"event_id": event, "at": then, "customer_id": who, "kind": kind, "merged_into": into}


A_LINE = {"event_id": "l", "at": NOW, "customer_id": "c", "order_id": "o", "quantity": 1, "amount": 1}
ONE_LINE = table([A_LINE], TRANSACTIONS)
# Nobody's row holds; the second row repeats the first, which is refused, and once was taken for a customer.
REPEATS_A_REFUSED_ROW = table(
    [
        customer("e", "b", kind="alien"),
        customer("e", "b", kind="alien"),
        customer("f", "a", into="b"),
        customer("g", "c"),
    ],
    CUSTOMERS,
)
# The way back was refused, so that a row that holds leads in no circle.
CIRCLE_THROUGH_A_REFUSED_ROW = table(
    [
        customer("e", "a", into="b"),
        customer("f", "b", kind="alien", into="a"),
        customer("g", "b"),
        customer("h", "c"),
    ],
    CUSTOMERS,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(customers=tables(CUSTOMERS) | tables(MERGING), transactions=tables(TRANSACTIONS))
@example(customers=REPEATS_A_REFUSED_ROW, transactions=ONE_LINE)
@example(customers=CIRCLE_THROUGH_A_REFUSED_ROW, transactions=ONE_LINE)
def test_no_row_is_lost_and_what_holds_holds_again(customers: pa.Table, transactions: pa.Table) -> None:
    with tempfile.TemporaryDirectory() as passing:
        folder = Path(passing)
        came = {"customers": customers, "transactions": transactions}
        (folder / "0").mkdir()
        for name, table in came.items():
            pq.write_table(table, folder / f"0/{name}.parquet")
        (folder / "0/base.json").write_text(
            '{"source": "t", "time_zone": "UTC", "currency": "EUR", "minor_units": 100}'
        )
        report = check_tables(folder / "0", folder / "1", folder / "refused", now=NOW)
        for name, table in came.items():
            check = report.tables[name]
            hold = pq.read_table(folder / f"1/{name}.parquet").to_pylist()
            path = folder / f"refused/{name}.parquet"
            refused = pq.read_table(path).to_pylist() if path.exists() else []
            rows = [_whole(row) for row in table.to_pylist()]
            kept = {_key(row) for row in hold}
            turned_away = {row["row_number"] for row in refused}

            assert check.rows == len(rows) == check.hold + check.refused + check.repeated
            assert (len(hold), len(refused)) == (check.hold, check.refused)
            assert all(row["reasons"] for row in refused)
            assert sum(broken.rows for broken in check.broken.values()) == sum(
                len(row["reasons"]) for row in refused
            )
            # Each row is found where it should be: among those that hold, or with its number in refused,
            # or it repeats one of these two.
            repeats = 0
            seen: Counter[Any] = Counter()
            for number, row in enumerate(rows, 1):
                is_new = _key(row) not in seen or row["event_id"] is None
                seen[_key(row)] += 1
                if is_new:
                    assert (number in turned_away) != (_key(row) in kept)
                else:
                    repeats += 1
                    assert number not in turned_away
            assert repeats == check.repeated
        if all(check.hold for check in report.tables.values()):
            again = check_tables(folder / "1", folder / "2", folder / "refused2", now=NOW)
            assert all(check.hold == check.rows for check in again.tables.values())
            for name in came:
                assert pq.read_table(folder / f"1/{name}.parquet").equals(
                    pq.read_table(folder / f"2/{name}.parquet")
                )


def _whole(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"known_at": row["known_at"] or row["at"], "deleted": bool(row.get("deleted"))}


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted((name, str(value)) for name, value in row.items()))
