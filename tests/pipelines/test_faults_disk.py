"""A full disk, a real one: the message says what to do, what was published stays, the next run finishes."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from releases.home import Home

Command = Callable[..., Any]


@pytest.mark.parametrize("kilobytes", [0, 8, 40, 120], ids=lambda free: f"{free} KB left")
def test_a_disk_that_fills_up_leaves_what_was_published_and_the_next_run_finishes(
    command: Command, home: Path, disk: Path, hashes: Callable[[Path], Any], fill: Any, kilobytes: int
) -> None:
    undisturbed = command("score", "--home", home, "--as-of", "2025-09-01", "--json").json["week"]
    before, states = hashes(disk), Home(disk).states()
    ballast = fill(disk.parent, kilobytes * 1024)
    said = command("score", "--home", disk, "--as-of", "2025-09-01")
    assert said.code == 1, said.out
    words = " ".join(said.err.split())
    assert "the disk is full" in words
    assert "free some space" in words
    assert "holdfast score --resume" in words
    assert "Traceback" not in words
    after = hashes(disk)
    assert {name: after[name] for name in before} == before
    assert Home(disk).states() == states
    assert {p["whole"] for p in command("status", "--home", disk, "--json").json["parts"].values()} == {True}
    ballast.unlink()
    again = command("score", "--home", disk, "--as-of", "2025-09-01", "--resume", "--json")
    assert again.code == 0, again.err
    assert again.json["week"] == undisturbed


def test_going_back_on_a_full_disk_is_refused_whole(
    command: Command, disk: Path, hashes: Callable[[Path], Any], fill: Any
) -> None:
    assert command("score", "--home", disk, "--as-of", "2025-09-01").code == 0
    before = hashes(disk)
    ballast = fill(disk.parent, 0)
    said = command("rollback", "--home", disk)
    assert said.code == 1
    assert "the disk is full" in said.err
    assert hashes(disk) == before
    ballast.unlink()
    assert command("rollback", "--home", disk).code == 0


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(20))
def test_wherever_the_disk_is_full(
    command: Command, home: Path, disk: Path, hashes: Callable[[Path], Any], fill: Any, seed: int
) -> None:
    kilobytes = random.Random(seed).randrange(160)
    test_a_disk_that_fills_up_leaves_what_was_published_and_the_next_run_finishes(
        command, home, disk, hashes, fill, kilobytes
    )
