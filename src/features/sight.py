"""Sight: what of a customer's stored rows is visible at a moment, as records that families can loop over.

Rows that happened or became known later are passed over; of an event's versions the one known last stands,
unless it withdraws the event; events of customers merged by then stand among the customer's own. What is
left is sorted by time and carries what follows from the moment: `age`, the class of windows that hold it,
and for order lines whether they open their order. No family can see anything else, so no leak can be built
by hand.

One function a table, generated from the contract, since compiled code copies a record field by field.
"""

from typing import Any

import numba
import numpy as np

from features.family import inner
from features.number import slots_for
from features.scratch import zeros
from features.window import CLASSES, EDGES
from tables.cell import TIERS
from tables.contract import TABLES
from tables.moment import DAY, HOUR
from tables.record import (
    MINUTE,
    WITHDRAWS,
    joined_columns,
    missing_of,
    own_columns,
)


@inner
def version_at(timeline: Any, key: int, t: int) -> int:
    """The row of a timeline that tells what was known of `key` at t; -1 where nothing was."""
    slot = key & (len(timeline.slots) - 1)
    while timeline.slots[slot] >= 0 and timeline.rows[timeline.slots[slot]].key != key:
        slot = (slot + 1) & (len(timeline.slots) - 1)
    found, k = -1, timeline.slots[slot]
    while 0 <= k < len(timeline.rows) and timeline.rows[k].key == key and timeline.rows[k].since <= t:
        found = k
        k += 1
    return found


@inner
def until(rows: Any, begin: int, end: int, t: int) -> int:
    """Where the rows of [begin, end) end that happened by t; they are sorted by time."""
    while begin < end:
        middle = (begin + end) // 2
        if rows[middle].at <= t:
            begin = middle + 1
        else:
            end = middle
    return end


@inner
def slot_of(events: Any, last: Any, event: int) -> int:
    """Where an event stands in a hash table, or would; last: 0 in slots that are free."""
    slot = event & (len(events) - 1)
    while last[slot] > 0 and events[slot] != event:
        slot = (slot + 1) & (len(events) - 1)
    return int(slot)


@inner
def keep_current(seen: Any, begin: int, end: int) -> int:
    """Of each event among seen[begin:end] leave the version known last, unless it withdraws; return the new
    end.

    An event that has several versions, or was withdrawn, has a row with a mark. Only these events stand in
    the table, so that it is small however many rows an account has.
    """
    marked = 0
    for i in range(begin, end):
        marked += seen[i].mark != 0
    size = slots_for(marked)
    events, last = zeros(size), zeros(size)  # last: 1 for an event, 2 more than the place of its last version
    for i in range(begin, end):
        if seen[i].mark != 0:
            slot = slot_of(events, last, seen[i].event_id)
            events[slot], last[slot] = seen[i].event_id, 1
    for i in range(begin, end):
        slot = slot_of(events, last, seen[i].event_id)
        if last[slot] == 1 or (last[slot] > 1 and seen[last[slot] - 2].known_at < seen[i].known_at):
            last[slot] = i + 2
    kept = begin
    for i in range(begin, end):
        slot = slot_of(events, last, seen[i].event_id)
        if last[slot] == 0 or (last[slot] == i + 2 and not seen[i].mark & WITHDRAWS):
            seen[kept] = seen[i]
            kept += 1
    return kept


@inner
def comes_after(seen: Any, i: int, j: int, by_order: Any) -> bool:
    """Whether record i stands after record j: by time, order, event."""
    if seen[i].at != seen[j].at:
        return bool(seen[i].at > seen[j].at)
    if by_order[i] != by_order[j]:
        return bool(by_order[i] > by_order[j])
    return bool(seen[i].event_id > seen[j].event_id)


@inner
def rows_of(offsets: Any, members: Any, place: int) -> int:
    """How many rows a customer may see at most."""
    first, last = members.offsets[place], members.offsets[place + 1]
    count = 0
    if first == last:
        for tier in range(TIERS):
            count += offsets[place + 1, tier] - offsets[place, tier]
    for m in range(first, last):
        for tier in range(TIERS):
            count += offsets[members.place[m] + 1, tier] - offsets[members.place[m], tier]
    return count


@inner
def put_in_order(seen: Any, by_order: Any) -> None:
    """Sort records, which nearly always stand in order already."""
    n = len(seen)
    i = 1
    while i < n and not comes_after(seen, i - 1, i, by_order):
        i += 1
    if i >= n:
        return
    moments = np.empty(n, np.int64)
    for k in range(n):
        moments[k] = seen[k].at
    places = np.argsort(moments, kind="mergesort")
    # Only records of one moment are out of place now.
    for k in range(1, n):
        place, j = places[k], k - 1
        while j >= 0 and comes_after(seen, places[j], place, by_order):
            places[j + 1] = places[j]
            j -= 1
        places[j + 1] = place
    ordered = seen[places]
    for k in range(n):
        seen[k] = ordered[k]


