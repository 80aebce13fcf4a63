"""Histories: what happened to each customer, as fixed-width records sorted by customer and time.

A record keeps of its row what facts need: codes for texts, small numbers for choices, microseconds for
instants. Every version of every event is kept as it came, with two clocks: `at`, when it happened, and
`seen_at`, the later of `at` and `known_at`, the first moment it is visible. What counts at a moment t is
found while reading (features.sight): versions that are superseded or withdrawn by then, and events of
customers merged by then, need no rewriting of what is stored. So a row that comes later changes no row that
is there, which is what makes a week's increment cheap (tables.sorting).

Customers stand in the order of their keys (tables.code.keys), in buckets of like size. The rows of a bucket
lie in four tiers by the week in which they became visible; a tier is one file (tables.cell).
"""

import json
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tables.cell import TIERS, cell_path, dense_offsets, read_cell
from tables.code import find, keys_of
from tables.contract import CUSTOMER_TABLES
from tables.gather import Cells, gather, open_cells
from tables.merger import Ownership
from tables.record import MISSING_DAY, MISSING_NUMBER, RECORD_TYPES, STORED_TYPES, Records, read_only
from tables.refusal import Refused
from tables.timeline import Timelines, read_timelines

Int64s = npt.NDArray[np.int64]
K = TypeVar("K")
T = TypeVar("T")
BUCKETS_KEPT = 4
# For who is asked for anybody at any time. A base of 3,000,000 has 64 buckets; each is TIERS open files, of
# which a process is often allowed 1,024.
NEARLY_ALL = 128


class History(NamedTuple):
    """One customer's visible events: one record array a table, sorted by time.

    carried: what stands for old events that were left out (features.carry).
    """

    customers: Any
    transactions: Any
    points: Any
    interactions: Any
    contacts: Any
    responses: Any
    surveys: Any
    carried: Any = ()


assert History._fields == (*CUSTOMER_TABLES, "carried")


class Members(NamedTuple):
    """Whose events are read in whose history: customer p's are those of `place[m]` during [since[m],
    until[m]) for m in offsets[p] .. offsets[p + 1]; where there are none, p's own, always."""

    offsets: Int64s
    place: Int64s
    since: Int64s
    until: Int64s


class Bucket(NamedTuple):
    """The stored rows of some customers, by their places in the bucket.

    rows: a tuple of TIERS record arrays a table; offsets: shape (customers + 1, TIERS) a table, where each
    customer's rows begin in the tier.
    """

    rows: History
    offsets: History
    members: Members


