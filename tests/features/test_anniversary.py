"""Days of a customer's own, against the calendar of the standard library."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.anniversary import civil, day_of, days_to
from tables.compiled import compiled

EPOCH = date(1970, 1, 1)
days = st.dates(date(1900, 1, 1), date(2100, 12, 31)).map(lambda on: (on - EPOCH).days)


@compiled
def _days_to(anniversary: int, today: int) -> int:
    return days_to(anniversary, today)


@compiled
def _there_and_back(day: int) -> int:
    year, month, of_month = civil(day)
    return day_of(year, month, of_month)


def plainly(anniversary: date, today: date) -> int:
    """Day by day, to the next day that is the anniversary's; a 29 February is 1 March elsewhere."""
    for ahead in range(367):
        on = today + timedelta(days=ahead)
        if (on.month, on.day) == (anniversary.month, anniversary.day):
            return ahead
        leap = (date(on.year, 3, 1) - timedelta(days=1)).day == 29
        if (anniversary.month, anniversary.day) == (2, 29) and (on.month, on.day) == (3, 1) and not leap:
            return ahead
    raise AssertionError("a year has no such day")


@given(days, days)
def test_the_next_anniversary_is_that_of_the_calendar(anniversary: int, today: int) -> None:
    expected = plainly(EPOCH + timedelta(days=anniversary), EPOCH + timedelta(days=today))
    assert _days_to(anniversary, today) == expected


@given(days)
def test_a_day_is_its_year_month_and_day(day: int) -> None:
    assert _there_and_back(day) == day


@pytest.mark.parametrize(
    ("born", "today", "expected"),
    [
        (date(2000, 2, 29), date(2027, 2, 28), 1),
        (date(2000, 2, 29), date(2028, 2, 28), 1),
        (date(2000, 2, 29), date(2028, 2, 29), 0),
        (date(1990, 1, 1), date(2026, 12, 31), 1),
        (date(1990, 6, 15), date(2026, 6, 15), 0),
        (date(1990, 6, 15), date(2026, 6, 16), 364),
    ],
)
def test_days_that_are_easily_counted_wrongly(born: date, today: date, expected: int) -> None:
    assert _days_to((born - EPOCH).days, (today - EPOCH).days) == expected
