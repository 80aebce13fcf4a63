"""Histories that go on: a base on disk, which never changes, and what came since it was built.

An event that comes online is a stored row like any other. It stands in memory beside the base until a later
base brings it too, and is read with the customer's stored rows as one history: versions, withdrawals and
mergers are followed by what reads the base (features.sight), so an event that comes twice counts once.
"""

from array import array
from collections.abc import Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt

from tables.arrange import arranged
from tables.cell import TIERS
from tables.contract import CUSTOMER_TABLES
from tables.history import Bucket, Histories, History, Int64s, Kept, Members, themselves
from tables.record import CORRECTS, STORED_TYPES, Records
from tables.timeline import Timelines

YOUNGEST = TIERS - 1
TYPES = [STORED_TYPES[table] for table in CUSTOMER_TABLES]
# One customer of a bucket, and what came of them, a table each.
Source = tuple[Bucket | None, int, list[Records]]
# A customer who asks again soon finds theirs put together; each takes some 10 KB.
MADE_KEPT = 256


class Came:
    """Stored rows that came, whosever they are, numbered in the order in which they came.

    A week may bring millions. So they stand as bytes, those of a table in one piece, and each names the row
    of the same customer before it; a row that is there never changes, and any thread reads what grows.
    """

    def __init__(self) -> None:
        self._rows = [bytearray() for _ in CUSTOMER_TABLES]
        # Of each row: with what it came, the customer's row before it (-1 for none), where it stands.
        self._positions, self._before, self._begins = array("q"), array("q"), array("q")
        self._tables = bytearray()
        self._last: dict[int, int] = {}

    def add(self, position: int, place: int, table: int, rows: Records) -> None:
        """Rows of the customer at `place` that came as number `position`."""
        for k in range(len(rows)):
            self._positions.append(position)
            self._before.append(self._last.get(place, -1))
            self._begins.append(len(self._rows[table]))
            self._rows[table] += rows[k : k + 1].tobytes()
            self._tables.append(table)
            self._last[place] = len(self._tables) - 1

    def last(self, place: int, position: int) -> int:
        """The number of this customer's last row when `position` had come; -1 for none."""
        number = self._last.get(place, -1)
        while number >= 0 and self._positions[number] > position:
            number = self._before[number]
        return number

    def rows(self, last: int) -> list[Records]:
        """A customer's rows until number `last`, a table each."""
        found: list[list[bytearray]] = [[] for _ in CUSTOMER_TABLES]
        while last >= 0:
            table, begin = self._tables[last], self._begins[last]
            found[table].append(self._rows[table][begin : begin + TYPES[table].itemsize])
            last = self._before[last]
        return [np.frombuffer(b"".join(rows[::-1]), kind) for rows, kind in zip(found, TYPES, strict=True)]