class Histories:
    """The histories of a whole base, read as they are asked for.

    ids: customer ids in the order of their keys, shape (customers,); buckets: borders of places, shape
    (buckets + 1,); `present` names the tables and the columns ("table.column") that the base has: facts that
    need others are missing. Moments in microseconds.
    """

    def __init__(self, folder: Path, buckets_kept: int = BUCKETS_KEPT) -> None:
        about = read_about(folder)
        self.folder = folder
        self.present = frozenset(about["present"])
        self.time_zone: str = about["time_zone"]
        self.currency: str = about["currency"]
        self.minor_units: int = about["minor_units"]
        self.first_at: int = about["first_at"]
        self.last_at: int = about["last_at"]
        self.rows: dict[str, int] = about["rows"]
        self._ids = read_ids(folder)
        self.keys = keys_of(self._ids)
        self.buckets = borders_of(self.keys, about["buckets"])
        self.timelines: Timelines = read_timelines(folder)
        self.linked = _Linked(self, read_owners(folder))
        self._dense, self._cells = Kept[int, Bucket](buckets_kept), Kept[int, Cells](buckets_kept)

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def ids(self) -> npt.NDArray[np.object_]:
        return np.asarray(self._ids.to_numpy(zero_copy_only=False), dtype=object)

    def ids_of(self, places: Int64s) -> npt.NDArray[np.object_]:
        return np.asarray(self._ids.take(pa.array(places)).to_numpy(zero_copy_only=False), dtype=object)

    def find(self, customer_ids: Sequence[str]) -> Int64s:
        """Where the customers stand in `ids`; -1 for those who are not known."""
        return find(self._ids, self.keys, customer_ids)

    def places(self, customer_ids: Sequence[str]) -> Int64s:
        """Where the customers stand in `ids`; raises Refused naming those who are not known."""
        found = self.find(customer_ids)
        if (found < 0).any():
            missing = [each for each, place in zip(customer_ids, found, strict=True) if place < 0]
            unknown = ", ".join(repr(each) for each in missing[:10])
            raise Refused(f"{len(missing)} customers are not in the base: {unknown}")
        return found

    def bucket(self, number: int) -> Bucket:
        """The stored rows of a bucket, mapped; those used last are kept."""
        return self._dense.get(number, self._read)

    def _read(self, number: int) -> Bucket:
        keys = self.keys[self.buckets[number] : self.buckets[number + 1]]
        with _reading():
            tiers = [read_cell(cell_path(self.folder, number, tier)) for tier in range(TIERS)]
        return Bucket(
            History(*(tuple(tier[name].rows for tier in tiers) for name in CUSTOMER_TABLES)),
            History(
                *(
                    np.stack([dense_offsets(keys, tier[name]) for tier in tiers], axis=1)
                    for name in CUSTOMER_TABLES
                )
            ),
            themselves(len(keys)),
        )

    def open(self) -> None:
        """Map what customers are gathered from, so that the first who asks does not wait for it."""
        for number in range(len(self.buckets) - 1):
            self._cells.get(number, self._map)

    def _map(self, number: int) -> Cells:
        with _reading():
            return open_cells(self.folder, number)

    def gathered(self, places: Int64s) -> Bucket:
        """The stored rows of these customers alone, in their order."""
        numbers = self.numbers_of(places)
        rows, offsets = gather(
            self.keys[places],
            [
                (self._cells.get(number, self._map), np.flatnonzero(numbers == number))
                for number in set(numbers.tolist())
            ],
        )
        return Bucket(History(*rows), History(*offsets), themselves(len(places)))

    def bucket_of(self, place: int) -> Bucket:
        """The bucket that a customer stands in."""
        return self.bucket(int(self.numbers_of(np.array([place]))[0]))

    def numbers_of(self, places: Int64s) -> Int64s:
        """Which bucket each customer stands in."""
        return np.searchsorted(self.buckets, places, side="right").astype(np.int64) - 1

    def parts(self, places: Int64s) -> list[tuple[Bucket, Int64s, Int64s]]:
        """The buckets that hold these customers: (bucket, which of `places`, their places in it).

        Customers that were ever merged come together, with the rows of all whose events may be theirs.
        """
        alone, found = self._apart(places)
        numbers = self.numbers_of(places[alone])
        for number in np.flatnonzero(np.bincount(numbers)).tolist():
            rows = alone[numbers == number]
            found.append((self.bucket(number), rows, places[rows] - self.buckets[number]))
        return found

    def gathered_parts(self, places: Int64s) -> list[tuple[Bucket, Int64s, Int64s]]:
        """The same for a few customers of a large base, whose buckets need not be opened for them."""
        alone, found = self._apart(places)
        if len(alone):
            found.append((self.gathered(places[alone]), alone, np.arange(len(alone))))
        return found

    def _apart(self, places: Int64s) -> tuple[Int64s, list[tuple[Bucket, Int64s, Int64s]]]:
        """Which of `places` are of customers who were never merged; and the part of those who were."""
        linked = self.linked.place_of(places)
        rows = np.flatnonzero(linked >= 0)
        return np.flatnonzero(linked < 0), [(self.linked.bucket, rows, linked[rows])] if len(rows) else []


