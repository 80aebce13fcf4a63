"""A run that is killed (`kill -9`) or told to end (SIGTERM) at any moment: the old week or the complete new
one is published, and the next run finishes with the week that an undisturbed run would have published."""

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from releases.home import Home
from releases.week import read_week_about, read_week_rows
from tables.sealed import STAGING, verify

Command = Callable[..., Any]
MOMENTS = [f"2025-09-{k + 1:02d}" for k in range(20)]


def whole(command: Command, home: Path) -> bool:
    parts = command("status", "--home", home, "--json").json["parts"]
    return all(part["whole"] for part in parts.values())


def customers(rows: pa.Table) -> list[str]:
    return rows["customer_id"].to_pylist()  # type: ignore[no-any-return]


def disturb(command: Command, home: Path, scoring: Any, moments: list[str], by: int, seed: int) -> None:
    """Every moment is scored by a run that is disturbed at random, then by one that is not; what comes out is
    compared with runs on a copy of the home that nobody disturbed."""
    chance = random.Random(seed)
    everyone = customers(read_week_rows(home / "weeks" / Home(home).published().week))
    # The quicker of two: on a busy machine a moment of the slower one may lie after the end.
    seconds = min(scoring.run(home, "score", "--as-of", f"2025-08-0{day}").seconds for day in (1, 2))
    interrupted = 0
    for as_of in moments:
        before = Home(home).published()
        run = scoring.run(home, "score", "--as-of", as_of, after=chance.uniform(0.0, seconds), by=by)
        now = Home(home).published()
        ended = os.waitstatus_to_exitcode(run.status)
        assert ended in (0, -by, 128 + by), run.said
        if ended == 128 + by:
            assert "stopped by SIGTERM: what is published is whole" in run.said
            assert [left for left in home.rglob(f"*{STAGING}*") if left.name != "signature"] == []
        assert whole(command, home)
        assert customers(read_week_rows(home / "weeks" / now.week)) == everyone
        assert command("status", "--home", home, "--json").json["running"] == []
        interrupted += now == before
        resume = ["--resume"] if chance.random() < 0.7 else []
        again = command("score", "--home", home, "--as-of", as_of, *resume, "--json")
        assert again.code == 0, again.err
        assert now == before or again.json["week"] == now.week
        # A week is named by its content: the same name is the same bytes.
        undisturbed = command("score", "--home", scoring.peaceful, "--as-of", as_of, "--json").json
        assert again.json["week"] == undisturbed["week"]
        verify(home / "weeks" / again.json["week"])
        assert list((home / "runs").iterdir()) == []
    assert interrupted >= len(moments) // 3
    for shelf in ("weeks", "policies", "runs"):
        assert [left for left in (home / shelf).iterdir() if STAGING in left.name] == []
    read_week_about(home / "weeks" / Home(home).published().week, Home(home).key())
    assert command("rollback", "--home", home).code == 0


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])
def test_whenever_it_is_ended_a_week_is_published_and_the_next_run_finishes(
    command: Command, home: Path, scoring: Any, by: int
) -> None:
    disturb(command, home, scoring, MOMENTS[:3], by, seed=by)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])
def test_at_twenty_random_moments(command: Command, home: Path, scoring: Any, by: int) -> None:
    disturb(command, home, scoring, MOMENTS, by, seed=100 + by)
