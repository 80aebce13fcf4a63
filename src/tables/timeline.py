"""Timelines: what was known of each product and offer from when on, for the records that refer to it.

A line sees of its product what was known when the line became visible. Kept as one row for each moment at
which that changes, sorted by key and moment, and found through a hash table.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tables.compiled import compiled
from tables.contract import CUSTOMER_TABLES, TABLES
from tables.record import packed

# other table -> new name in the records -> its column there
JOINED: dict[str, dict[str, str]] = {}
for _name in CUSTOMER_TABLES:
    for _new, (_, _other, _column) in TABLES[_name].joined.items():
        JOINED.setdefault(_other, {})[_new] = _column


class Timeline(NamedTuple):
    """slots: hash table of keys, -1 or the first row of a key; rows: key, since, and the joined columns."""

    slots: npt.NDArray[np.int32]
    rows: npt.NDArray[Any]


class Timelines(NamedTuple):
    products: Timeline
    offers: Timeline


assert set(JOINED) == set(Timelines._fields)


def timeline_type(other: str) -> np.dtype[np.void]:
    columns = TABLES[other].columns
    kept = [(new, columns[column].record) for new, column in JOINED[other].items()]
    fields = [("key", "i8"), ("since", "i8"), *kept]
    return packed(fields)


def read_timelines(folder: Path) -> Timelines:
    return Timelines(*(_timeline(folder / f"{other}.npy", other) for other in Timelines._fields))


def no_timelines() -> Timelines:
    return Timelines(*(_hashed(np.zeros(0, timeline_type(other)), other) for other in Timelines._fields))


def _timeline(path: Path, other: str) -> Timeline:
    return _hashed(np.load(path, allow_pickle=False), other)


def _hashed(rows: npt.NDArray[Any], other: str) -> Timeline:
    rows = rows.astype(timeline_type(other))
    size = 8
    while size < 4 * len(rows):
        size *= 2
    slots = np.full(size, -1, np.int32)
    _fill_slots(np.ascontiguousarray(rows["key"]), slots)
    return Timeline(slots, rows)


@compiled
def _fill_slots(keys: Any, slots: Any) -> None:
    for i in range(len(keys)):
        if i > 0 and keys[i] == keys[i - 1]:
            continue
        slot = keys[i] & (len(slots) - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = i
