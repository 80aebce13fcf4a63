"""Cells: the file that holds the rows of one bucket of customers from one tier of weeks.

Of each table three NumPy arrays (`.npy` format, one after the other, each at a multiple of 64 bytes): the
keys of the customers who have rows, where the rows of each end, and the rows by customer and time. Beside it
stands a filter of the events in it (tables.bloom), for the next increment. A tier ends where
the number of the week, without its last bits, ends: the youngest holds at most 4 weeks, the next at most 16,
then 64, and the oldest what is older. So a new week touches little, and what lies where follows from the
rows alone, however they came.
"""

import mmap
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tables.compiled import compiled
from tables.contract import CUSTOMER_TABLES
from tables.moment import DAY
from tables.record import STORED_TYPES, Records
from tables.refusal import Refused

WEEK = 7 * DAY
TIER_BITS = (6, 4, 2)  # weeks in a block of each tier but the last: 64, 16, 4
TIERS = len(TIER_BITS) + 1
ALIGNED = 64
# NumPy reads a header as a Python literal, and Python 3.11 fails at times when two threads do so at once
# ("AST constructor recursion depth mismatch").
PARSING = Lock()


class Part(NamedTuple):
    """A table's rows in a cell: customers' keys in order, where the rows of each end, and the rows."""

    keys: npt.NDArray[np.uint64]
    ends: npt.NDArray[np.int32]
    rows: Records


def cell_path(folder: Path, bucket: int, tier: int) -> Path:
    return folder / "cells" / f"{bucket:04d}-{tier}.cell"


def filter_path(folder: Path, bucket: int, tier: int) -> Path:
    return folder / "cells" / f"{bucket:04d}-{tier}.filter"


def tier_borders(last_at: int) -> npt.NDArray[np.int64]:
    """First moment of each tier but the oldest, in a base whose last moment is `last_at`; (TIERS - 1,)."""
    week = max(last_at, 0) // WEEK  # a base in which nothing happened has no last moment
    return np.array([(week >> bits << bits) * WEEK for bits in TIER_BITS], np.int64)


def tiers_of(seen_at: npt.NDArray[np.int64], borders: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    return np.searchsorted(borders, seen_at, side="right").astype(np.int8)


def write_cell(path: Path, parts: dict[str, Part]) -> None:
    with path.open("wb") as file:
        for name in CUSTOMER_TABLES:
            for array in parts[name]:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
                file.write(b"\0" * (-file.tell() % ALIGNED))


def read_cell(path: Path, *, here_and_there: bool = False) -> dict[str, Part]:
    """The parts of a cell, mapped; the caller has verified the file (tables.sealed).

    here_and_there: a few rows will be asked for, so that reading ahead would read nearly all.
    """
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if here_and_there:
            mapped.madvise(mmap.MADV_RANDOM)
        parts = {}
        for name in CUSTOMER_TABLES:
            arrays = [_mapped(file, mapped, kind) for kind in ("<u8", "<i4", STORED_TYPES[name])]
            if arrays[-1] is None:
                raise Refused(f"{path}: written by another version of Holdfast; run `holdfast rebuild`")
            parts[name] = Part(*arrays)
    return parts


def _mapped(file: Any, mapped: mmap.mmap, kind: Any) -> Any:
    """The next array of the file; None where it is of another type than expected."""
    with PARSING:
        version = np.lib.format.read_magic(file)
        shape, _, found = _HEADERS[version](file)
    begin = file.tell()
    file.seek(begin + shape[0] * found.itemsize)
    file.seek(-file.tell() % ALIGNED, 1)
    if found != np.dtype(kind):
        return None
    # The header forgets the alignment, and the compiled reader knows one type only.
    return np.frombuffer(mapped, np.dtype(kind), shape[0], begin)


_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def dense_offsets(keys: npt.NDArray[np.uint64], part: Part) -> npt.NDArray[np.int64]:
    """Where the rows of each of `keys` begin in the part; shape (keys + 1,)."""
    offsets = np.empty(len(keys) + 1, np.int64)
    if _fill_offsets(keys, part.keys, part.ends, offsets) != len(part.keys):
        raise RuntimeError("a cell holds rows of a customer whom the base does not know")
    return offsets


@compiled
def _fill_offsets(keys: Any, some: Any, ends: Any, offsets: Any) -> int:
    k, total = 0, 0
    for i in range(len(keys)):
        offsets[i] = total
        if k < len(some) and some[k] == keys[i]:
            total = ends[k]
            k += 1
    offsets[len(keys)] = total
    return k
