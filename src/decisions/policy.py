"""The policy: what the business decides, as data. Errors name the file, the line and what was expected."""

from collections.abc import Hashable
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tables.contract import CONTACT_CHANNELS, OFFER_KINDS
from tables.moment import FOREVER, first_instant, to_micros
from tables.offer import Offer
from tables.refusal import Refused


class Part(BaseModel):
    """Unknown words in a policy are mistakes, not decoration."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RiskBand(Part):
    """Churn probabilities below `below` (and not below the band before)."""

    name: str
    chinese: str
    below: float = Field(gt=0)


class Holdout(Part):
    """The share of customers that gets no offer, drawn by a hash with this salt."""

    share: float = Field(ge=0, le=0.5)
    salt: str


class Policy(Part):
    """See config/policy.yaml for what each word means."""

    name: str
    margin_rate: float = Field(gt=0, le=1)
    risk_bands: tuple[RiskBand, ...] = Field(min_length=1)
    weekly_budget: int = Field(ge=0)
    minimum_net_value: int = Field(ge=0)
    holdout: Holdout
    unknown_consent: Literal["refuse", "allow"]

    @model_validator(mode="after")
    def bands_cover_every_probability(self) -> "Policy":
        edges = [band.below for band in self.risk_bands]
        if edges != sorted(set(edges)) or edges[-1] <= 1:
            raise ValueError("risk_bands must rise and the last one reach beyond 1")
        return self

    def band_of(self, probability: float) -> RiskBand:
        return next(band for band in self.risk_bands if probability < band.below)


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


P = TypeVar("P", bound=Part)


def read_policy(path: Path) -> Policy:
    return validated(Policy, path)


def read_offers(path: Path, base: tuple[Offer, ...], zone: str) -> tuple[Offer, ...]:
    """The base's offers with those of the file added or put in their place, in order of their ids."""
    own = {entry.offer_id: entry.offer(zone) for entry in validated(OfferList, path).offers}
    return tuple(sorted(({o.offer_id: o for o in base} | own).values(), key=lambda offer: offer.offer_id))


def validated(kind: type[P], path: Path) -> P:
    """A file of settings as readable classes; Refused with the line of everything that is wrong."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
        return kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise Refused(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path}: not UTF-8 text: {error}") from error
    except yaml.YAMLError as error:
        raise Refused(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        lines = [
            f"{path}:{_line(node, each['loc'])}: {'.'.join(map(str, each['loc'])) or 'the file'}: "
            f"{each['msg']}; came {_short(each['input'])}"
            for each in error.errors()
        ]
        raise Refused("\n".join(lines)) from error


def _line(node: Any, where: tuple[Hashable, ...]) -> int:
    """The line of the deepest part of `where` that stands in the file."""
    line = node.start_mark.line + 1 if node else 1
    for step in where:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == str(step)]
            if not found:
                break
            key, node = found[0]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
