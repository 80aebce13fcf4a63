"""Lookback: what is older than LONGEST days moves no fact, save those that say which summary they need."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import features.reader
from features.family import LONGEST
from features.reader import facts_of, names_of, read_facts
from features.sight import sight_text
from tables.moment import DAY

pytestmark = pytest.mark.long  # until the changed reader is in the cache


@pytest.fixture
def seeing_the_recent_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Calling it takes from sight what happened LONGEST days before the moment, or earlier."""

    def recent(table: str) -> str:
        seen = "    seen = room[:n]\n"
        assert seen in sight_text(table)
        return sight_text(table).replace(seen, f"{seen}    seen = seen[seen.at > t - {LONGEST * DAY}]\n")

    def forget() -> None:
        for made in (features.reader.reader, features.reader._sight):
            made.cache_clear()

    def see() -> None:
        monkeypatch.setattr(features.reader, "sight_text", recent)
        forget()

    yield see
    forget()


def test_only_facts_with_a_summary_need_what_is_older(
    random_base: Callable[..., Any],
    moments: tuple[int, ...],
    tmp_path: Path,
    seeing_the_recent_only: Callable[[], None],
) -> None:
    t = moments[-1]
    bases = [random_base(seed, customers=90).write(tmp_path / str(seed)) for seed in range(12)]
    whole = [read_facts(each, np.arange(len(each)), t).values for each in bases]
    seeing_the_recent_only()
    recent = [read_facts(each, np.arange(len(each)), t).values for each in bases]
    moved = np.zeros(len(names_of()), np.bool_)
    for all_, some in zip(whole, recent, strict=True):
        moved |= ((all_ != some) & ~(np.isnan(all_) & np.isnan(some))).any(axis=0)
    declared = np.array([bool(fact.summary) for _, fact, _ in facts_of()])
    differ = [name for name, k in zip(names_of(), moved != declared, strict=True) if k]
    assert not differ


def test_every_fact_has_a_window_or_a_summary() -> None:
    for name, fact, window in facts_of():
        assert bool(fact.summary) or 0 < window <= LONGEST, name
