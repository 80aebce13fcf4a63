"""Bloom filters of the events in a cell: whether a new row may have an earlier version there.

Two bytes an event and eight bits set for each, all in one cache line (Putze, Sanders & Singler 2007): about
one event in a thousand is looked up in vain, none is missed.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tables.cell import PARSING
from tables.compiled import compiled

LINE = 64  # bytes
Bits = npt.NDArray[np.uint8]


def event_hashes(keys: npt.NDArray[np.uint64], events: npt.NDArray[np.int64], table: int) -> Any:
    """One number for a customer's event in a table (its place among the customers' tables)."""
    bits = keys ^ (np.ascontiguousarray(events).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    bits += np.uint64((table + 1) * 0xBF58476D1CE4E5B9 % 2**64)
    bits = (bits ^ (bits >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(29))


def make_filter(hashes: npt.NDArray[np.uint64]) -> Bits:
    """A filter of these events; its size depends on their number alone."""
    bits = np.zeros(LINE * max(1, len(hashes) * 2 // LINE), np.uint8)
    _set(bits, hashes)
    return bits


def write_filter(path: Path, bits: Bits) -> None:
    with path.open("wb") as file:
        np.save(file, bits, allow_pickle=False)


def read_filter(path: Path) -> Bits:
    with PARSING:
        return np.asarray(np.load(path, allow_pickle=False))


def may_hold(bits: Bits, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """False where the filter has certainly not seen the event."""
    found = np.empty(len(hashes), np.bool_)
    _test(bits, hashes, found)
    return found


@compiled
def _set(bits: Any, hashes: Any) -> None:
    lines = np.uint64(len(bits) // LINE)
    for i in range(len(hashes)):
        line = np.int64((hashes[i] >> np.uint64(1)) % lines) * LINE
        probe = hashes[i] * np.uint64(0xD6E8FEB86659FD93)
        for _ in range(8):
            place = np.int64(probe >> np.uint64(55))  # 9 bits: one of the 512 of a line
            bits[line + (place >> 3)] |= np.uint8(1 << (place & 7))
            probe *= np.uint64(0x9E3779B97F4A7C15)
            probe += np.uint64(0x632BE59BD9B4E019)


@compiled
def _test(bits: Any, hashes: Any, found: Any) -> None:
    lines = np.uint64(len(bits) // LINE)
    for i in range(len(hashes)):
        line = np.int64((hashes[i] >> np.uint64(1)) % lines) * LINE
        probe = hashes[i] * np.uint64(0xD6E8FEB86659FD93)
        held = True
        for _ in range(8):
            place = np.int64(probe >> np.uint64(55))
            held = held and bits[line + (place >> 3)] & np.uint8(1 << (place & 7)) != 0
            probe *= np.uint64(0x9E3779B97F4A7C15)
            probe += np.uint64(0x632BE59BD9B4E019)
        found[i] = held
