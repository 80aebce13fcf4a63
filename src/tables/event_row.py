"""Rows that come one by one: as the contract has them, held against its rules, made into records.

A row is a mapping of the contract's columns to values of JSON: instants as microseconds, days as ISO 8601
dates, choices as the stored text. What is not named is missing.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from tables.check_rules import row_rules
from tables.contract import TABLES
from tables.record import Records, to_records

Row = Mapping[str, Any]
TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "choice": pa.string(),
    "choices": pa.string(),
    "instant": pa.timestamp("us", "UTC"),
    "day": pa.date32(),
    "integer": pa.int64(),
    "money": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
}


def table_of(name: str, rows: Sequence[Row]) -> pa.Table:
    """The rows in the types of a checked table; each says `at`, and `known_at` where that is another."""
    columns = {}
    for column in TABLES[name].columns.values():
        values = [row.get(column.name) for row in rows]
        if column.name == "known_at":
            values = [row.get("known_at", row["at"]) for row in rows]
        if column.name == "deleted":
            values = [bool(value) for value in values]
        if column.kind == "day":
            values = [date.fromisoformat(value) if isinstance(value, str) else value for value in values]
        columns[column.name] = pa.array(values, TYPES[column.kind])
    return pa.table(columns)


class Rules:
    """The contract's rules, for rows that come while somebody waits: a database in memory that is there
    already, since to open one takes longer than all else. For one thread at a time."""

    def __init__(self) -> None:
        self._db = duckdb.connect()
        # To make the query better takes longer than to run it.
        self._db.execute("set threads = 1; set TimeZone = 'UTC'; pragma disable_optimizer")

    def broken(self, name: str, rows: pa.Table, now: datetime) -> list[list[str]]:
        """The rules that each row breaks, by name; whether what it refers to is there is not looked at."""
        rules = row_rules(TABLES[name], f"timestamptz '{now.isoformat()}'", {})
        conditions = ", ".join(f"not coalesce({condition}, true)" for condition in rules.values())
        self._db.register("rows_that_came", rows)
        found = self._db.execute(f"select {conditions} from rows_that_came").fetchall()
        self._db.unregister("rows_that_came")
        return [[rule for rule, is_broken in zip(rules, row, strict=True) if is_broken] for row in found]


def records_of(name: str, rows: Sequence[Row], zone: str) -> list[Records]:
    """Each row as a stored record, shape (1,); zone: the base's."""
    records = to_records(name, table_of(name, rows), zone)
    return [records[k : k + 1] for k in range(len(records))]


def same_content(one: Records, other: Records) -> bool:
    """Whether two stored rows say the same, whenever each became known."""
    names = [n for n in one.dtype.names or () if n not in ("seen_at", "known_at", "mark", "zone_minutes")]
    return all(
        np.array_equal(one[n], other[n], equal_nan=one[n].dtype.kind == "f")
        for n in names
        if not n.startswith("rest_")
    ) and bool(((one["mark"] ^ other["mark"]) & 1 == 0).all())
