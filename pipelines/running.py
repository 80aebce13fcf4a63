"""Which jobs are running on a home, one that changes it at a time, and how they are stopped."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from releases.lock import locked
from tables.sealed import sweep

SHELVES = ("incoming", "bases", "bundles", "policies", "weeks", "shadows", "runs")


class Ended(BaseException):
    """The process was told to end: no error that a job may catch, so everything it holds is let go."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


@contextmanager
def stopping() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as an exception would: half of a thing is removed, the lock let go."""

    told: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        told.append(number)
        raise Ended(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except Exception as error:
        # DuckDB, in the middle of a query, raises an error of its own in place of what the signal raised.
        if told:
            raise Ended(told[0]) from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def running(home: Path, job: str, *, changes: bool = True) -> Iterator[None]:
    """Hold the home's lock if the job changes it, and leave a note that `holdfast status` reads.

    Raises Refused at once when another job is changing the home. Who holds the lock is alone: what dead
    processes left half-written is swept.
    """
    with locked(home, job) if changes else nullcontext():
        if changes:
            for shelf in (home, *(home / name for name in SHELVES)):
                sweep(shelf, alone=True)
        folder = home / "running"
        folder.mkdir(parents=True, exist_ok=True)
        note = folder / f"{os.getpid()}.json"
        said = {"job": job, "since": datetime.now(UTC).isoformat(timespec="seconds"), "started": _started()}
        with suppress(OSError):  # a full disk cannot tell people, but may still roll back
            note.write_text(json.dumps(said))
        try:
            yield
        finally:
            note.unlink(missing_ok=True)


def jobs_running(home: Path) -> list[dict[str, Any]]:
    found = []
    for note in sorted((home / "running").glob("*.json")):
        try:
            said = json.loads(note.read_text(encoding="utf-8"))
            started = said.pop("started", None)
        except (OSError, ValueError, AttributeError):  # it ended, or began, this instant
            said, started = None, None
        if not Path(f"/proc/{note.stem}").exists() or (started and started != _started(note.stem)):
            note.unlink(missing_ok=True)
        elif said:
            found.append({"process": int(note.stem), **said})
    return found


def _started(process: str = "self") -> str:
    """When a process began, in ticks since the machine did: numbers of dead processes are given again."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
