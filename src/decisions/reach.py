"""Whom offers may reach, on what channel, when, how often, for how much, and on equal terms."""

from typing import Literal

from pydantic import Field, model_validator

from decisions.benefit import TierNames
from decisions.setting import Named, Part
from tables.contract import CONTACT_CHANNELS, OFFER_KINDS

ChannelName = Literal[CONTACT_CHANNELS]  # type: ignore[valid-type]
OfferKind = Literal[OFFER_KINDS]  # type: ignore[valid-type]
CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"


class Channel(Part):
    """A channel the business has; cost: what one contact on it costs, minor units."""

    name: ChannelName
    chinese: str = Field(min_length=1)
    cost: int = Field(default=0, ge=0)
    document: str = ""


class Cap(Part):
    """At most so many contacts a customer in so many days; of these channels and kinds (none named: all)."""

    name: str
    contacts: int = Field(gt=0)  # who wants none leaves the channel out
    days: int = Field(gt=0, le=728)
    channels: tuple[ChannelName, ...] = ()
    kinds: tuple[OfferKind, ...] = ()


class QuietHours(Part):
    """Local time from `begin` to `end` (the next morning, where it is earlier) in which nobody is told
    anything; on these channels (none named: all)."""

    begin: str = Field(pattern=CLOCK)
    end: str = Field(pattern=CLOCK)
    channels: tuple[ChannelName, ...] = ()

    @model_validator(mode="after")
    def they_end(self) -> "QuietHours":
        if self.begin == self.end:
            raise ValueError("quiet hours that end when they begin are none, or all day")
        return self


class Budget(Part):
    """What may go out in one week, money (minor units) or contacts, and what share of all contacts must; for
    these kinds and channels (none named: all). It lies within weekly_budget."""

    name: str
    chinese: str = Field(min_length=1)
    of: Literal["money", "contacts"] = "money"
    weekly: int | None = Field(default=None, ge=0)
    least_share: float | None = Field(default=None, gt=0, le=1)
    kinds: tuple[OfferKind, ...] = ()
    channels: tuple[ChannelName, ...] = ()

    @model_validator(mode="after")
    def it_says_how_much(self) -> "Budget":
        if self.weekly is None and self.least_share is None:
            raise ValueError("state how much may go out (weekly) or what share must (least_share)")
        if self.least_share is not None and self.of != "contacts":
            raise ValueError("least_share is a share of contacts: say `of: contacts`")
        if self.least_share is not None and not self.kinds and not self.channels:
            raise ValueError("least_share needs the kinds or channels that it is a share for")
        return self


class Slot(Named):
    """A part of the day, in local time, in which customers may be told something. preference: the measure
    that says how much a customer is given to it; the slot with the most is taken, else the first."""

    begin: str = Field(pattern=CLOCK)
    end: str = Field(pattern=CLOCK)
    preference: str = ""

    @model_validator(mode="after")
    def it_ends_the_same_day(self) -> "Slot":
        if self.begin >= self.end:
            raise ValueError("a slot ends after it begins, on the same day")
        return self


class Rest(Part):
    """Who answered none of the last `unanswered` contacts is not sold anything until `days` have passed
    since the last one."""

    unanswered: int = Field(gt=0)
    days: int = Field(gt=0, le=364)


class Occasion(Named):
    """A day of the customer's own, and the offers that go with it and are made on no other day: within so
    many days before it, or after joining for `welcome`. worth: what the business lets the gesture be worth
    (minor units) where its effect is not known from the past."""

    day: Literal["birthday", "joining", "welcome"]
    within_days: int = Field(default=7, ge=0, le=60)
    offers: tuple[str, ...] = Field(min_length=1)
    worth: int = Field(ge=0)


class ForEverybody(Part):
    """What who asked that nothing be chosen from their data gets instead: one offer, the same for all of
    them, and what the business lets it be worth (minor units)."""

    offer: str
    worth: int = Field(gt=0)


class Exploration(Part):
    """The share of customers who get one of their best `among` offers by lot, so that the next training sees
    more than what this one chose. No offer that may be drawn is drawn with less than `least_propensity`: what
    it weighs in an evaluation is at most one over it."""

    share: float = Field(gt=0, le=0.5)
    among: int = Field(default=3, ge=2, le=10)
    least_propensity: float = Field(default=0.005, gt=0, lt=1)

    @model_validator(mode="after")
    def no_weight_explodes(self) -> "Exploration":
        if self.share / self.among < self.least_propensity:
            raise ValueError(
                f"share / among is {self.share / self.among:g}, below least_propensity "
                f"{self.least_propensity:g}: raise the share, or draw among fewer"
            )
        return self


class Eligibility(Part):
    """Offers, by id or by kind, that only some customers may get: all that is stated must hold."""

    offers: tuple[str, ...] = ()
    kinds: tuple[OfferKind, ...] = ()
    tiers: TierNames = Field(default_factory=dict)
    stages: tuple[str, ...] = ()
    behaviours: tuple[str, ...] = ()

    @model_validator(mode="after")
    def it_speaks_of_something(self) -> "Eligibility":
        if not self.offers and not self.kinds:
            raise ValueError("name the offers or kinds that this holds for")
        if not self.tiers and not self.stages and not self.behaviours:
            raise ValueError("name the tiers, stages or behaviours that may get them")
        return self


class EqualTerms(Part):
    """What never drives price or terms, and how far terms may differ between groups of customers who are
    otherwise alike (a share of the mean) before publishing is refused. A group of fewer than
    `least_customers` is not judged; an age band begins at each of `age_bands`."""

    never: tuple[Literal["age", "gender", "region"], ...] = ("age", "gender", "region")
    compared_over: tuple[Literal["age", "gender", "region", "tier"], ...] = Field(min_length=1)
    most_difference: float = Field(gt=0, lt=1)
    least_customers: int = Field(default=200, ge=50)
    age_bands: tuple[int, ...] = Field(default=(25, 35, 45, 55, 65), min_length=1)

    @model_validator(mode="after")
    def bands_rise(self) -> "EqualTerms":
        if list(self.age_bands) != sorted(set(self.age_bands)) or self.age_bands[0] <= 0:
            raise ValueError("age_bands must rise from above 0")
        return self
