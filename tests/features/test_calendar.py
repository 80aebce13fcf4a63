"""The calendar's moving holidays, found again from sun and moon by the rules of the Chinese calendar."""

import math
from datetime import date, timedelta

from features.calendar import FIRST_YEAR, HOLIDAYS, LAST_YEAR

J2000 = 2451545.0
CHINA = 8 / 24
MINUTE = 1 / 1440


def china_day(julian: float) -> date:
    """The day in China (UTC + 8) at a Julian day of dynamical time, which runs about 70 s ahead of UTC."""
    return date(2000, 1, 1) + timedelta(days=math.floor(julian - 1.17 * MINUTE + CHINA - J2000 + 0.5))


def new_moon(number: int) -> float:
    """Julian day of a new moon, counted from January 2000; Meeus, Astronomical Algorithms, chapter 49."""
    c = number / 1236.85
    e = 1 - 0.002516 * c
    sun, moon, far, node = (
        math.radians(start + step * number + bend * c * c)
        for start, step, bend in (
            (2.5534, 29.10535670, -0.0000014),
            (201.5643, 385.81693528, 0.0107582),
            (160.7108, 390.67050284, -0.0016118),
            (124.7746, -1.56375588, 0.0020672),
        )
    )
    terms = (
        (-0.40720, moon), (0.17241 * e, sun), (0.01608, 2 * moon), (0.01039, 2 * far),
        (0.00739 * e, moon - sun), (-0.00514 * e, moon + sun), (0.00208 * e * e, 2 * sun),
        (-0.00111, moon - 2 * far), (-0.00057, moon + 2 * far), (0.00056 * e, 2 * moon + sun),
        (-0.00042, 3 * moon), (0.00042 * e, sun + 2 * far), (0.00038 * e, sun - 2 * far),
        (-0.00024 * e, 2 * moon - sun), (-0.00017, node), (-0.00007, moon + 2 * sun),
    )  # fmt: skip
    mean = 2451550.09766 + 29.530588861 * number + 0.00015437 * c * c
    return mean + sum(size * math.sin(angle) for size, angle in terms)


def sun_sector(julian: float) -> int:
    """In which twelfth of its way from the March equinox the sun stands; Meeus, chapter 25."""
    c = (julian - J2000) / 36525
    anomaly = math.radians(357.52911 + 35999.05029 * c)
    centre = (1.914602 - 0.004817 * c) * math.sin(anomaly) + 0.019993 * math.sin(2 * anomaly)
    longitude = 280.46646 + 36000.76983 * c + centre - 0.00569
    longitude -= 0.00478 * math.sin(math.radians(125.04 - 1934.136 * c))
    return int(longitude % 360 // 30)


def midnight(day: date) -> float:
    """The Julian day of dynamical time at which a day begins in China."""
    return J2000 - 0.5 - CHINA + 1.17 * MINUTE + (day - date(2000, 1, 1)).days


def winter_solstice(year: int) -> date:
    days = (date(year, 12, day) for day in range(20, 25))
    return next(day for day in days if sun_sector(midnight(day + timedelta(days=1))) == 9)


def months(year: int) -> dict[int, date]:
    """Month -> its first day, from the solstice before the year to the one in it; leap months are left out.

    The eleventh month holds the winter solstice. Where thirteen months lie between two such months, the first
    in which the sun enters no sector is a leap month.
    """
    near = round((year - 2000) * 12.3685)
    firsts = [china_day(new_moon(k)) for k in range(near - 4, near + 18)]
    entered = [sun_sector(midnight(day)) for day in firsts]
    begin, end = (sum(day <= winter_solstice(each) for day in firsts) - 1 for each in (year - 1, year))
    has_leap = end - begin == 13
    named: dict[int, date] = {}
    month = 11
    for k in range(begin, end):
        if has_leap and entered[k] == entered[k + 1]:
            has_leap = False
            continue
        named[month] = firsts[k]
        month = month % 12 + 1
    return named


def test_the_moving_holidays_are_those_of_sun_and_moon() -> None:
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        first = months(year)
        place = year - FIRST_YEAR
        assert HOLIDAYS["chinese_new_year"][place] == first[1]
        assert HOLIDAYS["dragon_boat"][place] == first[5] + timedelta(days=4)
        assert HOLIDAYS["mid_autumn"][place] == first[8] + timedelta(days=14)


def test_every_holiday_has_a_day_in_every_year() -> None:
    for dates in HOLIDAYS.values():
        assert [each.year for each in dates] == list(range(FIRST_YEAR, LAST_YEAR + 1))
