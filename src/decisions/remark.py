"""Remarks of a critical reading: what holds together and still cannot be meant."""

from dataclasses import dataclass
from typing import Literal

from decisions.setting import Where

Severity = Literal["error", "warning", "note"]
# What customers brought is looked at over so many days: an effect is stated a customer and quarter.
VALUE_DAYS = 91


@dataclass(frozen=True)
class Remark:
    """where: the part of the policy, from its top on; of an offer: "offers" and its id."""

    severity: Severity
    where: Where
    says: str


@dataclass(frozen=True)
class Base:
    """What a check knows of a base. reachable: how many customers consent to each channel, None where the
    base does not say; customers: by kind; zone: its time zone; minor_units, currency: of its money. valued:
    customers of the base VALUE_DAYS ago, spread: the standard deviation of what they brought since, minor
    units; 0 customers where the data is too short to say."""

    moment: int
    zone: str
    currency: str
    minor_units: int
    customers: int
    reachable: dict[str, int] | None
    valued: int = 0
    spread: float = 0.0
