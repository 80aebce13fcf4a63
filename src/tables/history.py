"""Histories: what happened to each customer, sorted by customer and time, as fixed-width records.

One `<table>.npy` a table (memory-mapped when read) and the place where each customer's records begin. A
record keeps of its row what facts need: codes for texts, small numbers for choices, microseconds for
instants. Three columns say when it counts:

- `at`: when it happened;
- `seen_at`: the later of `at` and `known_at`, the first moment it is visible;
- `until`: the first moment a later version (or a deletion, or a merger) takes its place.

So a row is visible at t when seen_at <= t < until; nothing that is not visible at t can change that.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from tables.column import RECORD
from tables.contract import CUSTOMER_TABLES, TABLES, Table
from tables.refusal import Refused

Records = npt.NDArray[np.void]
# What a missing whole number or day becomes: no fact can take it for a value by accident.
MISSING_NUMBER = -(2**62)
MISSING_DAY = -(2**30)
CUSTOMERS_A_BUCKET = 65_536


class History(NamedTuple):
    """One customer's events, or with offsets everybody's: one record array a table, sorted by time."""

    customers: Any
    transactions: Any
    points: Any
    interactions: Any
    contacts: Any
    responses: Any
    surveys: Any


assert History._fields == CUSTOMER_TABLES


def kept_columns(table: type[Table]) -> dict[str, str]:
    """Column -> kind, of what a record of the table keeps beside its three clocks."""
    own = {
        name: column.kind
        for name, column in table.columns.items()
        if column.recorded and name not in ("customer_id", "at", "known_at", "deleted")
    }
    joined = {name: TABLES[other].columns[column].kind for name, (_, other, column) in table.joined.items()}
    return own | joined  # type: ignore[return-value]


def record_type(name: str) -> np.dtype[np.void]:
    """The record of a table; wide fields first, so that none straddles its alignment."""
    fields = [("at", "i8"), ("seen_at", "i8"), ("until", "i8")]
    fields += [(column, RECORD[kind]) for column, kind in kept_columns(TABLES[name]).items()]  # type: ignore[index]
    fields += [("local_day", "i4"), ("local_hour", "i1")]
    fields.sort(key=lambda field: -np.dtype(field[1]).itemsize)
    return np.dtype(fields, align=True)


RECORD_TYPES = {name: record_type(name) for name in CUSTOMER_TABLES}


class Histories(NamedTuple):
    """The histories of a whole base.

    ids: customer ids in byte order, shape (customers,); events and offsets by table: customer c's records
    are events[table][offsets[table][c] : offsets[table][c + 1]]. `present` names the tables and the columns
    ("table.column") that the base has; facts that need others are missing.
    """

    ids: npt.NDArray[np.object_]
    events: History
    offsets: History
    present: frozenset[str]
    time_zone: str
    currency: str
    minor_units: int
    first_at: int
    last_at: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def buckets(self) -> npt.NDArray[np.int64]:
        """Borders, shape (buckets + 1,): bucket b holds the places buckets[b] to buckets[b + 1] - 1."""
        begins = np.arange(0, len(self), CUSTOMERS_A_BUCKET, dtype=np.int64)
        return np.append(begins, np.int64(len(self)))

    def places(self, customer_ids: list[str]) -> npt.NDArray[np.int64]:
        """Where the customers stand in `ids`; raises Refused naming those who are not known."""
        wanted = np.asarray(customer_ids, dtype=object)
        found = np.searchsorted(self.ids, wanted)
        known = (found < len(self.ids)) & (self.ids[np.minimum(found, len(self.ids) - 1)] == wanted)
        if not known.all():
            unknown = ", ".join(repr(each) for each in wanted[~known][:10])
            raise Refused(f"{int((~known).sum())} customers are not in the base: {unknown}")
        return found.astype(np.int64)


def read_histories(folder: Path) -> Histories:
    """Map the histories into memory; nothing is read until a fact asks for it."""
    about = json.loads((folder / "histories.json").read_text(encoding="utf-8"))
    ids = pq.read_table(folder / "ids.parquet", page_checksum_verification=True)["id"]
    events, offsets = [], []
    for name in CUSTOMER_TABLES:
        rows = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        if rows.dtype != RECORD_TYPES[name]:
            raise Refused(
                f"{folder / name}.npy was written by another version of the contract; run `holdfast check`"
            )
        events.append(as_records(rows.view(RECORD_TYPES[name])))  # np.load forgets the alignment
        offsets.append(np.load(folder / f"{name}.offsets.npy", allow_pickle=False))
    return Histories(
        ids=ids.to_numpy(zero_copy_only=False),
        events=History(*events),
        offsets=History(*offsets),
        present=frozenset(about["present"]),
        time_zone=about["time_zone"],
        currency=about["currency"],
        minor_units=about["minor_units"],
        first_at=about["first_at"],
        last_at=about["last_at"],
    )


def as_records(rows: npt.NDArray[Any]) -> Records:
    """A plain read-only array: the compiled reader knows one type only, mapped or not."""
    plain = np.asarray(rows).view(np.ndarray)
    if len(plain) == 0:  # an empty map has no address
        plain = np.empty(0, rows.dtype)
    plain.flags.writeable = False
    return plain
