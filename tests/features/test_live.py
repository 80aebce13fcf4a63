"""What came since a base was built is read with it as if it had been in the base."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.reader import read_facts, visible_rows
from tables.contract import CUSTOMER_TABLES
from tables.history import Histories
from tables.live import LiveHistories
from tables.record import Records, to_records

Coming = list[tuple[str, str, Records]]


def held_back(base: Any, share: float) -> tuple[Any, set[str]]:
    """The base without some rows, and the ids of those who are then unknown; mergers stay."""
    less = copy.deepcopy(base)
    merged = {row["customer_id"] for row in base.rows["customers"] if row["merged_into"]}
    merged |= {row["merged_into"] for row in base.rows["customers"] if row["merged_into"]}
    new = {each for each in base.ids if base.random.random() < 0.15} - merged
    for name in CUSTOMER_TABLES:
        less.rows[name] = [
            row
            for row in base.rows[name]
            if row["customer_id"] not in new
            and (base.random.random() >= share or (name == "customers" and row["customer_id"] in merged))
        ]
    return less, new


def what_comes(whole: Path, part: Path, zone: str) -> Coming:
    """The rows of one base that the other lacks, each alone."""
    found: Coming = []
    for name in CUSTOMER_TABLES:
        all_rows, some = (pq.read_table(folder / "tables" / f"{name}.parquet") for folder in (whole, part))
        there = {tuple(row.items()) for row in some.select(["event_id", "known_at"]).to_pylist()}
        for row in all_rows.to_pylist():
            if (("event_id", row["event_id"]), ("known_at", row["known_at"])) not in there:
                alone = pa.Table.from_pylist([row], schema=all_rows.schema)
                found.append((row["customer_id"], name, to_records(name, alone, zone)))
    return found


@pytest.fixture(params=range(4))
def both(
    request: pytest.FixtureRequest, random_base: Callable[..., Any], tmp_path: Path
) -> tuple[Histories, Histories, Coming]:
    base = random_base(request.param + 20)
    less, _ = held_back(base, 0.3)
    whole, part = base.write(tmp_path / "whole"), less.write(tmp_path / "part")
    coming = what_comes(tmp_path / "whole", tmp_path / "part", base.zone)
    base.random.shuffle(coming)
    return whole, part, coming


def test_facts_are_those_of_a_base_that_has_it_all(
    both: tuple[Histories, Histories, Coming], moments: tuple[int, ...]
) -> None:
    whole, part, coming = both
    live = LiveHistories(part)
    for position, each in enumerate(coming, start=1):
        live.add(position, [each])
    ids = [each for each in whole.ids.tolist() if live.snapshot([each]).places[0] >= 0]
    assert len(coming) > 50
    now = live.snapshot(ids)
    assert now.ids_of(now.places).tolist() == ids
    for t in moments:
        ours, theirs = read_facts(now, now.places, t), read_facts(whole, whole.places(ids), t)
        assert np.array_equal(ours.values, theirs.values, equal_nan=True)
        for name in CUSTOMER_TABLES:
            mine, records = visible_rows(now, name, t, now.places)
            other, others = visible_rows(whole, name, t, whole.places(ids))
            assert np.array_equal(mine, other)
            assert records["event_id"].tolist() == others["event_id"].tolist()


def test_a_snapshot_of_an_earlier_position_knows_nothing_later(
    both: tuple[Histories, Histories, Coming], moments: tuple[int, ...]
) -> None:
    whole, part, coming = both
    middle = len(coming) // 2
    live, until = LiveHistories(part), LiveHistories(part)
    for position, each in enumerate(coming, start=1):
        live.add(position, [each])
        if position <= middle:
            until.add(position, [each])
    ids = whole.ids.tolist()
    then, now = live.snapshot(ids, middle), until.snapshot(ids)
    assert then.position == middle
    assert np.array_equal(then.places >= 0, now.places >= 0)
    known = now.places >= 0
    for t in moments:
        ours = read_facts(then, then.places[known], t)
        theirs = read_facts(now, now.places[known], t)
        assert np.array_equal(ours.values, theirs.values, equal_nan=True)


def test_what_was_taken_before_does_not_change_when_more_comes(
    both: tuple[Histories, Histories, Coming], moments: tuple[int, ...]
) -> None:
    whole, part, coming = both
    live = LiveHistories(part)
    before = live.snapshot(whole.ids.tolist())
    known = before.places[before.places >= 0]
    facts = read_facts(before, known, moments[-1])
    live.add(1, coming)
    assert np.array_equal(facts.values, read_facts(before, known, moments[-1]).values, equal_nan=True)
    after = live.snapshot(before.ids_of(known).tolist())
    assert not np.array_equal(
        facts.values, read_facts(after, after.places, moments[-1]).values, equal_nan=True
    )


def test_a_row_that_comes_twice_counts_once(
    both: tuple[Histories, Histories, Coming], moments: tuple[int, ...]
) -> None:
    whole, part, coming = both
    once, twice = LiveHistories(part), LiveHistories(part)
    once.add(1, coming)
    twice.add(1, coming)
    twice.add(2, coming[::2])
    ids = [each for each in whole.ids.tolist() if once.snapshot([each]).places[0] >= 0]
    for t in moments:
        ours, theirs = (
            read_facts(each, each.places, t).values for each in (once.snapshot(ids), twice.snapshot(ids))
        )
        assert np.array_equal(ours, theirs, equal_nan=True)