class LiveHistories:
    """For any number of threads. position: the number of the last that came, 0 before the first.

    A customer whom the base does not know has a place behind all of its own.
    """

    def __init__(self, stored: Histories) -> None:
        self.stored = stored
        self.position = 0
        self._came = Came()
        self._new_places: dict[str, int] = {}
        self._new_ids: list[str] = []
        self._made = Kept[tuple[int, int], Bucket](MADE_KEPT)
        self._lock = Lock()

    def add(self, position: int, came: Sequence[tuple[str, str, Records]]) -> None:
        """Rows, each (customer id, table, records of one customer), that came together as number `position`.

        A customer who is not known is from now on; whether one may come is the caller's to say.
        """
        with self._lock:
            for customer_id, table, rows in came:
                place = int(self._find([customer_id])[0])
                if place < 0:
                    place = len(self.stored) + len(self._new_ids)
                    self._new_ids.append(customer_id)
                    self._new_places[customer_id] = place
                self._came.add(position, place, CUSTOMER_TABLES.index(table), rows)
            self.position = position

    def snapshot(self, customer_ids: Sequence[str], position: int | None = None) -> "Snapshot":
        """The histories of these customers now, or as they were when `position` had come."""
        with self._lock:
            places = self._find(customer_ids)
            now = self.position if position is None else position
            came = {
                place: last
                for each in places.tolist()
                for place in self.read_together(each)
                if (last := self._came.last(place, now)) >= 0
            }
        known = [place < len(self.stored) or place in came for place in places.tolist()]
        return Snapshot(self, customer_ids, np.where(known, places, -1), now, came)

    def ids_of(self, places: Int64s) -> npt.NDArray[np.object_]:
        new = places >= len(self.stored)
        if not new.any():
            return self.stored.ids_of(places)
        ids = np.empty(len(places), object)
        ids[~new] = self.stored.ids_of(places[~new])
        ids[new] = [self._new_ids[place - len(self.stored)] for place in places[new].tolist()]
        return ids

    def came(self, last: int) -> list[Records]:
        """A customer's rows that came, until number `last`, a table each."""
        return self._came.rows(last)

    def bucket(self, place: int, came: dict[int, int]) -> Bucket:
        """A bucket whose first customer is the one at `place`, with what came of all who are read there: of
        each place the number of the last row."""
        linked = self.stored.linked
        at = linked.at.get(place, -1)
        if at < 0:
            return self._made.get((place, came[place]), self._make)
        together, members = self.read_together(place), linked.bucket.members
        part = slice(members.offsets[at], members.offsets[at + 1])
        local = {own: k for k, own in enumerate(together)}
        offsets = np.full(len(together) + 1, part.stop - part.start, np.int64)
        offsets[0] = 0
        owned = np.array([local[int(linked.places[m])] for m in members.place[part]], np.int64)
        return _bucket(
            [(linked.bucket, linked.at[each], self.came(came.get(each, -1))) for each in together],
            Members(offsets, owned, members.since[part].copy(), members.until[part].copy()),
        )

    def _make(self, named: tuple[int, int]) -> Bucket:
        place, last = named
        return _bucket([(*self.stored_at(place), self.came(last))], themselves(1))

    def _find(self, customer_ids: Sequence[str]) -> Int64s:
        places = self.stored.find(customer_ids)
        if self._new_ids:
            for k in np.flatnonzero(places < 0).tolist():
                places[k] = self._new_places.get(customer_ids[k], -1)
        return places

    def read_together(self, place: int) -> list[int]:
        """The places whose rows may be read in the history of the customer at `place`, its own first."""
        linked = self.stored.linked
        at = linked.at.get(place, -1)
        if at < 0:
            return [place]
        members = linked.bucket.members
        others = members.place[members.offsets[at] : members.offsets[at + 1]]
        return list(dict.fromkeys([place, *(int(linked.places[each]) for each in others)]))

    def stored_at(self, place: int) -> tuple[Bucket | None, int]:
        if place >= len(self.stored):
            return None, 0
        return self.stored.gathered(np.array([place])), 0


