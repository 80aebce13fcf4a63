"""A limit of memory: what grows is cut to fit, and whoever cannot do with it says what would do."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tables import memory, sorting
from tables.engine import engine, rows_of
from tables.memory import MEGABYTE, SPARE, at_once, left, limited, resident
from tables.refusal import Refused


@pytest.fixture
def holding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int], None]:
    """Let the process seem to hold so many MB."""

    def hold(megabytes: int) -> None:
        pages = megabytes * MEGABYTE // os.sysconf("SC_PAGE_SIZE")
        (tmp_path / "statm").write_text(f"0 {pages} 0 0 0 0 0\n")
        monkeypatch.setattr(memory, "STATUS", tmp_path / "statm")

    return hold


def test_what_is_resident_is_what_the_process_touches() -> None:
    before = resident()
    touched = np.ones(64 * MEGABYTE, np.int8)
    assert 60 * MEGABYTE < resident() - before < 80 * MEGABYTE
    assert touched.all()


def test_without_a_limit_everything_is_as_it_would_be() -> None:
    assert left() is None
    assert at_once(10**18, 7, "a test") == 7
    with limited(None):
        assert left() is None


def test_what_is_left_is_divided(holding: Callable[[int], None]) -> None:
    holding(400)
    with limited(1000):
        assert left() == 600 * MEGABYTE - SPARE
        assert at_once(100 * MEGABYTE, 8, "a test") == 5
        assert at_once(100 * MEGABYTE, 3, "a test") == 3
    assert left() is None


def test_a_limit_that_is_too_small_is_refused_with_the_least_that_works(
    holding: Callable[[int], None],
) -> None:
    holding(400)
    with limited(600), pytest.raises(Refused, match=r"600 .*too little for sorting.* is 996") as refused:
        at_once(100 * MEGABYTE, 8, "sorting", least=5)
    with limited(int(re.findall(r"\d+", str(refused.value))[-1])):
        assert at_once(100 * MEGABYTE, 8, "sorting", least=5) == 5


def test_the_database_gets_a_share_and_fewer_threads(holding: Callable[[int], None], tmp_path: Path) -> None:
    holding(100)
    asked = "select current_setting('memory_limit'), current_setting('threads')"
    with limited(500), engine(tmp_path, "UTC") as db:
        ((size, threads),) = rows_of(db, asked)
    assert (size, threads) == ("152.0 MiB", 1)
    with limited(300), pytest.raises(Refused, match="the database"), engine(tmp_path, "UTC"):
        pass


def test_where_memory_is_limited_buckets_are_smaller(
    holding: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorting, "CUSTOMERS_A_BUCKET", 50_000)  # tests of jobs make it smaller
    size = 200 * MEGABYTE
    assert sorting._buckets_for(40_000, size) == 1
    holding(400)
    with limited(1_000):
        assert sorting._buckets_for(40_000, size) == 4
        # Not below so few customers that it would not help.
        assert sorting._buckets_for(40_000, 10 * size) == 32
