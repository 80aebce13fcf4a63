"""Blindness (promise 1): what is not visible at t moves no fact at t, whatever happens to it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pytest

import features.reader
from features.carry import HEAVY
from features.catalogue import FAMILIES
from features.family import Fact, Family, family
from features.reader import missing_columns, names_of, read_facts, visible_rows
from features.sight import sight_text
from tables.cell import TIERS
from tables.contract import CUSTOMER_TABLES, TABLES
from tables.history import Bucket, Histories, History, Members, nobody


def rows_by_id(histories: Histories, t: int, families: Sequence[Family[Any]]) -> dict[str, bytes]:
    values = read_facts(histories, np.arange(len(histories)), t, families).values
    return {customer: row.tobytes() for customer, row in zip(histories.ids, values, strict=True)}


def without_rows(histories: Histories, t: int, families: Sequence[Family[Any]]) -> Any:
    """The facts of a customer of whom nothing is known."""
    none, one = np.empty(0, np.int64), np.zeros(1, np.int64)
    offsets = History(*(np.zeros((2, TIERS), np.int64) for _ in CUSTOMER_TABLES))
    bucket = Bucket(nobody().rows, offsets, Members(np.zeros(2, np.int64), none, none, none))
    values = np.empty((1, len(names_of(tuple(families)))))
    features.reader.reader(tuple(families))(bucket, histories.timelines, one, one + t, HEAVY, values)
    values[:, missing_columns(tuple(families), histories.present)] = np.nan
    return values[0]


def assert_blind(
    before: Histories, after: Histories, t: int, families: Sequence[Family[Any]] = FAMILIES
) -> None:
    """The bases differ only in what is not visible at t. A customer in one of them only has no facts."""
    ours, theirs = rows_by_id(before, t, families), rows_by_id(after, t, families)
    nothing = without_rows(before, t, families).tobytes()
    moved = [id_ for id_ in ours | theirs if ours.get(id_, nothing) != theirs.get(id_, nothing)]
    assert not moved, f"the facts of {moved} moved"


@pytest.fixture
def pair(
    random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path
) -> Callable[[int, int], tuple[Histories, Histories]]:
    def make(seed: int, t: int) -> tuple[Histories, Histories]:
        base = random_base(seed, customers=40)
        changed = base.changed_where_hidden(t)
        return base.write(tmp_path / f"before{seed}"), changed.write(tmp_path / f"after{seed}")

    return make


@pytest.mark.parametrize("seed", range(100, 106))
def test_hidden_versions_move_no_fact(
    seed: int, pair: Callable[..., tuple[Histories, Histories]], moments: tuple[int, ...]
) -> None:
    t = moments[seed % 2]
    before, after = pair(seed, t)
    assert_blind(before, after, t)
    later = moments[-1]
    ours, theirs = rows_by_id(before, later, FAMILIES), rows_by_id(after, later, FAMILIES)
    assert sum(ours[id_] != theirs.get(id_) for id_ in ours) > len(ours) / 3  # there was something to see


def test_every_table_is_changed_where_it_is_hidden(
    random_base: Callable[..., Any], moments: tuple[int, ...]
) -> None:
    base = random_base(100, customers=40)
    changed = base.changed_where_hidden(moments[0])

    def seen(rows: list[dict[str, Any]]) -> list[str]:
        return sorted(str(row) for row in rows if max(row["at"], row["known_at"]) <= moments[0])

    for name in TABLES:
        assert seen(base.rows[name]) == seen(changed.rows[name])
        assert base.rows[name] != changed.rows[name]


class LeakyFacts(NamedTuple):
    """Facts that look where they must not."""

    leaks: Annotated[float, Fact("Leaks", "泄漏", "rows")]


@family(LeakyFacts, sources=("transactions",), owner="commerce", since="0.1.0")
def lines_by_when_they_happened(history: History, t: int) -> LeakyFacts:
    """Trusts `at`, which is right as long as the reader takes away what is not visible."""
    count = 0
    for i in range(len(history.transactions)):
        count += history.transactions[i].at <= t
    return LeakyFacts(count + 0.0)


def test_a_reader_that_hides_nothing_is_caught(
    pair: Callable[..., Any], moments: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = pair(100, moments[0])
    families = (lines_by_when_they_happened,)
    assert_blind(before, after, moments[0], families)

    def seeing_everything(table: str) -> str:
        return sight_text(table).replace("if row.seen_at > t:", "if False:").replace(".at > t:", ".at < 0:")

    monkeypatch.setattr(features.reader, "sight_text", seeing_everything)
    forget()
    try:
        with pytest.raises(AssertionError, match="moved"):
            assert_blind(before, after, moments[0], families)
    finally:
        forget()


def forget() -> None:
    for made in (features.reader.reader, features.reader._sight):
        made.cache_clear()


def test_no_record_tells_of_versions_that_are_not_visible(
    random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path
) -> None:
    histories = random_base(3, customers=60).write(tmp_path)
    for name in CUSTOMER_TABLES:
        _, rows = visible_rows(histories, name, moments[1], np.arange(len(histories)))
        assert len(rows)
        assert (rows["known_at"] <= moments[1]).all()
        assert (rows["at"] <= moments[1]).all()
        assert not rows["mark"].any()