class Snapshot:
    """Histories of the customers who were asked for, as of one position: read as those of a base are.

    places: shape (customers,), -1 of whom nobody knows; only their histories can be read.
    """

    def __init__(
        self,
        live: LiveHistories,
        customer_ids: Sequence[str],
        places: Int64s,
        position: int,
        came: dict[int, int],
    ) -> None:
        self._ids = np.array(customer_ids, object)
        self._parts: list[tuple[Bucket, Int64s, Int64s]] | None = None
        self.places = places
        self.position = position
        self._live = live
        self._came = came
        stored = live.stored
        self.present: frozenset[str] = stored.present
        self.timelines: Timelines = stored.timelines
        self.time_zone, self.currency, self.minor_units = (
            stored.time_zone,
            stored.currency,
            stored.minor_units,
        )
        self.first_at = stored.first_at

    @property
    def has_news(self) -> bool:
        """Whether anything came of these customers since the base was built."""
        return bool(self._came)

    def ids_of(self, places: Int64s) -> npt.NDArray[np.object_]:
        return self._ids if places is self.places else self._live.ids_of(places)

    def parts(self, places: Int64s) -> list[tuple[Bucket, Int64s, Int64s]]:
        """The buckets that hold these customers: (bucket, which of `places`, their places in it).

        Whoever asked reads several tables of all of them: these parts are found once.
        """
        if places is not self.places:
            return self._find_parts(places)
        if self._parts is None:
            self._parts = self._find_parts(places)
        return self._parts

    def _find_parts(self, places: Int64s) -> list[tuple[Bucket, Int64s, Int64s]]:
        if not self._came:
            return self._live.stored.gathered_parts(places)
        changed = self.changed(places)
        rest = np.flatnonzero(~changed)
        stored = self._live.stored.gathered_parts(places[rest])
        found = [(bucket, rest[rows], own) for bucket, rows, own in stored]
        return found + [
            (self._live.bucket(int(places[row]), self._came), np.array([row]), np.zeros(1, np.int64))
            for row in np.flatnonzero(changed).tolist()
        ]

    def rows(self, place: int, table: str) -> Records:
        """All stored rows of the customer at `place`, in every version, without those of merged ids."""
        k = CUSTOMER_TABLES.index(table)
        bucket, local = self._live.stored_at(place)
        came = self._live.came(self._came.get(place, -1))
        return _join(table, [*_tiers(bucket, local, k), came[k]])

    def changed(self, places: Int64s) -> npt.NDArray[np.bool_]:
        """Of whom anything came since the base was built; shape (customers,)."""
        if not self._came:
            return np.zeros(len(places), dtype=bool)
        read = (self._live.read_together(place) for place in places.tolist())
        return np.array([any(each in self._came for each in together) for together in read], bool)


def _bucket(sources: list[Source], members: Members) -> Bucket:
    """These customers in their order."""
    rows, offsets = [], []
    for k, name in enumerate(CUSTOMER_TABLES):
        each = [_with(_tiers(bucket, local, k), came[k], name) for bucket, local, came in sources]
        rows.append(tuple(_join(name, [tiers[tier] for tiers in each]) for tier in range(TIERS)))
        counts = np.array([[0] * TIERS, *([len(tier) for tier in tiers] for tiers in each)], np.int64)
        offsets.append(np.cumsum(counts, axis=0))
    return Bucket(History(*rows), History(*offsets), members)


def _with(tiers: list[Records], came: Records, name: str) -> list[Records]:
    """What came lies in the youngest tier, whatever its age: where rows lie matters to their file alone."""
    if not len(came):
        return tiers
    young = _join(name, [tiers[YOUNGEST], came])
    _, young = arranged(np.zeros(len(young), np.uint64), young)
    # Marked wherever an event has another row, so that the same row again counts once.
    events, places, counts = np.unique(young["event_id"], return_inverse=True, return_counts=True)
    several = counts > 1
    for older in tiers[:YOUNGEST]:
        several |= np.isin(events, older["event_id"])
    young["mark"][several[places]] |= CORRECTS
    young.flags.writeable = False
    return [*tiers[:YOUNGEST], young]


def _tiers(bucket: Bucket | None, place: int, k: int) -> list[Records]:
    if bucket is None:
        return [_join(CUSTOMER_TABLES[k], []) for _ in range(TIERS)]
    offsets = bucket.offsets[k]
    return [tier[offsets[place, n] : offsets[place + 1, n]] for n, tier in enumerate(bucket.rows[k])]


def _join(name: str, parts: list[Records]) -> Records:
    """Read-only, as mapped rows are. Joined as bytes: NumPy compares record types field by field."""
    if len(parts) == 1:
        return parts[0]
    return np.frombuffer(b"".join(part.tobytes() for part in parts), STORED_TYPES[name])


__all__ = ["LiveHistories", "Snapshot"]
