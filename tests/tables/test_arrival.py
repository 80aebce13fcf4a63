"""Arrivals: counted from small hand-made tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tables.arrival import DAYS, NEVER, Arrivals, usual_gap
from tables.contract import CUSTOMER_TABLES
from tables.history import Bucket, History, nobody
from tables.moment import DAY
from tables.record import CORRECTS, STORED_TYPES, WITHDRAWS

T = 400 * DAY


def records(**seen: list[tuple[int, int]]) -> Bucket:
    """Stored rows seen so many days before T, with their marks, half of them in each of two tiers."""
    tables = []
    for name in CUSTOMER_TABLES:
        rows = np.zeros(len(seen.get(name, [])), STORED_TYPES[name])
        for row, (days, mark) in zip(rows, seen.get(name, []), strict=True):
            row["seen_at"], row["mark"] = T - days * DAY, mark
        tables.append((rows[::2], rows[1::2], rows[:0], rows[:0]))
    return nobody()._replace(rows=History(*tables))


def counted(bucket: Bucket) -> Arrivals:
    arrivals = Arrivals.none(T)
    arrivals.add(bucket)
    return arrivals


def test_a_row_is_counted_on_the_day_it_was_seen_and_events_that_were_not_withdrawn_count() -> None:
    rows = [(0, 0), (1, 0), (1, 0), (1, CORRECTS), (1, CORRECTS | WITHDRAWS), (200, 0), (-1, 0)]
    arrivals = counted(records(points=rows))
    pace = arrivals.pace("points")
    assert pace.visible == 3  # of five events one was withdrawn, one comes later
    assert pace.silent_days == 0
    assert pace.rows_of_week == 5
    assert arrivals.by_day[CUSTOMER_TABLES.index("points")].sum() == 5  # the old one lies beyond half a year


def test_a_weekly_table_is_late_after_a_week() -> None:
    pace = counted(records(surveys=[(7 * k + 10, 0) for k in range(20)])).pace("surveys")
    assert pace.usual_gap_days == 7
    assert pace.silent_days == 10


def test_of_a_table_that_hardly_arrives_nothing_is_usual() -> None:
    pace = counted(records(surveys=[(3, 0), (90, 0)])).pace("surveys")
    assert pace.usual_gap_days is None
    empty = counted(records()).pace("surveys")
    assert empty.silent_days is None
    assert empty.visible == 0


def test_a_poor_week_is_the_second_poorest_of_twelve() -> None:
    rows = [(7 * week + 1, 0) for week in range(26) for _ in range(10 if week not in (3, 5) else week)]
    assert counted(records(points=rows)).pace("points").usual_rows == 5


@settings(deadline=None)  # the first example compiles
@given(
    st.lists(
        st.tuples(st.integers(-3, 300), st.sampled_from([0, WITHDRAWS | CORRECTS, CORRECTS])), max_size=40
    ),
    st.integers(0, 40),
)
def test_arrivals_of_parts_add_up(rows: list[tuple[int, int]], cut: int) -> None:
    whole = counted(records(points=rows))
    parts = counted(records(points=rows[:cut])) + counted(records(points=rows[cut:]))
    kept = Arrivals.of_arrays(T, {name: part.tolist() for name, part in parts.arrays().items()})
    for name, part in whole.arrays().items():
        assert np.array_equal(part, kept.arrays()[name])
    place = CUSTOMER_TABLES.index("points")
    seen = [days for days, _ in rows if days >= 0]
    assert whole.by_day[place].sum() == sum(days < DAYS for days in seen)
    assert whole.last_seen_at[place] == (T - min(seen) * DAY if seen else NEVER)
    counts = {0: 1, CORRECTS: 0, WITHDRAWS | CORRECTS: -1}
    assert whole.visible[place] == sum(counts[mark] for days, mark in rows if days >= 0)


def test_arrivals_at_other_moments_are_not_added() -> None:
    with pytest.raises(ValueError, match="different moments"):
        Arrivals.none(T) + Arrivals.none(T + 1)


def test_the_usual_gap_is_one_that_nearly_all_keep_within() -> None:
    days = np.zeros(DAYS, np.int64)
    days[np.r_[0:100:2, 130:180:2]] = 1  # every second day, with one long pause
    assert usual_gap(days) == 2
