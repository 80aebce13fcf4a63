"""Labels: the class of each customer, or the reason for having none, found by a compiled loop.

Numba keeps the compiled loops as long as this file stays as it is, so all that they name stands here.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tables.compiled import compiled

Places = npt.NDArray[np.int8]
Int64s = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
# In place of a class.
NOT_KNOWN = -1
OTHER_KIND = -2
# In place of a reason; and the reasons before those that name what is not known.
NO_REASON = -1
ANOTHER_KIND, NO_KIND, GAP, FIRST_PATTERN = range(4)
EVERYONE, NOBODY = -1, -1


class Blame(NamedTuple):
    """What may be to blame for a class that is not known: of each measure its own row among what may be
    unknown, and the columns it is read from, source[begins[k]] .. source[begins[k + 1]]. slot, own_slot: of
    each source and each measure among the words that are said; slots: how many words, the last being that
    all is known and no threshold is frozen."""

    row: Int64s
    begins: Int64s
    source: Int64s
    slot: Int64s
    own_slot: Int64s
    slots: int


@compiled
def first_held(truths: Any, place: Any, gap: Any) -> None:
    """Of truths, shape (classes, customers): the first class that holds, and whether surely none does."""
    for row in range(truths.shape[1]):
        place[row], gap[row] = NOT_KNOWN, True
        for k in range(len(truths)):
            if truths[k, row] == 1.0 and place[row] == NOT_KNOWN:
                place[row] = k
            gap[row] &= truths[k, row] == 0.0


@compiled
def find_pattern(patterns: Any, count: int, said: Any) -> int:
    """Where among the first `count` patterns the same is said; `count` where it is in none of them."""
    for found in range(count):
        same = True
        for slot in range(len(said)):
            same &= patterns[found, slot] == said[slot]
        if same:
            return found
    return count


@compiled
def explain(place: Any, why: Any, wanted: int, kind: Any, gap: Any, unknown: Any, blame: Any) -> Any:  # noqa: PLR0912 one loop
    """Fill `why` for who has no class, and take the class from who is of another kind than `wanted`.

    unknown: shape (names, customers). Returns what is not known, a row for each reason from FIRST_PATTERN on,
    shape (patterns, slots).
    """
    patterns, count = np.zeros((4, blame.slots), np.bool_), 0
    said = np.zeros(blame.slots, np.bool_)
    for row in range(len(place)):
        why[row] = NO_REASON
        if wanted != EVERYONE and kind[row] != wanted:
            is_nobody = kind[row] == NOBODY
            place[row] = NOT_KNOWN if is_nobody else OTHER_KIND
            why[row] = NO_KIND if is_nobody else ANOTHER_KIND
            continue
        if gap[row]:
            why[row] = GAP
            continue
        if place[row] != NOT_KNOWN:
            continue
        for slot in range(blame.slots):
            said[slot] = False
        is_blamed = False
        for k in range(len(blame.row)):
            if not unknown[blame.row[k], row]:
                continue
            is_blamed, by_source = True, False
            for j in range(blame.begins[k], blame.begins[k + 1]):
                if unknown[blame.source[j], row]:
                    said[blame.slot[j]] = by_source = True
            if not by_source:
                said[blame.own_slot[k]] = True
        if not is_blamed:
            said[blame.slots - 1] = True
        found = find_pattern(patterns, count, said)
        if found == count:
            if count == len(patterns):
                patterns = np.concatenate((patterns, np.zeros_like(patterns)))
            for slot in range(blame.slots):
                patterns[count, slot] = said[slot]
            count += 1
        why[row] = FIRST_PATTERN + found
    return patterns[:count]
