"""The offers that the business adds to those of the base: config/offers.yaml."""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from decisions.setting import Part, validated
from tables.contract import CONTACT_CHANNELS, OFFER_KINDS
from tables.moment import FOREVER, first_instant, to_micros
from tables.offer import Offer


class OfferEntry(Part):
    """An offer in config/offers.yaml; dates hold in the base's time zone, the last one to its end."""

    offer_id: str = Field(min_length=1)
    kind: Literal[OFFER_KINDS]  # type: ignore[valid-type]
    name: str
    reward: int = Field(ge=0)
    cost: int = Field(ge=0)
    contact_cost: int = Field(default=0, ge=0)
    minimum_spend: int = Field(default=0, ge=0)
    category: str = ""
    stock: int | None = Field(default=None, ge=0)
    starts_on: date
    ends_on: date | None = None
    channels: tuple[Literal[CONTACT_CHANNELS], ...] = Field(min_length=1)  # type: ignore[valid-type]

    @model_validator(mode="after")
    def it_ends_after_it_starts(self) -> "OfferEntry":
        if self.ends_on and self.ends_on < self.starts_on:
            raise ValueError("ends_on lies before starts_on")
        return self

    def offer(self, zone: str) -> Offer:
        plain = self.model_dump(exclude={"starts_on", "ends_on"})
        ends = FOREVER
        if self.ends_on is not None:  # a day is not always 24 hours long
            ends = to_micros(first_instant(self.ends_on + timedelta(days=1), zone)) - 1
        return Offer(**plain, starts_at=to_micros(first_instant(self.starts_on, zone)), ends_at=ends)


class OfferList(Part):
    offers: Annotated[tuple[OfferEntry, ...], Field(default=())]

    @model_validator(mode="after")
    def each_offer_stands_once(self) -> "OfferList":
        ids = [offer.offer_id for offer in self.offers]
        if twice := sorted({each for each in ids if ids.count(each) > 1}):
            raise ValueError(f"offers named twice: {', '.join(twice)}")
        return self


def read_offers(path: Path, base: tuple[Offer, ...], zone: str) -> tuple[Offer, ...]:
    """The base's offers with those of the file added or put in their place, in order of their ids."""
    own = {entry.offer_id: entry.offer(zone) for entry in validated(OfferList, path).offers}
    return tuple(sorted(({o.offer_id: o for o in base} | own).values(), key=lambda offer: offer.offer_id))