class Kept(Generic[K, T]):
    """What was made of what was asked for last, for any number of threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: OrderedDict[K, T] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K, make: Callable[[K], T]) -> T:
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        found = make(key)
        with self._lock:
            self._found[key] = found
            while len(self._found) > self._most:
                self._found.popitem(last=False)
        return found


class _Linked:
    """Customers who were ever merged, or into whom others were, gathered in a small bucket of their own.

    places: theirs, ascending; at: of each, its place in `bucket`.
    """

    def __init__(self, histories: Histories, owners: list[Ownership]) -> None:
        # Seen from afar: maps of files must not outlive the histories until a collection comes by.
        self.histories = weakref.proxy(histories)
        self.owners = owners
        named = sorted({each.customer_id for each in owners} | {each.owner_id for each in owners})
        self.places = np.sort(histories.places(named)) if named else np.empty(0, np.int64)
        self.at = {place: k for k, place in enumerate(self.places.tolist())}

    def place_of(self, places: Int64s) -> Int64s:
        """`at` of many; -1 for customers who are always themselves."""
        if not len(self.places):
            return np.full(len(places), -1, np.int64)
        found = np.minimum(np.searchsorted(self.places, places), len(self.places) - 1)
        return np.where(self.places[found] == places, found, -1).astype(np.int64)

    @cached_property
    def bucket(self) -> Bucket:
        rows: Bucket = self.histories.gathered(self.places)
        return rows._replace(members=self._members())

    def _members(self) -> Members:
        def place_of(ids: list[str]) -> Int64s:
            return self.place_of(self.histories.places(ids))

        return members_of(self.owners, place_of, len(self.places))


def members_of(owners: list[Ownership], place_of: Callable[[list[str]], Int64s], customers: int) -> Members:
    """Who is read with whom among so many customers, whose places in their bucket `place_of` tells."""
    always = np.iinfo(np.int64)
    member = place_of([each.customer_id for each in owners])
    owner = place_of([each.owner_id for each in owners])
    unmerged = np.setdiff1d(owner, member)
    members = np.concatenate([member, unmerged])
    owned = np.concatenate([owner, unmerged])
    since = np.array([each.since for each in owners] + [always.min] * len(unmerged), np.int64)
    until = np.array([each.until for each in owners] + [always.max] * len(unmerged), np.int64)
    order = np.lexsort([since, members, owned])
    offsets = np.searchsorted(owned[order], np.arange(customers + 1)).astype(np.int64)
    return Members(offsets, members[order], since[order], until[order])


def themselves(customers: int) -> Members:
    """So many customers of whom none was ever merged."""
    none = np.empty(0, np.int64)
    return Members(np.zeros(customers + 1, np.int64), none, none, none)


def nobody() -> Bucket:
    """A bucket without customers."""
    rows = (
        tuple(read_only(np.empty(0, STORED_TYPES[name])) for _ in range(TIERS)) for name in CUSTOMER_TABLES
    )
    offsets = (np.zeros((1, TIERS), np.int64) for _ in CUSTOMER_TABLES)
    return Bucket(History(*rows), History(*offsets), themselves(0))


def read_histories(folder: Path, buckets_kept: int = BUCKETS_KEPT) -> Histories:
    """Open the histories in `folder`; rows are mapped when a fact asks for them."""
    return Histories(folder, buckets_kept)


@contextmanager
def _reading() -> Iterator[None]:
    """Names what is wrong where a base's file is gone, as after a rebuild."""
    try:
        yield
    except FileNotFoundError as error:
        raise Refused(f"{error.filename}: the base changed while it was read; begin again") from error


def read_about(folder: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((folder / "histories.json").read_text(encoding="utf-8"))
    if "buckets" not in about:
        raise Refused(f"{folder}: written by another version of Holdfast; run `holdfast rebuild`")
    return about


def read_ids(folder: Path) -> pa.Array:
    ids = pq.read_table(folder / "ids.parquet", page_checksum_verification=True)["id"]
    return pa.concat_arrays(ids.chunks) if ids.num_chunks else pa.array([], pa.string())


def read_owners(folder: Path) -> list[Ownership]:
    rows = pq.read_table(folder / "owners.parquet", page_checksum_verification=True).to_pylist()
    return [Ownership(**row) for row in rows]


def borders_of(keys: npt.NDArray[np.uint64], buckets: int) -> Int64s:
    """Where each bucket begins among the sorted keys: it holds the keys with its first bits."""
    firsts = [bucket * (2**64 // buckets) for bucket in range(buckets)]
    borders = np.searchsorted(keys, np.array(firsts, np.uint64))
    return np.append(borders, len(keys)).astype(np.int64)


__all__ = [
    "MISSING_DAY",
    "MISSING_NUMBER",
    "RECORD_TYPES",
    "Bucket",
    "Histories",
    "History",
    "Members",
    "Records",
    "read_histories",
]
