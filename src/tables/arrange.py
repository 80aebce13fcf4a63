"""Arranging stored rows: by customer and time, what they correct, and in which tier each lies."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tables.cell import TIERS, Part, tiers_of
from tables.code import first_at_least
from tables.compiled import compiled
from tables.record import CORRECTS, Records, known_at

Keys = npt.NDArray[np.uint64]


def arranged(keys: Keys, rows: Records) -> tuple[Keys, Records]:
    """Sorted (sort_rows), and marked where an event has a version that was known earlier."""
    keys, rows = sort_rows(keys, rows)
    _mark_corrections(keys, rows["event_id"], known_at(rows), rows["mark"])
    return keys, rows


def sort_rows(keys: Keys, rows: Records) -> tuple[Keys, Records]:
    """By customer, time, order, event, version: one order for any way in which the rows came."""
    by_order = rows["order_id"] if "order_id" in (rows.dtype.names or ()) else np.zeros(len(rows), np.int32)
    order = np.argsort(keys, kind="stable")
    columns = [np.ascontiguousarray(c) for c in (rows["at"], by_order, rows["event_id"], known_at(rows))]
    sorted_keys = keys[order]
    long_runs = np.empty((len(keys) // 32 + 1, 2), np.int64)
    found = _sort_runs(sorted_keys, order, *columns, long_runs)
    for begin, end in long_runs[:found].tolist():
        places = order[begin:end]
        order[begin:end] = places[np.lexsort([c[places] for c in reversed(columns)])]
    return sorted_keys, rows[order]


@compiled
def _sort_runs(keys: Any, order: Any, at: Any, by_order: Any, event: Any, known: Any, long_runs: Any) -> int:
    """Sort each customer's short run in place; name the long ones that are out of order."""
    found, begin = 0, 0
    while begin < len(keys):
        end = begin + 1
        moves = 0
        while end < len(keys) and keys[end] == keys[begin]:
            place, j = order[end], end - 1
            while j >= begin:
                other = order[j]
                if at[other] != at[place]:
                    later = at[other] > at[place]
                elif by_order[other] != by_order[place]:
                    later = by_order[other] > by_order[place]
                elif event[other] != event[place]:
                    later = event[other] > event[place]
                else:
                    later = known[other] > known[place]
                if not later or moves > 64 * (end - begin) + 1024:
                    break
                order[j + 1] = other
                j -= 1
                moves += 1
            order[j + 1] = place
            end += 1
        if moves > 1024:
            long_runs[found, 0], long_runs[found, 1] = begin, end
            found += 1
        begin = end
    return found


@compiled
def _mark_corrections(keys: Any, events: Any, known: Any, marks: Any) -> None:
    """Mark each row whose event has a version that was known earlier; rows stand by customer."""
    begin = 0
    slots = np.empty(8, np.int64)
    while begin < len(keys):
        end = begin + 1
        while end < len(keys) and keys[end] == keys[begin]:
            end += 1
        size = 8
        while size < 2 * (end - begin):
            size *= 2
        if size > len(slots):
            slots = np.empty(size, np.int64)
        slots[:size] = -1
        for i in range(begin, end):
            slot = events[i] & (size - 1)
            while slots[slot] >= 0 and events[slots[slot]] != events[i]:
                slot = (slot + 1) & (size - 1)
            if slots[slot] < 0 or known[i] < known[slots[slot]]:
                slots[slot] = i
        for i in range(begin, end):
            slot = events[i] & (size - 1)
            while events[slots[slot]] != events[i]:
                slot = (slot + 1) & (size - 1)
            if known[slots[slot]] < known[i]:
                marks[i] |= CORRECTS
        begin = end


def split_by_tier(keys: Keys, rows: Records, borders: npt.NDArray[np.int64]) -> list[Part]:
    """Sorted rows as the parts of the bucket's cells, the oldest tier first."""
    tiers = tiers_of(np.ascontiguousarray(rows["seen_at"]), borders)
    parts = []
    for tier in range(TIERS):
        chosen = np.flatnonzero(tiers == tier)
        parts.append(as_part(keys[chosen], rows[chosen]))
    return parts


def as_part(keys: Keys, rows: Records) -> Part:
    last = np.flatnonzero(np.append(keys[1:] != keys[:-1], True)) if len(keys) else np.empty(0, np.int64)
    return Part(keys[last], (last + 1).astype(np.int32), rows)


def keys_of_rows(part: Part) -> Keys:
    """The customer's key of each row."""
    return np.repeat(part.keys, np.diff(part.ends, prepend=0))


@compiled
def find_versions(some: Any, ends: Any, stored_events: Any, keys: Any, events: Any) -> Any:
    """Where a part has rows of these customers' events: (which of the events, which stored row)."""
    given, rows = [0][:0], [0][:0]
    for i in range(len(keys)):
        low = first_at_least(some, keys[i])
        if low < len(some) and some[low] == keys[i]:
            for row in range(ends[low - 1] if low else 0, ends[low]):
                if stored_events[row] == events[i]:
                    given.append(i)
                    rows.append(row)
    return np.array(given), np.array(rows)
