"""What the loops of several families need: sums by age and by window, ratios, counts by kind.

A family adds to `sums[row.age]`, of shape (CLASSES,), and asks for the sums of windows at the end.
"""

from typing import Any

import numpy as np

from features.family import LONG_WINDOWS, WINDOWS, PerLongWindow, PerWindow, inner
from tables.moment import DAY

# A record's `age` is the class of its time: class k is (t - EDGES[k], t - EDGES[k - 1]]. The edges are the
# windows and the windows before them, so that both are sums over classes.
EDGES = np.array(sorted({k * days * DAY for days in WINDOWS for k in (1, 2)}))
CLASSES = len(EDGES) + 1
QUARTER, YEAR = (WINDOWS.index(days) for days in LONG_WINDOWS)
# Where each window ends among the classes, and the class or classes that are the window before it.
assert [list(EDGES).index(days * DAY) for days in WINDOWS] == [0, 2, 4, 5, 6]
assert [list(EDGES).index(2 * days * DAY) for days in WINDOWS] == [1, 3, 5, 6, 7]


@inner
def windows(sums: Any) -> Any:
    """The sum of each window, of sums by age."""
    week = sums[0]
    month = week + sums[1] + sums[2]
    quarter = month + sums[3] + sums[4]
    half = quarter + sums[5]
    return week, month, quarter, half, half + sums[6]


@inner
def windows_before(sums: Any) -> Any:
    """The sum of the window before each window, (t - 2 days, t - days], of sums by age."""
    month = sums[3]
    half = sums[6]
    return sums[1], month, sums[5], half, sums[7]


@inner
def age_at(t: int, at: int) -> int:
    """The class of a moment not later than t; records carry their own."""
    age = 0
    while age < len(EDGES) and at <= t - EDGES[age]:
        age += 1
    return age


@inner
def within(t: int, at: int, days: int) -> bool:
    """Whether `at` lies in (t - days, t]; what is read is never later than t."""
    return at > t - days * DAY


@inner
def first_within(rows: Any, t: int, days: int) -> int:
    """The place of the first row in (t - days, t]; the number of rows where there is none."""
    begin, left = 0, len(rows)
    while left > 0:  # arithmetic in place of branches, which nobody could predict
        half = left >> 1
        is_older = int(rows[begin + half].at <= t - days * DAY)
        begin += (half + 1) * is_older
        left = half + (left - 1 - 2 * half) * is_older
    return begin


@inner
def per_window(sums: Any) -> PerWindow:
    """A fact of sums by age."""
    week, month, quarter, half, year = windows(sums)
    return float(week), float(month), float(quarter), float(half), float(year)


@inner
def per_long_window(sums: Any) -> PerLongWindow:
    found = windows(sums)
    return float(found[QUARTER]), float(found[YEAR])


@inner
def ratio(part: float, whole: float) -> float:
    """part / whole, missing where there is nothing to divide by."""
    return part / whole if whole != 0 else np.nan


@inner
def shares(parts: Any, wholes: Any) -> PerWindow:
    """A fact of two sums by age."""
    part, whole = windows(parts), windows(wholes)
    return (
        ratio(part[0], whole[0]),
        ratio(part[1], whole[1]),
        ratio(part[2], whole[2]),
        ratio(part[3], whole[3]),
        ratio(part[4], whole[4]),
    )


@inner
def long_shares(parts: Any, wholes: Any) -> PerLongWindow:
    part, whole = windows(parts), windows(wholes)
    return ratio(part[QUARTER], whole[QUARTER]), ratio(part[YEAR], whole[YEAR])


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
def count_by_kind(rows: Any, counts: Any, last: Any) -> None:
    """Count rows by kind and age; counts: shape (kinds * CLASSES,), last: one more than each kind's last row.

    Kinds count from 1; 0 is missing and has its place too.
    """
    for i in range(len(rows)):
        kind = int(rows[i].kind)
        counts[kind * CLASSES + rows[i].age] += 1
        last[kind] = i + 1


@inner
def of_kind(counts: Any, kind: int) -> Any:
    """The sums by age of one kind."""
    return counts[kind * CLASSES : (kind + 1) * CLASSES]


@inner
def days_since_row(t: int, rows: Any, end: int) -> Any:
    """Days since the row before place `end`; missing where there is none."""
    return days_since(t, rows[end - 1].at if end > 0 else -1)
