"""How much memory a job may take: one limit a process, from which everything that grows is cut to fit.

A piece of work asks what is left beside what the process holds already, and divides it: DuckDB gets its own
limit and spills beyond it, buckets are made small enough or handled one at a time, customers are read in
smaller batches. Whoever cannot do with what is left refuses, and says which limit would do. Without a limit
every answer is what the work would like best.

What counts is all that the process has resident, mapped files too, although the system takes those back.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa

from tables.refusal import Refused

MEGABYTE = 2**20
# Kept free: allocators hold on to what was let go, and what is left is looked at only here and there.
SPARE = 96 * MEGABYTE
STATUS = Path("/proc/self/statm")
_limits: list[int] = []


@contextmanager
def limited(megabytes: int | None) -> Iterator[None]:
    """Within the block (of all threads) work keeps within so many MB (2^20 bytes); None: no limit."""
    if megabytes is None:
        yield
        return
    if not STATUS.exists():
        raise Refused("memory_limit_mb: this system does not say how much a process holds; leave it out")
    _limits.append(megabytes * MEGABYTE)
    try:
        yield
    finally:
        _limits.pop()


def left() -> int | None:
    """Bytes that may still be taken; None: no limit."""
    if not _limits:
        return None
    _give_back()
    return _limits[-1] - SPARE - resident()


def _give_back() -> None:
    """What was let go and allocators still hold."""
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # another C library has its own ways
        ctypes.CDLL(None).malloc_trim(0)


def resident() -> int:
    """Bytes that the process has in memory."""
    return int(STATUS.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def require(least: int, what: str) -> int | None:
    """What is left, if `what` can do with it, else Refused with the limit that would do; None: no limit."""
    there = left()
    if there is not None and there < least:
        needed = -(-(_limits[-1] + least - there) // MEGABYTE)
        raise Refused(
            f"memory_limit_mb: {_limits[-1] // MEGABYTE} (config/home.yaml) is too little for {what}; the "
            f"least that works here is {needed}"
        )
    return there


def at_once(each: int, most: int, what: str, *, least: int = 1) -> int:
    """How many pieces of so many bytes fit, at least `least` and at most `most`; all of them without a limit.

    Raises Refused when not even the least fit.
    """
    there = require(each * least, what)
    return most if there is None else max(least, min(most, there // max(each, 1)))


def threads(each: int, what: str) -> int:
    """How many threads may work, each on so many bytes."""
    return at_once(each, os.cpu_count() or 1, what)
