"""Whom offers may reach, on what channel, when, how often, for how much, and on equal terms."""

from typing import Literal

from pydantic import Field, model_validator

from decisions.benefit import TierNames
from decisions.setting import Part
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
    otherwise alike (a share of the mean) before publishing is refused."""

    never: tuple[Literal["age", "gender", "region"], ...] = ("age", "gender", "region")
    compared_over: tuple[Literal["age", "gender", "region", "tier"], ...] = Field(min_length=1)
    most_difference: float = Field(gt=0, lt=1)
