"""The world: its size, calendar and rates, and the moments at which its truth is stated."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.offer import DEFAULT_OFFERS, Offer

# In microseconds, the unit of every instant.
SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
AFTER_ALL = 1 << 60  # later than any world ends

QUARTER_WEEKS = 13
HORIZON_WEEKS = 13
WAVES_IN_QUARTER = (0, 4, 8)
# Each purpose draws from its own stream, so that a change to one leaves the others as they were.
PURPOSES = (
    "people",
    "walk",
    "purchases",
    "lines",
    "identities",
    "campaign",
    "interactions",
    "customers",
    "sales",
    "points",
    "surveys",
    "records",
)


@dataclass(frozen=True)
class World:
    """Every parameter of a simulated world; rates are per week, money in minor units (fen).

    Weeks run from local Monday 00:00 to the next; `start` must be a Monday and `weeks` a multiple of 13,
    at least 39. A campaign wave opens weeks 0, 4 and 8 of every quarter of 13 weeks, so that the end and
    the moment one horizon (91 days) before it are waves. ValueError names a parameter out of range.
    """

    customers: int = 20_000
    seed: int = 2026
    start: date = date(2024, 10, 28)
    weeks: int = 104
    time_zone: str = "Asia/Shanghai"
    currency: str = "CNY"
    chunk: int = 20_000  # customers drawn and written together; part of the world, as the seed is
    holdout: float = 0.2  # share of each wave's actions that are held back
    founding_share: float = 0.55  # joined before the start
    business_share: float = 0.05  # companies
    purchase_rate: float = 0.18  # mean orders a week of an active customer
    purchase_shape: float = 2.0  # gamma shape of the rate between customers
    ticket: float = 12_000.0  # mean amount of a private person's order
    ticket_shape: float = 4.0  # inverse gamma shape of the mean amount between customers
    drift_hazard: float = 0.016  # mean chance to begin drifting
    drift_shape: float = 1.2  # gamma shape of that hazard between customers
    complaint_rate: float = 0.012
    offers: tuple[Offer, ...] = DEFAULT_OFFERS

    def __post_init__(self) -> None:
        demands = {
            "customers must be positive": self.customers > 0,
            "chunk must be positive": self.chunk > 0,
            "start must be a Monday": self.start.weekday() == 0,
            "weeks must be a multiple of 13, at least 39": self.weeks % QUARTER_WEEKS == 0
            and self.weeks >= 3 * QUARTER_WEEKS,
            "holdout must lie between 0 and 1": 0 < self.holdout < 1,
        }
        for demand, is_met in demands.items():
            if not is_met:
                raise ValueError(f"{demand}: {self!r}")

    @property
    def end(self) -> datetime:
        return self.moment(self.weeks)

    @property
    def truth_weeks(self) -> tuple[int, ...]:
        return (self.weeks - HORIZON_WEEKS, self.weeks)

    @property
    def truth_moments(self) -> tuple[datetime, ...]:
        """The moments the truth is stated for: one horizon before the end, and the end."""
        return tuple(self.moment(week) for week in self.truth_weeks)

    @property
    def chunks(self) -> int:
        return -(-self.customers // self.chunk)

    @cached_property
    def day_starts(self) -> NDArray[np.int64]:
        """Local midnights, shape (7 * weeks + 1,), in microseconds since 1970 UTC."""
        days = range(7 * self.weeks + 1)
        return np.array([microseconds(self._midnight(day)) for day in days], np.int64)

    def moment(self, week: int) -> datetime:
        """The local Monday 00:00 on which the week begins."""
        return self._midnight(7 * week)

    def is_wave(self, week: int) -> bool:
        return week % QUARTER_WEEKS in WAVES_IN_QUARTER

    def wave_before(self, week: int) -> int:
        """The week of the latest wave not after the week."""
        return week - min(
            week % QUARTER_WEEKS - wave for wave in WAVES_IN_QUARTER if wave <= week % QUARTER_WEEKS
        )

    def instant(
        self, week: NDArray[np.int64], day: NDArray[np.int64], second: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Microseconds since 1970 UTC of a second of a day of a week of the world."""
        at: NDArray[np.int64] = self.day_starts[7 * week + day] + second * SECOND
        return at

    def stream(self, chunk: int, purpose: str) -> np.random.Generator:
        """Random numbers that depend on nothing but the seed, the chunk and the purpose."""
        key = np.random.SeedSequence([self.seed, chunk, PURPOSES.index(purpose)])
        return np.random.Generator(np.random.Philox(key))

    def _midnight(self, day: int) -> datetime:
        on = self.start + timedelta(days=day)
        return datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(self.time_zone))


def microseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * SECOND
