"""The rows of a few customers, gathered out of the cells of many buckets.

Of a bucket of 50,000 customers a service is asked for one. So its cells are mapped once and kept, the rows of
who is asked for are found in them by key and copied, and lie together whatever buckets they came from: to
read them takes as long in a base of 3,000,000 as in a small one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tables.cell import TIERS, cell_path, read_cell
from tables.code import first_at_least
from tables.compiled import compiled
from tables.contract import CUSTOMER_TABLES
from tables.record import STORED_TYPES, Records, read_only

Int64s = npt.NDArray[np.int64]
PARTS = len(CUSTOMER_TABLES) * TIERS
TYPES = [STORED_TYPES[name] for name in CUSTOMER_TABLES for _ in range(TIERS)]
SIZES = np.array([each.itemsize for each in TYPES], np.int64)
assert not (SIZES % 8).any(), "rows that follow one another would not stand where processors read them"


class Cells(NamedTuple):
    """The cells of one bucket, mapped: of every table and tier the keys of the customers who have rows, where
    the rows of each end, and the rows as bytes."""

    keys: tuple[npt.NDArray[np.uint64], ...]
    ends: tuple[npt.NDArray[np.int32], ...]
    rows: tuple[npt.NDArray[np.uint8], ...]


def open_cells(folder: Path, bucket: int) -> Cells:
    """Map a bucket's cells in the histories in `folder`; the caller has verified them (tables.sealed)."""
    tiers = [read_cell(cell_path(folder, bucket, tier)) for tier in range(TIERS)]
    parts = [tier[name] for name in CUSTOMER_TABLES for tier in tiers]
    return Cells(
        tuple(part.keys for part in parts),
        tuple(part.ends for part in parts),
        tuple(part.rows.view(np.uint8) for part in parts),
    )


def gather(
    keys: npt.NDArray[np.uint64], sources: Sequence[tuple[Cells, Int64s]]
) -> tuple[list[tuple[Records, ...]], Int64s]:
    """Rows and offsets of these customers, in their order, as a bucket has them (tables.history.Bucket), of
    every table.

    keys: shape (customers,); sources: each with the places in `keys` of the customers who lie there. Rows are
    read-only; offsets have the shape (tables, customers + 1, TIERS).
    """
    begins, ends = np.zeros((2, PARTS, len(keys)), np.int64)
    for cells, asked in sources:
        _find_rows(cells.keys, cells.ends, keys, asked, begins, ends)
    counts = ends - begins
    sizes = (counts * SIZES[:, None]).ravel()
    until = np.cumsum(sizes)
    copied = np.empty(sizes.sum(), np.uint8)
    into = (until - sizes).reshape(counts.shape)
    for cells, asked in sources:
        _copy_rows(cells.rows, SIZES, asked, begins, ends, into, copied)
    copied.flags.writeable = False
    totals = counts.sum(axis=1).tolist()
    firsts = into[:, 0].tolist() if len(keys) else [0] * PARTS
    rows = [
        np.frombuffer(copied, kind, total, first) if total else nothing
        for kind, nothing, total, first in zip(TYPES, NOTHING, totals, firsts, strict=True)
    ]
    offsets = np.zeros((len(CUSTOMER_TABLES), len(keys) + 1, TIERS), np.int64)
    by_table = counts.reshape(len(CUSTOMER_TABLES), TIERS, len(keys))
    np.cumsum(by_table.transpose(0, 2, 1), axis=1, out=offsets[:, 1:])
    return [tuple(rows[k : k + TIERS]) for k in range(0, PARTS, TIERS)], offsets


NOTHING = [read_only(np.empty(0, kind)) for kind in TYPES]


@compiled
def _find_rows(part_keys: Any, part_ends: Any, keys: Any, asked: Any, begins: Any, ends: Any) -> None:
    """Fill in where the rows of those asked for begin and end in each part; what is not there stays empty."""
    for part in range(len(part_keys)):
        there, borders = part_keys[part], part_ends[part]
        for i in asked:
            at = first_at_least(there, keys[i])
            if at < len(there) and there[at] == keys[i]:
                begins[part, i] = borders[at - 1] if at else 0
                ends[part, i] = borders[at]


@compiled
def _copy_rows(
    part_rows: Any, sizes: Any, asked: Any, begins: Any, ends: Any, into: Any, copied: Any
) -> None:
    for part in range(len(part_rows)):
        rows, size = part_rows[part], sizes[part]
        for i in asked:
            first, to = begins[part, i] * size, into[part, i]
            for k in range((ends[part, i] - begins[part, i]) * size):
                copied[to + k] = rows[first + k]
