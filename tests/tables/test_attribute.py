"""Attributes as texts, as they were known at a moment."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tables.attribute import attributes_at
from tables.moment import DAY

KINDS = {"at": pa.timestamp("us", "UTC"), "known_at": pa.timestamp("us", "UTC"), "deleted": pa.bool_()}


def write(folder: Path, rows: list[dict[str, Any]], name: str = "customers") -> None:
    plain = {"deleted": False, "region": None, "gender": None}
    whole = [
        plain | {"event_id": f"{row['customer_id']}-{row['at']}", "known_at": row["at"]} | row for row in rows
    ]
    arrays = {key: pa.array([row[key] for row in whole], KINDS.get(key, pa.string())) for key in whole[0]}
    pq.write_table(pa.table(arrays), folder / f"{name}.parquet")


def test_the_last_row_known_counts(tmp_path: Path) -> None:
    write(
        tmp_path,
        [
            {"customer_id": "ann", "at": 0, "region": "north", "gender": "female"},
            {"customer_id": "ann", "at": 5 * DAY, "region": "south", "gender": "female"},
            {"customer_id": "bob", "at": 1 * DAY, "region": "east", "known_at": 9 * DAY},
            {"customer_id": "cai", "at": 1 * DAY, "region": "west"},
        ],
    )
    asked = ["cai", "ann", "nobody", "bob", "ann"]
    then = attributes_at(tmp_path, 3 * DAY, asked, ["region", "gender", "birth_on", "colour"])
    assert set(then) == {"region", "gender"}
    assert then["region"].tolist() == ["west", "north", None, None, "north"]
    now = attributes_at(tmp_path, 10 * DAY, asked, ["region"])
    assert now["region"].tolist() == ["west", "south", None, "east", "south"]


def test_corrections_and_withdrawals_of_a_feed_count(tmp_path: Path) -> None:
    write(
        tmp_path,
        [{"customer_id": "ann", "at": 0, "region": "north"}, {"customer_id": "bob", "at": 0, "region": "x"}],
    )
    feed = [
        {"customer_id": "ann", "at": 0, "region": "south", "known_at": 2 * DAY},
        {"customer_id": "bob", "at": 0, "deleted": True, "known_at": 2 * DAY},
    ]
    write(tmp_path, feed, "customers.0001")
    assert attributes_at(tmp_path, DAY, ["ann", "bob"], ["region"])["region"].tolist() == ["north", "x"]
    assert attributes_at(tmp_path, 3 * DAY, ["ann", "bob"], ["region"])["region"].tolist() == ["south", None]


def test_a_base_that_says_nothing_of_customers_has_no_attributes(tmp_path: Path) -> None:
    assert attributes_at(tmp_path, DAY, ["ann"], ["region"]) == {}
