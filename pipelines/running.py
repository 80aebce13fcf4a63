"""Which jobs are running on a home."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@contextmanager
def running(home: Path, job: str) -> Iterator[None]:
    """Leave a note while a job runs; `holdfast status` reads it, and drops those of dead processes."""
    folder = home / "running"
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / f"{os.getpid()}.json"
    note.write_text(json.dumps({"job": job, "since": datetime.now(UTC).isoformat(timespec="seconds")}))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def jobs_running(home: Path) -> list[dict[str, Any]]:
    found = []
    for note in sorted((home / "running").glob("*.json")):
        if not Path(f"/proc/{note.stem}").exists():
            note.unlink(missing_ok=True)
            continue
        try:
            found.append({"process": int(note.stem), **json.loads(note.read_text(encoding="utf-8"))})
        except (OSError, ValueError):  # it ended, or began, this instant
            continue
    return found
