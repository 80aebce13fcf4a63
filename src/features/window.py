"""What the loops of several families need: windows, ratios, counting codes and kinds."""

from typing import Any

import numpy as np

from features.family import LONG_WINDOWS, WINDOWS, PerLongWindow, PerWindow, inner
from tables.moment import DAY

# A record's `age` is the class of its time: class k is (t - EDGES[k], t - EDGES[k - 1]]. The edges are the
# windows and the windows before them, so that both are sums over classes.
EDGES = np.array(sorted({k * days * DAY for days in WINDOWS for k in (1, 2)}))
CLASSES = len(EDGES) + 1
SPANS = np.array([days * DAY for days in WINDOWS])
QUARTER, YEAR = (WINDOWS.index(days) for days in LONG_WINDOWS)


@inner
def add(counts: Any, t: int, at: int, amount: float) -> None:
    """Add `amount` to every window (t - days, t] that holds `at`; counts has shape (windows,)."""
    for w in range(len(SPANS) - 1, -1, -1):
        if at <= t - SPANS[w]:
            break  # nor do the shorter ones
        counts[w] += amount


@inner
def add_before(counts: Any, t: int, at: int, amount: float) -> None:
    """Add `amount` to every window before the last one, (t - 2 days, t - days], that holds `at`."""
    for w in range(len(SPANS)):
        if t - 2 * SPANS[w] < at <= t - SPANS[w]:
            counts[w] += amount


@inner
def within(t: int, at: int, days: int) -> bool:
    """Whether `at` lies in (t - days, t]; what is read is never later than t."""
    return at > t - days * DAY


@inner
def first_within(rows: Any, t: int, days: int) -> int:
    """The place of the first row in (t - days, t]; the number of rows where there is none."""
    begin, end = 0, len(rows)
    while begin < end:
        middle = (begin + end) // 2
        if rows[middle].at > t - days * DAY:
            end = middle
        else:
            begin = middle + 1
    return begin


@inner
def per_window(counts: Any) -> PerWindow:
    return counts[0], counts[1], counts[2], counts[3], counts[4]


@inner
def per_long_window(counts: Any) -> PerLongWindow:
    return counts[QUARTER], counts[YEAR]


@inner
def ratio(part: float, whole: float) -> float:
    """part / whole, missing where there is nothing to divide by."""
    return part / whole if whole != 0 else np.nan


@inner
def shares(parts: Any, wholes: Any) -> PerWindow:
    return (
        ratio(parts[0], wholes[0]),
        ratio(parts[1], wholes[1]),
        ratio(parts[2], wholes[2]),
        ratio(parts[3], wholes[3]),
        ratio(parts[4], wholes[4]),
    )


@inner
def long_shares(parts: Any, wholes: Any) -> PerLongWindow:
    return ratio(parts[QUARTER], wholes[QUARTER]), ratio(parts[YEAR], wholes[YEAR])


@inner
def days_since(t: int, at: int) -> float:
    """Days from `at` to t; missing for the time before anything happened (at < 0 by convention)."""
    return (t - at) / DAY if at >= 0 else np.nan


@inner
def is_new_order(lines: Any, i: int) -> bool:
    """Whether line i is the first line bought of its order.

    An order is what one customer bought under one order_id at one moment; its lines stand together.
    """
    return bool(lines[i].opens_order)


@inner
def codes_bought(lines: Any, codes: Any) -> Any:
    """The lines' codes, with the missing code 0 for returns."""
    bought = np.zeros(len(lines), np.int64)
    for i in range(len(lines)):
        if lines[i].quantity > 0:
            bought[i] = codes[i]
    return bought


@inner
def numbered(codes: Any) -> Any:
    """Each code's number, in the order of first appearance (-1: no code), and how many there are.

    A hash table with linear probing: a business account may have a million lines.
    """
    size = 8
    while size < 2 * len(codes):
        size *= 2
    first = np.full(size, -1, np.int32)  # slot -> where its code stands first
    numbers = np.full(len(codes), -1, np.int32)
    count = 0
    for i in range(len(codes)):
        if codes[i] == 0:
            continue
        slot = codes[i] & (size - 1)
        while first[slot] >= 0 and codes[first[slot]] != codes[i]:
            slot = (slot + 1) & (size - 1)
        if first[slot] < 0:
            first[slot] = i
            numbers[i] = count
            count += 1
        else:
            numbers[i] = numbers[first[slot]]
    return numbers, count


@inner
def distinct(numbers: Any, count: int, moments: Any, t: int) -> Any:
    """How many different codes each window holds, shape (windows,), by their numbers in time order."""
    last = np.zeros(count, np.int64)
    for i in range(len(numbers)):
        if numbers[i] >= 0:
            last[numbers[i]] = moments[i]
    counts = np.zeros(len(WINDOWS))
    for k in range(count):
        add(counts, t, last[k], 1.0)
    return counts


@inner
def counts_by_kind(rows: Any, t: int, kinds: int) -> Any:
    """How many rows of each kind each window holds, shape (kinds + 1, windows); kinds count from 1."""
    counts = np.zeros((kinds + 1, len(WINDOWS)))
    for i in range(len(rows)):
        add(counts[rows[i].kind], t, rows[i].at, 1.0)
    return counts


@inner
def last_of_kind(rows: Any, kind: int) -> Any:
    """When the last row of a kind happened; -1 where there is none."""
    for i in range(len(rows) - 1, -1, -1):
        if rows[i].kind == kind:
            return rows[i].at
    return -1
