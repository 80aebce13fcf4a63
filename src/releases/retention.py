"""How long published things are kept: so many weeks to go back to, within so much of the disk."""

import shutil
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from decisions.policy import Part, validated
from releases.home import Home, Published
from tables.sealed import pointed

FILE = "home.yaml"
GIGABYTE = 10**9


class Retention(Part):
    """See config/home.yaml; memory_limit_mb: for a job while it runs (tables.memory)."""

    weeks_kept: int = Field(default=26, ge=1)
    disk_gb: float = Field(default=50.0, gt=0)
    memory_limit_mb: int | None = Field(default=None, ge=1)


class Kept(NamedTuple):
    """What is left after pruning: weeks (the newest first), what all of it takes in bytes, what went."""

    weeks: tuple[str, ...]
    bytes: int
    removed: tuple[str, ...]


def read_retention(configuration: Path) -> Retention:
    """What config/home.yaml says; the defaults where there is no such file."""
    path = configuration / FILE
    return validated(Retention, path) if path.exists() else Retention()


def prune(home: Home, retention: Retention) -> Kept:
    """Forget the oldest states beyond the limits, then remove what no state that is left needs.

    What the pointer names now is never removed, however large; a week keeps the base it was read from, its
    policy and its bundle. The pointer is shortened first: killed on the way, nothing that it names is gone,
    and the next pruning removes the rest.
    """
    states = home.states()
    kept, needed = _within(home, states, retention)
    if len(kept) < len(states):
        home.keep(kept)
    removed = []
    if current := pointed(home.bases):
        needed.add(current)
    for shelf in (home.weeks, home.policies, home.bundles, home.bases):
        for folder in sorted(shelf.iterdir()) if shelf.is_dir() else ():
            if folder.is_dir() and folder not in needed and not folder.name.startswith("."):
                shutil.rmtree(folder)
                removed.append(f"{shelf.name}/{folder.name}")
    weeks = tuple(dict.fromkeys(state.week for state in kept if state.week))
    return Kept(weeks, sum(size_of(folder) for folder in needed), tuple(removed))


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder; 0 where it is not there."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _within(home: Home, states: list[Published], retention: Retention) -> tuple[list[Published], set[Path]]:
    """The newest states within the limits, and the folders they need."""
    kept: list[Published] = []
    needed: set[Path] = set()
    weeks: set[str] = set()
    total = 0
    for state in states:
        new = _folders(home, state) - needed
        weeks |= {state.week} - {""}
        total += sum(size_of(folder) for folder in new)
        if kept and (len(weeks) > retention.weeks_kept or total > retention.disk_gb * GIGABYTE):
            break
        kept.append(state)
        needed |= new
    return kept, needed


def _folders(home: Home, state: Published) -> set[Path]:
    parts = (
        (home.bundles, state.bundle),
        (home.policies, state.policy),
        (home.weeks, state.week),
        (home.bases, home.base_of(state.week) if state.week else ""),
    )
    return {shelf / name for shelf, name in parts if name}
