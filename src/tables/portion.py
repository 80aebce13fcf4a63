"""A portion of a base in memory: the histories of some customers, made of rows that came together.

What tables.sorting lays down on disk for a whole base stands here for as many customers as fit, sorted and
marked by the same functions: another engine brings the rows of each customer, and of all whom it was ever
merged with, to one place, and facts are read from them as from disk.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tables.arrange import Keys, arranged, as_part
from tables.cell import TIERS, dense_offsets
from tables.code import keys_of
from tables.contract import CUSTOMER_TABLES
from tables.history import Bucket, History, Int64s, members_of
from tables.merger import Ownership
from tables.record import STORED_TYPES, Records, read_only
from tables.small_table import sorted_ids
from tables.timeline import Timelines


class Portion:
    """Histories of some customers, read as those of a whole base are (features.reader.Readable).

    ids: the customers in the order of their keys, shape (customers,); `present` as in tables.history.
    """

    def __init__(
        self,
        ids: pa.Array,
        rows: dict[str, tuple[Keys, Records]],
        owners: list[Ownership],
        timelines: Timelines,
        present: frozenset[str],
    ) -> None:
        """ids: of all customers of the portion, once each, in any order; rows: of each table the customers'
        keys and stored records, in any order; owners: all that concern these customers, and no others."""
        self._ids = sorted_ids(ids)
        self._rows = rows
        self._owners = owners
        self.timelines = timelines
        self.present = present

    def __len__(self) -> int:
        return len(self._ids)

    @cached_property
    def ids(self) -> npt.NDArray[np.object_]:
        return np.asarray(self._ids.to_numpy(zero_copy_only=False), dtype=object)

    def ids_of(self, places: Int64s) -> npt.NDArray[np.object_]:
        return self.ids[places]

    def parts(self, places: Int64s) -> list[tuple[Bucket, Int64s, Int64s]]:
        """All customers lie in one bucket: (bucket, which of `places`, their places in it)."""
        return [(self.bucket, np.arange(len(places)), places)] if len(places) else []

    @cached_property
    def bucket(self) -> Bucket:
        keys = keys_of(self._ids)
        rows, offsets = [], []
        for name in CUSTOMER_TABLES:
            none = np.empty(0, STORED_TYPES[name])
            row_keys, records = arranged(*self._rows.pop(name, (np.empty(0, np.uint64), none)))
            # Tiers save a base on disk from being written anew; here one will do.
            tiers = [as_part(row_keys, read_only(records))]
            tiers += [as_part(row_keys[:0], read_only(none.copy())) for _ in range(TIERS - 1)]
            rows.append(tuple(tier.rows for tier in tiers))
            offsets.append(np.stack([dense_offsets(keys, tier) for tier in tiers], axis=1))

        def place_of(ids: list[str]) -> Int64s:
            return np.searchsorted(keys, keys_of(pa.array(ids, pa.string()))).astype(np.int64)

        members = members_of(self._owners, place_of, len(keys))
        return Bucket(History(*rows), History(*offsets), members)


class Linked(NamedTuple):
    """Customers who were ever merged with others: their keys in order, and the one key that all who are
    linked with each other share; shape (customers,)."""

    keys: Keys
    shared: Keys


def linked_of(owners: list[Ownership]) -> Linked:
    """Who must come together, so that facts of every moment can be read."""
    above: dict[str, str] = {}

    def first(customer_id: str) -> str:
        while (over := above.setdefault(customer_id, customer_id)) != customer_id:
            above[customer_id] = above[over]
            customer_id = above[over]
        return customer_id

    for each in owners:
        one, other = sorted((first(each.customer_id), first(each.owner_id)))
        above[other] = one
    names = list(above)
    keys = keys_of(pa.array(names, pa.string()))
    shared = keys_of(pa.array([first(name) for name in names], pa.string()))
    order = np.argsort(keys, kind="stable")
    return Linked(keys[order], shared[order])


@dataclass(frozen=True)
class Division:
    """In which of so many portions a customer lies: by the key, or by the key that linked customers share."""

    portions: int
    linked: Linked

    def of(self, keys: Keys) -> npt.NDArray[np.int64]:
        """The portion of each key, shape (keys,)."""
        if len(self.linked.keys):
            found = np.minimum(np.searchsorted(self.linked.keys, keys), len(self.linked.keys) - 1)
            keys = np.where(self.linked.keys[found] == keys, self.linked.shared[found], keys)
        return (((keys >> np.uint64(32)) * np.uint64(self.portions)) >> np.uint64(32)).astype(np.int64)
