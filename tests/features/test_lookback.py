"""Lookback: what is older than LONGEST days moves no fact, save those that say which summary they need."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from features.family import LONGEST
from features.reader import facts_of, names_of, read_facts
from tables.history import Histories, History, as_records
from tables.moment import DAY


def without_older(histories: Histories, t: int) -> Histories:
    """The histories without what happened LONGEST days before t, or earlier."""
    events, offsets = [], []
    for rows, places in zip(histories.events, histories.offsets, strict=True):
        kept = rows["at"] > t - LONGEST * DAY
        events.append(as_records(rows[kept]))
        offsets.append(np.concatenate([[0], np.cumsum(kept)])[places])
    return Histories(**{**histories._asdict(), "events": History(*events), "offsets": History(*offsets)})


def test_only_facts_with_a_summary_need_what_is_older(
    random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path
) -> None:
    t = moments[-1]
    moved = np.zeros(len(names_of()), np.bool_)
    for seed in range(4):
        histories = random_base(seed, customers=90).write(tmp_path / str(seed))
        everyone = np.arange(len(histories))
        whole = read_facts(histories, everyone, t).values
        recent = read_facts(without_older(histories, t), everyone, t).values
        moved |= ((whole != recent) & ~(np.isnan(whole) & np.isnan(recent))).any(axis=0)
    declared = np.array([bool(fact.summary) for _, fact, _ in facts_of()])
    differ = [name for name, k in zip(names_of(), moved != declared, strict=True) if k]
    assert not differ


def test_every_fact_has_a_window_or_a_summary() -> None:
    for name, fact, window in facts_of():
        assert bool(fact.summary) or 0 < window <= LONGEST, name
