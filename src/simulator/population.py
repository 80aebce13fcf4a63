"""Who the customers are: traits nobody sees, and the attributes everybody does."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from simulator.catalogue import CATEGORIES
from simulator.world import DAY, SECOND, World

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

REGIONS = ("Beijing", "Shanghai", "Guangdong", "Zhejiang", "Sichuan", "Hubei", "Shaanxi", "Liaoning")
INDUSTRIES = ("catering", "retail", "education", "health", "manufacturing")
# The office that writes to a customer: by the region at joining, or the one for companies.
OFFICES = ("price", "quality", "service", "companies")
CONSENTS = (
    "",
    "sms",
    "wecom,sms",
    "email,sms,phone",
    "email,app_push,wecom,sms,phone,community",
)
NEVER = 1 << 30
OPENING, CLOSING = 10 * 3_600, 22 * 3_600  # seconds of the day between which people shop
# Mean of each trait in the regions of the three offices: what makes naive comparisons wrong.
TRAIT_MEANS = {
    "price": (0.60, 0.42, 0.48),
    "quality": (0.42, 0.58, 0.48),
    "service": (0.42, 0.45, 0.58),
    "sociability": (0.50, 0.55, 0.45),
}
TRAIT_PRECISION = 3.0


@dataclass(frozen=True)
class Population:
    """The customers of a chunk; every array has the customers as its first axis.

    Rates are per week, `ticket` is the mean amount of an order, weeks count from the world's start.
    """

    number: Integers  # across the world
    is_company: NDArray[np.bool_]
    region: Integers
    office: Integers
    first_week: Integers  # the first week of the world in which the customer may act
    tenure: Floats  # weeks of membership before the start
    joined_at: Integers  # microseconds since 1970 UTC, in the week before the first
    price: Floats
    quality: Floats
    service: Floats
    sociability: Floats
    persuadable: Floats  # 0: a sure thing or a lost cause, 1: offers decide
    rate: Floats
    ticket: Floats
    drift: Floats
    season: Floats  # amplitude of the yearly wave in the log rate
    phase: Floats  # week of the year in which it peaks
    visits: Floats
    attention: Floats  # chance that an active customer views a message
    complaints: Floats
    returning: Floats  # chance that a line is returned
    bargains: Floats  # chance that a line is bought on promotion
    favourite: Integers  # category
    consent: Integers  # place in CONSENTS
    withdrawal_week: Integers  # no consent from here on; NEVER for most

    def __len__(self) -> int:
        return len(self.number)

    def take(self, index: Integers) -> "Population":
        """The customers at these places, repeated where a place is."""
        return Population(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    def may_be_contacted(self, week: int) -> NDArray[np.bool_]:
        allowed: NDArray[np.bool_] = (
            (self.first_week <= week) & (self.consent > 0) & (self.withdrawal_week > week)
        )
        return allowed


def draw_population(world: World, chunk: int) -> Population:
    """Gamma purchase rates and drift hazards, inverse gamma tickets, beta traits shifted by region.

    Rates after Schmittlein, Morrison & Colombo (1987), tickets after Fader & Hardie (2005).
    """
    rng = world.stream(chunk, "people")
    number = np.arange(chunk * world.chunk, min((chunk + 1) * world.chunk, world.customers))
    n = len(number)
    is_company = rng.random(n) < world.business_share
    region = rng.integers(0, len(REGIONS), n)
    mix = region % 3
    trait = {}
    for name, means in TRAIT_MEANS.items():
        mean = np.array(means)[mix]
        trait[name] = rng.beta(TRAIT_PRECISION * mean, TRAIT_PRECISION * (1 - mean))
    is_founder = rng.random(n) < world.founding_share
    first_week = np.where(is_founder, 0, rng.integers(1, world.weeks + 1, n))
    tenure = np.where(is_founder, 1 + rng.exponential(60.0, n), 0.0)
    rate = rng.gamma(world.purchase_shape, world.purchase_rate / world.purchase_shape, n)
    shape = world.ticket_shape
    ticket = world.ticket * (shape - 1) / rng.gamma(shape, 1.0, n)
    ticket *= (0.75 + 0.5 * trait["quality"]) * np.where(is_company, 8.0, 1.0)
    is_seasonal = rng.random(n) < 0.35
    is_leaving_consent = rng.random(n) < 0.06
    return Population(
        number=number,
        is_company=is_company,
        region=region,
        office=np.where(is_company, OFFICES.index("companies"), mix),
        first_week=first_week,
        tenure=tenure,
        joined_at=np.where(
            is_founder, world.day_starts[0] - _microseconds(tenure), _within_week(world, first_week, rng)
        ),
        **trait,
        persuadable=rng.beta(1.6, 1.2, n) / (1 + rate / 0.6),
        rate=rate,
        ticket=np.clip(ticket, 2_000.0, 2_000_000.0),
        drift=rng.gamma(world.drift_shape, world.drift_hazard / world.drift_shape, n),
        season=np.where(is_seasonal, rng.uniform(1.0, 2.2, n), rng.uniform(0.0, 0.4, n)),
        phase=np.where(rng.random(n) < 0.4, 46.0, rng.uniform(0.0, 52.0, n)),
        visits=rng.gamma(3.0, 0.45 / 3.0, n),
        attention=0.25 + 0.6 * rng.beta(2.0, 2.0, n),
        complaints=world.complaint_rate * rng.gamma(1.5, 1 / 1.5, n) * (0.5 + trait["service"]),
        returning=0.02 + 0.12 * trait["quality"] * rng.random(n),
        bargains=np.clip(trait["price"] ** 1.5, 0.02, 0.95),
        favourite=rng.integers(0, len(CATEGORIES), n),
        consent=rng.choice(len(CONSENTS), n, p=(0.08, 0.12, 0.2, 0.2, 0.4)),
        withdrawal_week=np.where(is_leaving_consent, first_week + rng.integers(4, world.weeks, n), NEVER),
    )


def _microseconds(weeks: Floats) -> Integers:
    return (weeks * 7 * DAY).astype(np.int64) // SECOND * SECOND


def _within_week(world: World, week: Integers, rng: np.random.Generator) -> Integers:
    """An instant by day in the week before."""
    n = len(week)
    day, second = rng.integers(0, 7, n), rng.integers(OPENING, CLOSING, n)
    return world.instant(np.maximum(week - 1, 0), day, second)
