"""Holidays of 2005 to 2035, fixed and moving, as local days since 1970-01-01."""

from datetime import date

import numpy as np

FIRST_YEAR, LAST_YEAR = 2005, 2035
# By the Chinese calendar (GB/T 33661-2017): first of the first month, fifth of the fifth, fifteenth of the
# eighth. tests/features/test_calendar.py computes all of them from sun and moon.
CHINESE_NEW_YEAR = """
    2005-02-09 2006-01-29 2007-02-18 2008-02-07 2009-01-26 2010-02-14 2011-02-03 2012-01-23 2013-02-10
    2014-01-31 2015-02-19 2016-02-08 2017-01-28 2018-02-16 2019-02-05 2020-01-25 2021-02-12 2022-02-01
    2023-01-22 2024-02-10 2025-01-29 2026-02-17 2027-02-06 2028-01-26 2029-02-13 2030-02-03 2031-01-23
    2032-02-11 2033-01-31 2034-02-19 2035-02-08
"""
DRAGON_BOAT = """
    2005-06-11 2006-05-31 2007-06-19 2008-06-08 2009-05-28 2010-06-16 2011-06-06 2012-06-23 2013-06-12
    2014-06-02 2015-06-20 2016-06-09 2017-05-30 2018-06-18 2019-06-07 2020-06-25 2021-06-14 2022-06-03
    2023-06-22 2024-06-10 2025-05-31 2026-06-19 2027-06-09 2028-05-28 2029-06-16 2030-06-05 2031-06-24
    2032-06-12 2033-06-01 2034-06-20 2035-06-10
"""
MID_AUTUMN = """
    2005-09-18 2006-10-06 2007-09-25 2008-09-14 2009-10-03 2010-09-22 2011-09-12 2012-09-30 2013-09-19
    2014-09-08 2015-09-27 2016-09-15 2017-10-04 2018-09-24 2019-09-13 2020-10-01 2021-09-21 2022-09-10
    2023-09-29 2024-09-17 2025-10-06 2026-09-25 2027-09-15 2028-10-03 2029-09-22 2030-09-12 2031-10-01
    2032-09-19 2033-09-08 2034-09-27 2035-09-16
"""
YEARS = range(FIRST_YEAR, LAST_YEAR + 1)
HOLIDAYS: dict[str, tuple[date, ...]] = {
    "chinese_new_year": tuple(map(date.fromisoformat, CHINESE_NEW_YEAR.split())),
    "dragon_boat": tuple(map(date.fromisoformat, DRAGON_BOAT.split())),
    "mid_year_sale": tuple(date(year, 6, 18) for year in YEARS),
    "mid_autumn": tuple(map(date.fromisoformat, MID_AUTUMN.split())),
    "national_day": tuple(date(year, 10, 1) for year in YEARS),
    "double_11": tuple(date(year, 11, 11) for year in YEARS),
    "christmas": tuple(date(year, 12, 25) for year in YEARS),
}


def _days(on: date) -> int:
    return (on - date(1970, 1, 1)).days


FIRST_DAY, LAST_DAY = _days(date(FIRST_YEAR, 1, 1)), _days(date(LAST_YEAR, 12, 31))
# The day of each holiday in each year, shape (holidays, years).
DAYS = np.array([[_days(on) for on in dates] for dates in HOLIDAYS.values()])
RUN_UP = 14
# For each day from FIRST_DAY on, a bit for each holiday in whose run-up it is: RUN_UP days that end in it.
RUN_UPS = np.zeros(LAST_DAY - FIRST_DAY + 1, np.uint8)
for _bit, _each in enumerate(DAYS):
    for _day in _each:
        RUN_UPS[max(_day - FIRST_DAY - RUN_UP + 1, 0) : _day - FIRST_DAY + 1] |= 1 << _bit
