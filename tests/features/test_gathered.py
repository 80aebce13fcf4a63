"""A few customers, gathered out of many buckets, have the rows that they have in their buckets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.reader import read_facts
from tables.cell import TIERS
from tables.contract import CUSTOMER_TABLES
from tables.history import Bucket, Histories, read_histories
from tables.live import LiveHistories
from tables.refusal import Refused
from tables.sorting import write_histories


@pytest.fixture
def histories(random_base: Callable[..., Any], tmp_path: Path) -> Histories:
    """More buckets than are kept."""
    random_base(31).write(tmp_path)
    write_histories(tmp_path / "tables", tmp_path / "many", buckets=8)
    return read_histories(tmp_path / "many", 2)


def rows_of(bucket: Bucket, local: int) -> list[list[bytes]]:
    return [
        [
            tiers[tier][offsets[local, tier] : offsets[local + 1, tier]].tobytes()
            for tiers, offsets in zip(bucket.rows[: len(CUSTOMER_TABLES)], bucket.offsets, strict=False)
        ]
        for tier in range(TIERS)
    ]


def test_rows_are_those_of_the_buckets(histories: Histories) -> None:
    random = np.random.default_rng(2)
    found = 0
    for count in (0, 1, 2, 40):
        places = random.integers(0, len(histories), count)  # in any order, some twice
        gathered = histories.gathered(places)
        numbers = histories.numbers_of(places)
        for row, (place, number) in enumerate(zip(places, numbers, strict=True)):
            own = rows_of(histories.bucket(number), place - histories.buckets[number])
            assert rows_of(gathered, row) == own
            found += sum(map(len, own[0]))
    assert found


def test_facts_are_the_same(histories: Histories, moments: tuple[int, ...]) -> None:
    """Of merged customers too, who are read together."""
    assert len(histories.linked.places)
    ids = histories.ids.tolist()[::-1]
    now, places = LiveHistories(histories).snapshot(ids), histories.places(ids)
    for t in moments:
        ours, theirs = read_facts(now, now.places, t), read_facts(histories, places, t)
        assert np.array_equal(ours.values, theirs.values, equal_nan=True)


def test_a_base_that_is_gone_is_named(histories: Histories) -> None:
    histories.open()
    missing = histories.folder / "cells" / f"{0:04d}-0.cell"
    missing.unlink()
    with pytest.raises(Refused, match=r"0000-0\.cell: the base changed while it was read; begin again"):
        read_histories(histories.folder).open()
