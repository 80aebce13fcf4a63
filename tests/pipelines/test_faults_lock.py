"""Two runs at once: one changes the home, the other is refused at once and told by whom."""

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

Command = Callable[..., Any]
HOLD = """
import sys, time
from pathlib import Path
from pipelines.running import running
with running(Path(sys.argv[1]), "check"):
    print("held", flush=True)
    time.sleep(600)
"""
CHANGING = [
    ("simulate", "--customers", "5", "--weeks", "39"),
    ("check",),
    ("train",),
    ("promote",),
    ("score",),
    ("rollback",),
]


@pytest.fixture
def holder(home: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the home's lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(home)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_who_would_change_a_home_that_another_job_changes_is_refused_at_once(
    command: Command, home: Path, holder: Any, hashes: Callable[[Path], Any]
) -> None:
    before = hashes(home)
    for arguments in CHANGING:
        begin = time.monotonic()
        said = command(*arguments, "--home", home)
        words = " ".join(said.err.split())
        assert said.code == 1
        assert time.monotonic() - begin < 10
        assert f"`holdfast check` is changing it (process {holder.pid} on " in words
        assert f"wait until it ends or stop it, then run `holdfast {arguments[0]}` again" in words
    assert hashes(home) == before


def test_reading_needs_no_lock(command: Command, home: Path, holder: Any, tmp_path: Path) -> None:
    status = command("status", "--home", home, "--json")
    assert status.code == 0
    assert [(job["job"], job["process"]) for job in status.json["running"]] == [("check", holder.pid)]
    assert command("features", "--out", tmp_path / "facts.parquet", "--home", home).code == 0


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])
def test_a_dead_process_holds_nothing(command: Command, home: Path, holder: Any, by: int) -> None:
    holder.send_signal(by)
    holder.wait()
    assert command("score", "--home", home).code == 0
    assert command("status", "--home", home, "--json").json["running"] == []


def test_of_two_runs_at_once_one_publishes_and_the_other_changes_nothing(
    command: Command, home: Path, scoring: Any
) -> None:
    child = scoring.begin(home, "score", "--as-of", "2025-09-01")
    until = time.monotonic() + 60
    while not any(run.is_dir() for run in (home / "runs").glob("*")):
        assert time.monotonic() < until
    second = command("score", "--home", home, "--as-of", "2025-09-02")
    run = scoring.wait()
    assert os.waitstatus_to_exitcode(run.status) == 0, run.said
    assert second.code == 1
    assert f"`holdfast score` is changing it (process {child} on " in " ".join(second.err.split())
    alone = command("score", "--home", scoring.peaceful, "--as-of", "2025-09-01", "--json").json
    assert Home(home).published().week == alone["week"]
    assert command("score", "--home", home, "--as-of", "2025-09-02").code == 0
