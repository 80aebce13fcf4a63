"""Small bases made of rows, as histories."""

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tables.contract import TABLES
from tables.event_row import TYPES
from tables.history import Histories, read_histories
from tables.moment import DAY
from tables.sorting import write_histories

START = 1_700_000_000_000_000 // DAY * DAY
PLAIN = {
    "transactions": {"quantity": 1, "amount": 100},
    "contacts": {"kind": "sent", "offer_id": "ten"},
    "responses": {"kind": "redeemed"},
    "interactions": {"kind": "visit"},
}


@pytest.fixture(scope="session")
def start() -> int:
    return START


@pytest.fixture(scope="session")
def base_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Histories]:
    """Histories of rows by table: instants in microseconds since START; what a row does not say is plain."""

    def build(**tables: list[dict[str, Any]]) -> Histories:
        folder = tmp_path_factory.mktemp("base")
        columns = {}
        for name, rows in tables.items():
            kinds = {column.name: column.kind for column in TABLES[name].columns.values()}
            told = dict.fromkeys([*(key for row in rows for key in row), *PLAIN.get(name, {})])
            columns[name] = list(dict.fromkeys(["event_id", "at", "known_at", "deleted", *told]))
            whole = [_whole(name, k, row) for k, row in enumerate(rows)]
            arrays = {c: pa.array([row.get(c) for row in whole], TYPES[kinds[c]]) for c in columns[name]}
            pq.write_table(pa.table(arrays), folder / f"{name}.parquet")
        about = {"columns": columns, "time_zone": "UTC", "currency": "EUR", "minor_units": 100}
        (folder / "base.json").write_text(json.dumps(about))
        write_histories(folder, folder / "histories")
        return read_histories(folder / "histories")

    return build


def _whole(name: str, number: int, row: dict[str, Any]) -> dict[str, Any]:
    said = {"event_id": f"{name}-{number}", "deleted": False} | PLAIN.get(name, {}) | row
    if name == "transactions":
        said.setdefault("order_id", said["event_id"])
    said["known_at"] = START + said.get("known_at", said["at"])
    said["at"] += START
    return said
