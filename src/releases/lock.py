"""The lock of a home: one job at a time may change it, and a dead process holds nothing.

The kernel's lock on an open file (flock), so it ends with the process, however that ends. What the file says
is for people only. On NFS it holds between machines when the server's lock service runs, and not on mounts
with `nolock` or `local_lock=flock`: there, start jobs of one home on one machine (docs/weekly.md).
"""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tables.refusal import Refused

FILE = "lock"


@contextmanager
def locked(home: Path, job: str) -> Iterator[None]:
    """Hold the home's lock; raises Refused at once, naming the holder, when another job has it."""
    home.mkdir(parents=True, exist_ok=True)
    handle = os.open(home / FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(_held(home, job)) from error
        # A full disk cannot say who holds the lock, but hold it.
        with contextlib.suppress(OSError):
            _say(handle, job)
        yield
    finally:
        os.close(handle)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait for a lock that is held for a moment only, by whoever else changes what stands beside it. Opened
    each time: threads that shared one would let each other in."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _say(handle: int, job: str) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    note = {"job": job, "process": os.getpid(), "machine": socket.gethostname(), "since": since}
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(note).encode(), 0)


def _held(home: Path, job: str) -> str:
    holder: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError, TypeError):
        holder = dict(json.loads((home / FILE).read_text(encoding="utf-8")))
    who = "another job is changing it"
    if holder:
        who = (
            f"`holdfast {holder.get('job')}` is changing it (process {holder.get('process')} on "
            f"{holder.get('machine')}, since {holder.get('since')})"
        )
    return f"{home}: {who}; wait until it ends or stop it, then run `holdfast {job}` again"
