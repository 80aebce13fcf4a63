"""What a job cost: seconds and rows a second of each stage, and the most memory it held."""

import resource
import sys
import time
from pathlib import Path
from typing import Any

KILOBYTES = 1024 if sys.platform == "darwin" else 1


class Stopwatch:
    """One stage after the other; a stage ends where the next one begins. Not the wall clock, which jumps."""

    def __init__(self) -> None:
        self._stages: dict[str, dict[str, float]] = {}
        self._now = ("", 0.0, 0.0, 0)
        self._own = 0

    def stage(self, name: str, rows: int = 0) -> None:
        """Begin a stage, in which so many rows are handled."""
        self._end()
        self._now = (name, time.perf_counter(), time.process_time(), rows)

    def look(self) -> None:
        """See how much memory is held; called once a batch."""
        self._own = max(self._own, _own_kilobytes())

    def told(self) -> dict[str, Any]:
        """Seconds by stage (and those the processors worked for it, on all cores), and memory in MB.

        `peak_memory_mb` counts mapped files too, which the system takes back when it needs the room;
        `peak_own_memory_mb` (Linux) does not: that is what must fit.
        """
        self._end()
        self._now = ("", 0.0, 0.0, 0)
        self.look()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KILOBYTES
        return {
            "stages": self._stages,
            "peak_memory_mb": round(peak / 1024),
            "peak_own_memory_mb": round(self._own / 1024) or None,
        }

    def _end(self) -> None:
        name, began, worked, rows = self._now
        if name:
            seconds, work = time.perf_counter() - began, time.process_time() - worked
            self._stages[name] = {"seconds": round(seconds, 3), "processor_seconds": round(work, 3)}
            if rows:
                self._stages[name] |= {"rows": rows, "rows_per_second": round(rows / max(seconds, 1e-9))}


def _own_kilobytes() -> int:
    """What this process holds for itself, without files that are mapped; 0 where the system does not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    lines = status.read_text(encoding="ascii").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0)


def stage_rows(told: dict[str, Any]) -> list[list[Any]]:
    """The stages as lines of a table: name, seconds, rows a second."""
    return [
        [
            name,
            f"{stage['seconds']:,.1f}",
            f"{int(stage.get('rows_per_second', 0)):,}" if stage.get("rows") else "-",
        ]
        for name, stage in told["stages"].items()
    ]
