"""A merge that is killed, told to end, or finds the disk full: the base is the one of before or the merged
one, whole; merging the same feed again gives what an undisturbed merge gives."""

import os
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from releases.home import Home
from tables.sealed import STAGING, verify

Command = Callable[..., Any]
BY = pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])


@pytest.fixture
def merged(command: Command, home: Path, feeds: Any, let_in: Any, histories_of: Any) -> Any:
    """Makes `home` a base of the first feed, into which the second is to come; (histories before, after)."""
    (first, second, _), base = feeds
    let_in(home, first, base)
    assert command("check", "--home", home).code == 0
    before = histories_of(home)
    let_in(home, second, base)
    subprocess.run(["cp", "-a", home, home.with_name("undisturbed")], check=True)
    assert command("merge", "--home", home.with_name("undisturbed")).code == 0
    return before, histories_of(home.with_name("undisturbed"))


def disturb(home: Path, merged: Any, scoring: Any, histories_of: Any, count: int, seed: int, by: int) -> None:
    before, after = merged
    assert before != after
    chance = random.Random(seed)
    kept = home.with_name("kept")
    home.rename(kept)
    subprocess.run(["cp", "-a", kept, home], check=True)
    seconds = scoring.run(home, "merge").seconds
    assert histories_of(home) == after
    interrupted = 0
    for _ in range(count):
        subprocess.run(["rm", "-rf", home], check=True)
        subprocess.run(["cp", "-a", kept, home], check=True)
        run = scoring.run(home, "merge", after=chance.uniform(0.0, seconds), by=by)
        assert os.waitstatus_to_exitcode(run.status) in (0, -by, 128 + by), run.said
        now = histories_of(home)
        assert now in (before, after)
        interrupted += now == before
        verify(Home(home).current_base())
        again = scoring.run(home, "merge")
        assert again.status == 0, again.said
        assert histories_of(home) == after
        verify(Home(home).current_base())
        assert [left for left in (home / "bases").iterdir() if STAGING in left.name] == []
    assert interrupted >= count // 3


@BY
def test_whenever_a_merge_is_ended_the_base_is_whole_and_the_next_merge_finishes(
    home: Path, merged: Any, scoring: Any, histories_of: Any, by: int
) -> None:
    disturb(home, merged, scoring, histories_of, 3, 7 + by, by)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@BY
def test_at_twenty_random_moments(home: Path, merged: Any, scoring: Any, histories_of: Any, by: int) -> None:
    disturb(home, merged, scoring, histories_of, 20, 100 + by, by)


@pytest.mark.parametrize("kilobytes", [0, 40, 120], ids=lambda free: f"{free} KB left")
def test_a_disk_that_fills_up_leaves_the_base_of_before_and_the_next_merge_finishes(
    command: Command, home: Path, merged: Any, disk: Path, fill: Any, histories_of: Any, kilobytes: int
) -> None:
    before, after = merged
    subprocess.run(["rm", "-rf", disk], check=True)
    subprocess.run(["cp", "-a", home, disk], check=True)
    ballast = fill(disk.parent, kilobytes * 1024)
    said = command("merge", "--home", disk)
    assert said.code == 1, said.out
    assert "the disk is full" in " ".join(said.err.split()), said.err
    assert "Traceback" not in said.err
    assert histories_of(disk) == before
    verify(Home(disk).current_base())
    ballast.unlink()
    assert command("merge", "--home", disk).code == 0
    assert histories_of(disk) == after
