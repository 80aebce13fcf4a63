"""Small numbers for codes: which products, categories, stores or contacts are the same.

Hash tables with linear probing: a business account may have a million lines.
"""

from typing import Any

from features.family import inner
from features.scratch import zeros


@inner
def slots_for(n: int) -> int:
    """How large a table of n codes is: a power of two."""
    size = 8
    while size < 2 * n:
        size *= 2
    return size


@inner
def number(codes: Any, numbers: Any) -> int:
    """Number codes from 1 on in the order of first appearance, into `numbers` (0: no code); return how many
    there are."""
    size = slots_for(len(codes))
    first = zeros(size)  # slot -> one more than where its code stands first
    count = 0
    for i in range(len(codes)):
        code = codes[i]
        if code == 0:
            continue
        slot = code & (size - 1)
        while first[slot] > 0 and codes[first[slot] - 1] != code:
            slot = (slot + 1) & (size - 1)
        if first[slot] == 0:
            first[slot] = i + 1
            count += 1
            numbers[i] = count
        else:
            numbers[i] = numbers[first[slot] - 1]
    return count


@inner
def number_bought(lines: Any, codes: Any, numbers: Any) -> int:
    """As `number`, of the lines that are no returns."""
    count: int = number(codes, numbers)
    for i in range(len(lines)):
        if lines[i].quantity < 0:
            numbers[i] = 0
    return count


@inner
def count_distinct(numbers: Any, count: int, rows: Any, counts: Any) -> None:
    """Add each number to the age of its last row; rows stand by time."""
    found = zeros(count + 1)
    found[0] = 1
    for i in range(len(rows) - 1, -1, -1):
        counts[rows[i].age] += found[numbers[i]] == 0
        found[numbers[i]] = 1


@inner
def put(codes: Any, code: int) -> None:
    """Into a set of codes, shape (slots_for(n),) and zeros at first."""
    slot = code & (len(codes) - 1)
    while codes[slot] != 0 and codes[slot] != code:
        slot = (slot + 1) & (len(codes) - 1)
    codes[slot] = code


@inner
def holds(codes: Any, code: int) -> bool:
    """Whether a set of codes holds this one."""
    slot = code & (len(codes) - 1)
    while codes[slot] != 0 and codes[slot] != code:
        slot = (slot + 1) & (len(codes) - 1)
    return bool(codes[slot] == code)
