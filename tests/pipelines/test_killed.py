"""`kill -9` of `holdfast score`: the old week or the complete new one is published, and a rerun finishes."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from releases.home import Home
from releases.week import read_week_about, read_week_rows
from tables.sealed import STAGING, verify

SECONDS_TO_WRITE = 60
# When a run is killed: spread over it, and from the moment on at which it begins to write the week.
SPREAD = [(k + 0.5) / 8 for k in range(8)]
WRITING = [k * 0.002 for k in range(16)]
# Imports what the command needs once, then becomes `holdfast score ...` in a new process for each line read.
FORKING = """
import os, sys
import numpy as np
from pathlib import Path
from features.consent import consent
from features.reader import read_facts
from pipelines import cli, score
from releases.home import Home
from tables.history import read_histories
histories = read_histories(Home(Path(sys.argv[1])).current_base() / "histories")
read_facts(histories, np.arange(1), histories.last_at)
read_facts(histories, np.arange(1), histories.last_at, (consent,))
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1), os.dup2(quiet, 2)
        sys.argv = ["holdfast", *line.split()]
        cli.main()
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Scoring:
    """Runs of `holdfast score` on a home, each a process of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.server = subprocess.Popen(
            [sys.executable, "-c", FORKING, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self.server.stdout
        return self.server.stdout.readline().strip()

    def run(self, as_of: str, kill_after: float | None = None, writing: bool = False) -> tuple[int, float]:
        """(wait status, seconds); killed so many seconds after it began, or after it began to write."""
        assert self.server.stdin
        begin = time.perf_counter()
        self.server.stdin.write(f"score --home {self.home} --as-of {as_of} --json\n")
        self.server.stdin.flush()
        child = int(self._line())
        if kill_after is not None:
            since = begin
            while writing and not list((self.home / "weeks").glob(f"{STAGING}{child}")):
                since = time.perf_counter()
                assert since < begin + SECONDS_TO_WRITE
            while time.perf_counter() < since + kill_after:
                pass  # sleeping is too coarse
            with contextlib.suppress(ProcessLookupError):  # it was done before
                os.kill(child, signal.SIGKILL)
        return int(self._line()), time.perf_counter() - begin

    def end(self) -> None:
        for pipe in (self.server.stdin, self.server.stdout):
            assert pipe
            pipe.close()
        self.server.wait(30)


@pytest.fixture
def scoring(home: Path) -> Iterator[Scoring]:
    runs = Scoring(home)
    yield runs
    runs.end()


def test_killed_at_any_moment_the_published_week_is_whole_and_a_rerun_finishes(
    scoring: Scoring, home: Path, command: Callable[..., Any]
) -> None:
    status, _ = scoring.run("2025-08-01")
    assert status == 0
    status, seconds = scoring.run("2025-08-02")
    assert status == 0
    last = Home(home).published()
    killed, interrupted = 0, []
    kills = [(share * seconds, False) for share in SPREAD] + [(delay, True) for delay in WRITING]
    for k, (kill_after, writing) in enumerate(kills):
        as_of = f"2025-09-{k + 1:02d}"
        status, _ = scoring.run(as_of, kill_after, writing)
        now = Home(home).published()
        killed += os.WIFSIGNALED(status)
        if now == last:
            interrupted.append(as_of)
        told = command("status", "--home", home, "--json").json
        assert {name: part["whole"] for name, part in told["parts"].items()} == dict.fromkeys(
            ("bundle", "policy", "week"), True
        )
        rows = read_week_rows(home / "weeks" / now.week)
        assert rows.num_rows == 60
        moment = f"{rows['moment'][0].as_py():%Y-%m-%d}"
        if now != last:  # the new one, complete: 00:00 in Shanghai is 16:00 the day before
            assert moment == ("2025-08-31" if k == 0 else f"2025-09-{k:02d}")
        assert told["running"] == []
        last = now
    assert killed >= 12
    assert len(interrupted) >= 6
    for as_of in interrupted:
        assert command("score", "--home", home, "--as-of", as_of).code == 0
        read_week_about(home / "weeks" / Home(home).published().week, Home(home).key())
    for folder in (home / "weeks").iterdir():
        assert STAGING not in folder.name
        verify(folder)
    assert command("rollback", "--home", home).code == 0
