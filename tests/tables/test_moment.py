"""Moments: instants in microseconds, read from what people write, exact both ways."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.moment import DAY, HOUR, first_instant, from_micros, parse_moment, to_micros
from tables.refusal import Refused


@given(st.timedeltas(timedelta(days=-30_000), timedelta(days=80_000)), st.integers(-12, 14))
def test_an_instant_survives_the_way_there_and_back_to_the_microsecond(since: timedelta, hours: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=timezone(timedelta(hours=hours))) + since
    assert from_micros(to_micros(moment)) == moment


@given(st.integers(-(2**50), 2**52))
def test_microseconds_survive_the_way_there_and_back(micros: int) -> None:
    assert to_micros(from_micros(micros)) == micros


def test_a_date_is_its_first_instant_in_the_zone_of_the_base() -> None:
    assert parse_moment("2026-11-22", "Asia/Shanghai").astimezone(UTC) == datetime(
        2026, 11, 21, 16, tzinfo=UTC
    )


def test_a_timestamp_keeps_the_zone_that_it_names() -> None:
    moment = parse_moment("2026-11-22T06:00+02:00", "Asia/Shanghai")
    assert moment.astimezone(UTC) == datetime(2026, 11, 22, 4, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "22.11.2026", "", "2026-11-22T25:00"])
def test_what_is_no_moment_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Refused, match=r"as in 2026-11-22.*came"):
        parse_moment(text, "UTC")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(Refused, match="IANA name, as in Asia/Shanghai"):
        parse_moment("2026-11-22", zone)


def test_a_moment_without_a_time_zone_is_no_instant() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        to_micros(datetime(2026, 11, 22))  # noqa: DTZ001


def test_the_day_on_which_clocks_go_back_has_25_hours() -> None:
    begins, ends = (to_micros(first_instant(date(2026, 10, day), "Europe/Berlin")) for day in (25, 26))
    assert ends - begins == DAY + HOUR
