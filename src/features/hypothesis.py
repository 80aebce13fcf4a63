"""One customer's history with more in it: what counts now, copied, with events that did not happen.

A fact is a function of a history, so facts that no history can have cannot come out of this.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.catalogue import FAMILIES
from features.reader import FactTable, read_facts
from tables.check_rules import ANNOUNCED
from tables.code import keys_of
from tables.contract import CUSTOMER_TABLES
from tables.history import Bucket, Histories
from tables.moment import DAY, in_zone
from tables.portion import Portion
from tables.record import STORED_TYPES, WITHDRAWS, Records, known_at

# Table -> stored rows of one customer; a table that is not named has none.
Rows = dict[str, Records]


class Past(NamedTuple):
    """What counts of one customer at t (microseconds): of each event the version known last, also of those
    who were merged into the customer by then; by time."""

    histories: Histories
    rows: Rows
    t: int

    def at_the_usual_hour(self, at: int) -> int:
        """The last moment until t at the same time of the day as `at`."""
        return self.t - (self.t - int(at)) % DAY

    def again(self, table: str, rows: Records, number: int) -> Records:
        """These rows as events of their own that happened within the last day; number: differs from call to
        call, so that no two events have one name."""
        new = rows.copy()
        for k in range(len(new)):
            at = self.at_the_usual_hour(new["at"][k])
            new["at"][k] = new["seen_at"][k] = at
            if table in ANNOUNCED:
                new["known_at"][k] = at
            offset = in_zone(at, self.histories.time_zone).utcoffset()
            new["zone_minutes"][k] = 0 if offset is None else offset.total_seconds() // 60
            new["event_id"][k] = -(1 + 1000 * number + k)  # codes of texts are spread over 64 bits
        return new


def past_of(histories: Histories, place: int, t: int) -> Past:
    ((bucket, _, local),) = histories.parts(np.array([place]))
    rows = {}
    for name in CUSTOMER_TABLES:
        tiers, offsets = getattr(bucket.rows, name), getattr(bucket.offsets, name)
        whole = [
            tier[offsets[member, k] : offsets[member + 1, k]]
            for member in _members_at(bucket, int(local[0]), t, name)
            for k, tier in enumerate(tiers)
        ]
        rows[name] = current_rows(np.concatenate([np.empty(0, STORED_TYPES[name]), *whole]), t)
    return Past(histories, rows, t)


def read_with(past: Past, more: Sequence[Rows], sets: Sequence[Sequence[int]]) -> FactTable:
    """The facts at t of as many customers as there are `sets`, each the one of `past` with those of `more`
    (by their places) besides."""
    ids = pa.array([str(k) for k in range(len(sets))])
    keys = keys_of(ids)
    tables = {}
    for name in CUSTOMER_TABLES:
        own = past.rows[name]
        parts = [own, *(rows.get(name, own[:0]) for rows in more)]
        ends = np.cumsum([len(part) for part in parts])
        # Records are copied by their places: NumPy compares types field by field whenever it joins them.
        places = [np.arange(ends[k] - len(part), ends[k]) for k, part in enumerate(parts)]
        whole = [np.concatenate([places[0], *(places[1 + k] for k in each)]) for each in sets]
        records = np.concatenate(parts)[np.concatenate([places[0][:0], *whole])]
        tables[name] = np.repeat(keys, [len(each) for each in whole]), records
    portion = Portion(ids, tables, [], past.histories.timelines, past.histories.present)
    where = np.empty(len(sets), np.int64)
    where[[int(each) for each in portion.ids]] = np.arange(len(sets))
    return read_facts(portion, where, past.t, FAMILIES, threads=1)


def _members_at(bucket: Bucket, place: int, t: int, table: str) -> list[int]:
    """Whose rows are read in the customer's history (features.sight)."""
    members = bucket.members
    first, last = members.offsets[place], members.offsets[place + 1]
    if first == last:
        return [place]
    return [
        int(members.place[m])
        for m in range(first, last)
        if members.since[m] <= t < members.until[m] and (table != "customers" or members.place[m] == place)
    ]


def current_rows(rows: Records, t: int) -> Records:
    """Of stored rows what counts at t: the version of each event known last, by time."""
    rows = rows[(rows["at"] <= t) & (rows["seen_at"] <= t)]
    known: npt.NDArray[np.int64] = known_at(rows)
    order = np.lexsort((known, rows["event_id"]))
    events = rows["event_id"][order]
    last = order[np.append(events[1:] != events[:-1], True)] if len(order) else order
    rows = rows[last]
    rows = rows[(rows["mark"] & WITHDRAWS) == 0]
    rows["mark"] = 0
    return rows[np.argsort(rows["at"], kind="stable")]