@inner
def set_ages(seen: Any, t: int) -> None:
    age = CLASSES - 1
    for i in range(len(seen)):
        while age > 0 and seen[i].at > t - EDGES[age - 1]:
            age -= 1
        seen[i].age = age
        seen[i].mark = 0  # tells of versions that may not be visible


@inner
def set_opening(lines: Any) -> None:
    """Mark the first line bought of each order; an order's lines stand together."""
    opened = False
    for i in range(len(lines)):
        if i == 0 or lines[i].at != lines[i - 1].at or lines[i].order_id != lines[i - 1].order_id:
            opened = False
        lines[i].opens_order = not opened and lines[i].quantity > 0
        opened = opened or lines[i].quantity > 0


def as_read(rows: Any) -> Any:
    """The records as families read them: only plain Python needs another view."""
    return rows.view(np.recarray)


if not numba.config.DISABLE_JIT:

    @inner
    def as_read(rows: Any) -> Any:
        return rows


def sight_text(table: str) -> str:
    """The text of `see_<table>(rows, offsets, members, place, t, timelines, room) -> records`.

    The records stand in `room`, which holds at least rows_of(...).
    """
    order = "order_id" if "order_id" in TABLES[table].columns else "at"
    known = "known_at" if table in ("customers",) else "seen_at"
    own = [f"        to.{n} = row.{n}" for n in own_columns(TABLES[table])]
    lines = [
        f"def append_{table}(seen, n, marks, own, begin, end, t, timelines):",
        "    if own[end - 1].at > t:",
        "        end = until(own, begin, end, t)",
        "    for i in range(begin, end):",
        "        row = own[i]",
        "        if row.seen_at > t:",
        "            continue",
        "        to = seen[n]",
        "        n += 1",
        "        marks |= row.mark",
        "        to.at, to.event_id, to.mark = row.at, row.event_id, row.mark",
        f"        to.known_at = row.{known}",
        f"        local = row.at + np.int64(row.zone_minutes) * {MINUTE}",
        f"        to.local_day = local // {DAY}",
        f"        to.local_hour = local % {DAY} // {HOUR}",
        *own,
        *_joins(table),
        "    return n, marks",
        "",
        f"def append_all_{table}(seen, n, rows, offsets, place, t, timelines):",
        "    begun, marks = n, 0",
    ]
    for tier in range(TIERS):
        lines += [
            f"    begin, end = offsets[place, {tier}], offsets[place + 1, {tier}]",
            "    if begin < end:",
            f"        n, marks = append_{table}(seen, n, marks, rows[{tier}], begin, end, t, timelines)",
        ]
    lines += [
        "    if marks:",
        "        n = keep_current(seen, begun, n)",
        "    return n",
        "",
        f"def see_{table}(rows, offsets, members, place, t, timelines, room):",
        "    first, last, n = members.offsets[place], members.offsets[place + 1], 0",
        "    if first == last:",
        f"        n = append_all_{table}(room, n, rows, offsets, place, t, timelines)",
        "    for m in range(first, last):",
        f"        if members.since[m] <= t < members.until[m]{_own_only(table)}:",
        f"            n = append_all_{table}(room, n, rows, offsets, members.place[m], t, timelines)",
        "    seen = room[:n]",
        f'    put_in_order(seen, seen["{order}"])',
        "    set_ages(seen, t)",
    ]
    if table == "transactions":
        lines.append("    set_opening(seen)")
    return "\n".join([*lines, "    return seen", "", ""])


def _own_only(table: str) -> str:
    """What an id says of itself is not said of the one it was merged into."""
    return " and members.place[m] == place" if table == "customers" else ""


def _joins(table: str) -> list[str]:
    lines = []
    for new, (key, other, _) in TABLES[table].joined.items():
        if new == next(iter(n for n, (_, o, _) in TABLES[table].joined.items() if o == other)):
            lines.append(f"        k = version_at(timelines.{other}, row.{key}, row.seen_at)")
        missing = repr(missing_of(joined_columns(TABLES[table])[new]))
        lines.append(f"        to.{new} = timelines.{other}.rows[k].{new} if k >= 0 else {missing}")
    return lines


def sight_scope(table: str) -> dict[str, Any]:
    """What the text of `sight_text` names."""
    return {
        "np": np,
        "keep_current": keep_current,
        "put_in_order": put_in_order,
        "set_ages": set_ages,
        "set_opening": set_opening,
        "until": until,
        "version_at": version_at,
    }
