"""The policy: what the business decides, as data. See config/policy.yaml and docs/policy.md."""

from itertools import product
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from decisions.behaviour import Behaviour
from decisions.benefit import Benefit, Cadence, Points, ServiceLevel
from decisions.fit import misfits
from decisions.life_cycle import LifeCycle
from decisions.measure import Measure
from decisions.offer_list import OfferEntry, OfferList, read_offers
from decisions.reach import (
    Budget,
    Cap,
    Channel,
    Eligibility,
    EqualTerms,
    Exploration,
    ForEverybody,
    Occasion,
    OfferKind,
    QuietHours,
    Rest,
    Slot,
)
from decisions.setting import Misplaced, Part, validated
from decisions.strategy import AXES, Matrix, Plan, Strategy, compose
from decisions.tier import Tag, TierScheme
from tables.moment import DAY


class RiskBand(Part):
    """Churn probabilities below `below` (and not below the band before)."""

    name: str
    chinese: str
    below: float = Field(gt=0)


class Holdout(Part):
    """The share of customers that gets no offer, drawn by a hash with this salt, and drawn anew every so
    many days (never, where that is not said); by_offer: the share that never gets an offer while it gets
    others, drawn for each offer apart; least_effect: of offers on what a customer brings in 91 days, minor
    units, that the holdout must be able to show."""

    share: float = Field(ge=0, le=0.5)
    salt: str
    rotates_every_days: int | None = Field(default=None, ge=28)
    by_offer: float = Field(default=0.0, ge=0, le=0.5)
    least_effect: int | None = Field(default=None, gt=0)

    def salt_at(self, t: int) -> str:
        """The salt of a moment (microseconds)."""
        if self.rotates_every_days is None:
            return self.salt
        return f"{self.salt}/{t // (self.rotates_every_days * DAY)}"


class Freezing(Part):
    """Among whom statistics of the base are taken (a formula that holds), at least how many of a kind there
    must be, and for how many days they hold."""

    among: str = "orders_364d > 0"
    least: int = Field(default=100, ge=1)


class Policy(Part):
    """See config/policy.yaml for what each word means. What is left out is not decided: no tier of a scheme
    that is not there is given. Money in minor units of the base's currency."""

    name: str
    margin_rate: float = Field(gt=0, le=1)
    risk_bands: tuple[RiskBand, ...] = Field(min_length=1)
    weekly_budget: int = Field(ge=0)
    minimum_net_value: int = Field(ge=0)
    holdout: Holdout
    unknown_consent: Literal["refuse", "allow"]

    currency: str | None = None
    minor_units: int | None = Field(default=None, gt=0)
    unknown_kind: Literal["unknown", "person", "company"] = "unknown"
    freezing: Freezing = Freezing()
    measures: dict[str, Measure] = Field(default_factory=dict)
    tiers: tuple[TierScheme, ...] = ()
    tags: tuple[Tag, ...] = ()
    behaviour: Behaviour | None = None
    life_cycle: LifeCycle | None = None
    matrix: Matrix | None = None
    strategies: tuple[Strategy, ...] = ()
    benefits: tuple[Benefit, ...] = ()
    service_levels: tuple[ServiceLevel, ...] = ()
    cadences: tuple[Cadence, ...] = ()
    points: Points | None = None
    channels: tuple[Channel, ...] = ()
    caps: tuple[Cap, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()
    budgets: tuple[Budget, ...] = ()
    slots: tuple[Slot, ...] = ()
    eligibility: tuple[Eligibility, ...] = ()
    while_complaint_open: tuple[OfferKind, ...] = ("care",)
    rest: Rest | None = None
    occasions: tuple[Occasion, ...] = ()
    for_everybody: ForEverybody | None = None
    exploration: Exploration | None = None
    equal_terms: EqualTerms | None = None

    @model_validator(mode="after")
    def bands_cover_every_probability(self) -> "Policy":
        edges = [band.below for band in self.risk_bands]
        if edges != sorted(set(edges)) or edges[-1] <= 1:
            raise ValueError("risk_bands must rise and the last one reach beyond 1")
        return self

    @model_validator(mode="after")
    def its_parts_fit_together(self) -> "Policy":
        if found := misfits(self):
            raise Misplaced(found)
        return self

    def band_of(self, probability: float) -> RiskBand:
        return next(band for band in self.risk_bands if probability < band.below)

    @property
    def numbers(self) -> dict[str, float]:
        """The policy's own numbers that formulas may read."""
        return {"margin_rate": self.margin_rate}

    def scheme(self, name: str) -> TierScheme:
        return next(scheme for scheme in self.tiers if scheme.name == name)

    def classes(self) -> tuple[tuple[str, ...], ...]:
        """The classes of the value, behaviour and stage axes; () without a matrix."""
        if self.matrix is None or self.behaviour is None or self.life_cycle is None:
            return ()
        value = self.scheme(self.matrix.value).tiers
        parts = (value, self.behaviour.types, self.life_cycle.states)
        return tuple(tuple(each.name for each in part) for part in parts)

    def plans(self) -> tuple[Plan, ...]:
        """The plan of every cell, in the order of the cells."""
        by_class = {(each.axis, each.of): each for each in self.strategies}
        order = sorted(self.service_levels, key=lambda each: (each.solve_hours, each.answer_hours))
        strictness = tuple(each.name for each in order)
        return (
            tuple(
                compose(cell, classes, tuple(by_class[key] for key in keys if key in by_class), strictness)
                for cell, classes in enumerate(product(*self.classes()))
                for keys in [tuple(zip(AXES, classes, strict=True))]
            )
            if self.classes()
            else ()
        )


def read_policy(path: Path) -> Policy:
    return validated(Policy, path)


__all__ = [
    "Holdout",
    "OfferEntry",
    "OfferList",
    "Part",
    "Policy",
    "RiskBand",
    "read_offers",
    "read_policy",
    "validated",
]
