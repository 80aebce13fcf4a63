"""What the loops of several families need: windows, ratios, counting distinct codes."""

from typing import Any

import numpy as np

from features.family import WINDOWS, PerWindow
from tables.compiled import compiled
from tables.moment import DAY

SPANS = np.array([days * DAY for days in WINDOWS])


@compiled
def add(counts: Any, t: int, at: int, amount: float) -> None:
    """Add `amount` to every window (t - days, t] that holds `at`; counts has shape (windows,)."""
    for w in range(len(SPANS)):
        if at > t - SPANS[w]:
            counts[w] += amount


@compiled
def per_window(counts: Any) -> PerWindow:
    return counts[0], counts[1], counts[2], counts[3], counts[4]


@compiled
def ratio(part: float, whole: float) -> float:
    """part / whole, missing where there is nothing to divide by."""
    return part / whole if whole != 0 else np.nan


@compiled
def shares(parts: Any, wholes: Any) -> PerWindow:
    return (
        ratio(parts[0], wholes[0]),
        ratio(parts[1], wholes[1]),
        ratio(parts[2], wholes[2]),
        ratio(parts[3], wholes[3]),
        ratio(parts[4], wholes[4]),
    )


@compiled
def days_since(t: int, at: int) -> float:
    """Days from `at` to t; missing for the time before anything happened (at < 0 by convention)."""
    return (t - at) / DAY if at >= 0 else np.nan


@compiled
def is_new_order(lines: Any, i: int) -> bool:
    """Whether line i is the first line bought of its order.

    An order is what one customer bought under one order_id at one moment; its lines stand together.
    """
    if lines[i].quantity < 0:
        return False
    k = i - 1
    while k >= 0 and lines[k].at == lines[i].at and lines[k].order_id == lines[i].order_id:
        if lines[k].quantity > 0:
            return False
        k -= 1
    return True


@compiled
def distinct(values: Any, count: int) -> int:
    """How many different codes stand in values[:count]; missing codes (0) are not counted. Sorts in place."""
    values[:count].sort()
    different = 0
    for i in range(count):
        if values[i] != 0 and (i == 0 or values[i] != values[i - 1]):
            different += 1
    return different
