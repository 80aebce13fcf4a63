"""Small bases and sources to spoil."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tables.checking import CheckReport, check_tables

NOW = datetime(2026, 1, 1, tzinfo=UTC)
THEN = datetime(2025, 6, 1, 12, tzinfo=UTC)
Rows = list[dict[str, Any]]

SETTINGS = """
name: shop
time_zone: Europe/Berlin
currency: EUR
minor_units: 100
files:
  lines: {path: lines.csv, delimiter: ";"}
"""
LINES = "id;customer;at;cents\n007;ann;2025-07-01 12:00:00;250\n008;bob;2025-01-01 12:00:00;99\n"
SELECT = """
select id as event_id, cast("at" as timestamp) as at, customer as customer_id, id as order_id,
    1 as quantity, cast(cents as bigint) as amount
from lines;
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A source on one CSV file; it and its raw file lie in one folder."""
    (tmp_path / "source.yaml").write_text(SETTINGS)
    (tmp_path / "transactions.sql").write_text(SELECT)
    (tmp_path / "lines.csv").write_text(LINES)
    return tmp_path


@pytest.fixture
def good() -> dict[str, Rows]:
    """A base in which every row holds."""
    at = {"at": THEN}
    return {
        "customers": [
            {"event_id": "c1", **at, "customer_id": "ann", "consents": "email,sms", "kind": "B2C"},
            {"event_id": "c2", **at, "customer_id": "bob", "consents": "", "kind": None},
        ],
        "products": [{"event_id": "p1", **at, "product_id": "tea", "list_price": 250}],
        "transactions": [
            _line("t1", "ann", 2, 500, "tea"),
            _line("t2", "ann", -1, -250, "tea"),
            _line("t3", "bob", 1, 0, None),
        ],
        "offers": [
            {
                "event_id": "o1", **at, "offer_id": "ten", "kind": "coupon", "reward": 10, "cost": 10,
                "starts_at": THEN,
            }
        ],
        "contacts": [
            {"event_id": "k1", **at, "customer_id": "ann", "offer_id": "ten", "kind": "sent",
             "propensity": 0.5}
        ],
        "responses": [
            {"event_id": "r1", **at, "customer_id": "ann", "contact_id": "k1", "kind": "viewed"}
        ],
    }  # fmt: skip


def _table(rows: Rows) -> pa.Table:
    columns = dict.fromkeys(name for row in rows for name in row)
    return pa.Table.from_pylist([dict.fromkeys(columns) | row for row in rows])


def _line(event: str, customer: str, quantity: int, amount: int, product: str | None) -> dict[str, Any]:
    return {
        "event_id": event, "at": THEN, "customer_id": customer, "order_id": "1", "quantity": quantity,
        "amount": amount, "product_id": product,
    }  # fmt: skip


@pytest.fixture
def write_base(tmp_path: Path) -> Callable[..., Path]:
    """Write tables (lists of rows, or Arrow tables) as a base to check; return its folder."""

    def write(tables: dict[str, Any], folder: str = "incoming") -> Path:
        incoming = tmp_path / folder
        incoming.mkdir(exist_ok=True)
        for name, rows in tables.items():
            pq.write_table(rows if isinstance(rows, pa.Table) else _table(rows), incoming / f"{name}.parquet")
        base = {
            "source": "test", "description": "", "time_zone": "Europe/Berlin", "currency": "EUR",
            "minor_units": 100, "counted": {},
        }  # fmt: skip
        (incoming / "base.json").write_text(json.dumps(base))
        return incoming

    return write


@pytest.fixture
def check(tmp_path: Path, write_base: Callable[..., Path]) -> Callable[..., CheckReport]:
    """Write and check tables; what holds is in tmp_path/into, what does not in tmp_path/refused."""

    def run(tables: dict[str, Any], **options: Any) -> CheckReport:
        options.setdefault("now", NOW)
        return check_tables(write_base(tables), tmp_path / "into", tmp_path / "refused", **options)

    return run
