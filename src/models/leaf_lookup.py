"""Looking up what the leaves of all trees add to each fact's SHAP value, for many customers side by side.

Numba keeps the compiled loop as long as this file stays as it is, so all that the loop names stands here.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tables.compiled import compiled

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
# So many that a tree's tables are fetched seldom, so few that a tree's facts stay near.
ROWS_AT_ONCE = 1024
# Where a split sends a customer whose value is missing.
NAN_RIGHT, NAN_LEFT, ZERO_RIGHT, ZERO_LEFT = range(4)
# What LightGBM takes for zero: its kZeroThreshold, a float.
ZERO = float(np.float32(1e-35))


class Tables(NamedTuple):
    """All trees behind each other.

    Tree i has the splits [split[i], split[i + 1]) of fact, threshold, missing, and the groups [group[i],
    group[i + 1]). Group j has the tests [tests[j], tests[j + 1]) of test, each the place of a split in its
    tree and one bit of the key; the facts [facts[j], facts[j + 1]) of place; and from begin[j] on in table,
    for each of its facts, 2^tests values in the unit of the raw score.
    """

    split: Integers
    fact: Integers
    threshold: Floats
    missing: Integers
    group: Integers
    tests: Integers
    test: Integers
    facts: Integers
    place: Integers
    begin: Integers
    table: Floats


@compiled
def look_up(values: Any, tables: Any, told: Any) -> None:  # noqa: PLR0912 calls would cost one customer double
    """Fill `told`, shape (customers, facts) as values; tables: Tables.

    Facts are turned into rows, so that each inner loop runs over customers.
    """
    rows, facts = values.shape
    most = 1
    for tree in range(len(tables.split) - 1):
        most = max(most, tables.split[tree + 1] - tables.split[tree])
    size = min(rows, ROWS_AT_ONCE)
    value = np.empty((facts, size))
    total = np.empty((facts, size))
    left = np.empty((most, size), np.uint8)
    key = np.empty(size, np.uint16)
    for start in range(0, rows, ROWS_AT_ONCE):
        n = min(ROWS_AT_ONCE, rows - start)
        for fact in range(facts):
            for row in range(n):
                x = values[start + row, fact]
                value[fact, row] = 0.0 if abs(x) <= ZERO else x
                total[fact, row] = 0.0
        for tree in range(len(tables.split) - 1):
            first = tables.split[tree]
            for split in range(first, tables.split[tree + 1]):
                fact, threshold, missing = tables.fact[split], tables.threshold[split], tables.missing[split]
                k = split - first
                if missing == NAN_RIGHT:
                    for row in range(n):
                        left[k, row] = value[fact, row] <= threshold
                elif missing == NAN_LEFT:
                    for row in range(n):
                        left[k, row] = not value[fact, row] > threshold
                else:
                    side = missing == ZERO_LEFT
                    for row in range(n):
                        x = value[fact, row]
                        left[k, row] = side if np.isnan(x) or x == 0.0 else x <= threshold
            for group in range(tables.group[tree], tables.group[tree + 1]):
                for row in range(n):
                    key[row] = 0
                shift = np.uint16(0)
                for k in range(tables.tests[group], tables.tests[group + 1]):
                    split = tables.test[k]
                    for row in range(n):
                        key[row] |= np.uint16(left[split, row]) << shift
                    shift += np.uint16(1)
                begin = tables.begin[group]
                for k in range(tables.facts[group], tables.facts[group + 1]):
                    fact = tables.place[k]
                    for row in range(n):
                        total[fact, row] += tables.table[begin + key[row]]
                    begin += np.int64(1) << np.int64(shift)
        for row in range(n):
            for fact in range(facts):
                told[start + row, fact] = total[fact, row]
