"""A full disk, a real one: the message says what to do, what was published stays, the next run finishes."""

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from releases.home import Home

Command = Callable[..., Any]
SIZE = 64 * 2**20


@pytest.fixture
def disk(home: Path, tmp_path: Path) -> Iterator[Path]:
    """A home on a file system of its own, small enough to be filled."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs of limited size takes root")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")
    try:
        yield shutil.copytree(home, folder / "home")
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(folder: Path, left: int) -> Path:
    """Leave so many bytes free."""
    ballast = folder / "ballast"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - left)
    return ballast


@pytest.mark.parametrize("kilobytes", [0, 8, 40, 120], ids=lambda free: f"{free} KB left")
def test_a_disk_that_fills_up_leaves_what_was_published_and_the_next_run_finishes(
    command: Command, home: Path, disk: Path, hashes: Callable[[Path], Any], kilobytes: int
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
    command: Command, disk: Path, hashes: Callable[[Path], Any]
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
    command: Command, home: Path, disk: Path, hashes: Callable[[Path], Any], seed: int
) -> None:
    kilobytes = random.Random(seed).randrange(160)
    test_a_disk_that_fills_up_leaves_what_was_published_and_the_next_run_finishes(
        command, home, disk, hashes, kilobytes
    )
