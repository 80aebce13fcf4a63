"""Days of a customer's own: read like facts, but for care, not for models."""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import Fact, family, inner
from tables.history import MISSING_DAY, MISSING_NUMBER, History
from tables.moment import DAY


class AnniversaryFacts(NamedTuple):
    """Days until the next birthday and the next anniversary of joining; 0 on the day itself, in UTC days."""

    days_to_birthday: Annotated[
        float, Fact("Days to the next birthday", "距下次生日天数", "days", summary="the last row")
    ]
    days_to_joining_anniversary: Annotated[
        float,
        Fact("Days to the next anniversary of joining", "距入会周年天数", "days", summary="the last row"),
    ]


@inner
def civil(day: int) -> tuple[int, int, int]:
    """Year, month and day of a day since 1970-01-01, in the proleptic Gregorian calendar (Hinnant 2013)."""
    shifted = day + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * of_year + 2) // 153
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return year, month, of_year - (153 * shifted_month + 2) // 5 + 1


@inner
def day_of(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date, the other way round."""
    shifted = year - (1 if month <= 2 else 0)
    era = shifted // 400
    year_of_era = shifted - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + of_year
    return era * 146_097 + of_era - 719_468


@inner
def days_to(anniversary: int, today: int) -> int:
    """From one day to the next return of another's date; who was born on 29 February has 1 March."""
    _, month, day = civil(anniversary)
    year, _, _ = civil(today)
    # day_of rolls 29 February over to 1 March where there is none.
    this_year = day_of(year, month, day)
    return int((this_year if this_year >= today else day_of(year + 1, month, day)) - today)


@family(
    AnniversaryFacts,
    sources=("customers",),
    owner="loyalty",
    since="0.2.0",
    sensitivity="personal",
)
def anniversary(history: History, t: int) -> AnniversaryFacts:
    rows = history.customers
    if not len(rows):
        return AnniversaryFacts(np.nan, np.nan)
    last, today = rows[len(rows) - 1], t // DAY
    birthday, joining = np.nan, np.nan
    if last.birth_on != MISSING_DAY:
        birthday = float(days_to(last.birth_on, today))
    if last.joined_at != MISSING_NUMBER:
        joining = float(days_to(last.joined_at // DAY, today))
    return AnniversaryFacts(birthday, joining)
