"""A decision: what was known, considered and chosen for one customer, and with what, so that it can be made
again and compared to the bit.

It is not its showing nor its acceptance: those are later events, rows of contacts and of responses.
"""

import hashlib
import secrets
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.assess import Assessment
from decisions.choice import NOTHING, Choices, Market
from decisions.policy import Policy
from decisions.why import Why
from features.reader import FactTable
from tables.contract import CONTACT_CHANNELS
from tables.offer import Offer
from tables.refusal import Refused

# Among the circumstances of a decision: what one more unit of a limit is worth, and how much of it is left.
PRICE, LEFT = "price of {}", "left of {}"
# Of one made online beside: contacts that the counters knew of under a cap, and whether (1) what the week had
# set aside for the customer had been given before.
CONTACTS, GIVEN = "contacts since the week under {}", "reservation given"
# By place: the last of the channels is NOTHING's.
CHANNEL_NAMES, RULES = (*CONTACT_CHANNELS, ""), [rule.name.lower() for rule in Why]


class Considered(NamedTuple):
    """An offer that was looked at. channel: '' where the customer agreed to none; why: the name of the rule
    (decisions.choice.Why) in small letters; net_value and cost: expected, minor units, nan if not known."""

    offer: str
    channel: str
    why: str
    net_value: float
    cost: float


@dataclass(frozen=True)
class Setting:
    """With what decisions were made. bundle, policy, week: published folders; base: the histories that were
    read; moment: as of when, microseconds; circumstances: prices and counters by name; events: how many
    entries of the journal of events were read beside the base."""

    bundle: str
    policy: str
    week: str
    base: str
    moment: int
    circumstances: Mapping[str, float]
    events: int = 0


@dataclass(frozen=True)
class Decision:
    """facts: SHA-256 of their names and values; consents: bits, nan where the base does not say; scores: of
    the customer (one number) and of the offers (one each), nan outside the base; chosen: an offer, '' for
    none; propensity: with what probability this was done,
    nan where something else than a lot decided."""

    decision_id: str
    setting: Setting
    propensity: float
    customer_id: str
    status: str
    held_out: bool
    consents: float
    facts: str
    scores: Mapping[str, tuple[float, ...]]
    chosen: str
    considered: tuple[Considered, ...]


def circumstances_of(market: Market) -> dict[str, float]:
    """The prices and counters that choices are made at, by name."""
    names, prices, left = market.limits.names, market.prices.tolist(), market.remaining.tolist()
    return {
        **{PRICE.format(name): price for name, price in zip(names, prices, strict=True)},
        **{LEFT.format(name): rest for name, rest in zip(names, left, strict=True)},
    }


def market_at(circumstances: Mapping[str, float], market: Market) -> Market:
    """The other way round: the limits of `market` at what was recorded; Refused where one was not."""
    try:
        prices, left = (
            np.array([circumstances[word.format(name)] for name in market.limits.names])
            for word in (PRICE, LEFT)
        )
    except KeyError as error:
        raise Refused(f"the record names no {error.args[0]!r}: it was made under other limits") from error
    return market.at(prices, left)


def counted_of(contacts: npt.NDArray[np.float64], is_given: bool, policy: Policy) -> dict[str, float]:
    """What the counters knew of a customer, by name; contacts: under each cap, shape (caps,)."""
    under = zip(policy.caps, contacts.tolist(), strict=True)
    return {**{CONTACTS.format(cap.name): made for cap, made in under}, GIVEN: float(is_given)}


def counted_at(
    circumstances: Mapping[str, float], policy: Policy
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The other way round, of one customer, shapes (1, caps) and (1,); nothing of a decision that was made
    without counters."""
    contacts = [circumstances.get(CONTACTS.format(cap.name), 0.0) for cap in policy.caps]
    return np.array([contacts]), np.array([circumstances.get(GIVEN, 0.0) > 0])


def new_id() -> str:
    """A UUID of version 7 (RFC 9562): sorts by its millisecond; its 74 random bits cannot be guessed."""
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds << 80) | secrets.randbits(80)
    number = number & ~(0xF << 76) | (7 << 76)
    number = number & ~(0x3 << 62) | (0x2 << 62)
    return str(uuid.UUID(int=number))


def decided_at(decision_id: str) -> int:
    """When the decision of this id was made, microseconds; by the clock of the machine that made it."""
    return (uuid.UUID(decision_id).int >> 80) * 1000


def decided(
    decision_ids: Sequence[str],
    settings: Sequence[Setting],
    offers: tuple[Offer, ...],
    assessed: Assessment,
    choices: Choices,
) -> list[Decision]:
    """The decisions that `choices` are for the customers assessed, in their order, each with its own id
    and setting."""
    scores = {
        name: [tuple(row) for row in (part if part.ndim == 2 else part[:, None]).tolist()]
        for name, part in assessed.scores._asdict().items()
    }
    return [
        Decision(
            decision_id=decision_ids[row],
            setting=setting,
            propensity=float(choices.propensity[row]),
            customer_id=str(assessed.who.ids[row]),
            status=str(assessed.status[row]),
            held_out=bool(assessed.who.held_out[row]),
            consents=float(assessed.who.consents[row]),
            facts=facts,
            scores={name: part[row] for name, part in scores.items()},
            chosen="" if choices.chosen[row] == NOTHING else offers[choices.chosen[row]].offer_id,
            considered=considered,
        )
        for row, (setting, facts, considered) in enumerate(
            zip(settings, _facts_hashes(assessed.facts), _considered(offers, choices), strict=True)
        )
    ]


def facts_hash(facts: FactTable, row: int) -> str:
    """Without the customer's place, which is another one in another base."""
    return next(_facts_hashes(facts._replace(values=facts.values[row : row + 1])))


def _facts_hashes(facts: FactTable) -> Iterator[str]:
    """Of each customer, without their place, which is another one in another base."""
    names = hashlib.sha256("\n".join(facts.names).encode())
    for row in np.where(np.isnan(facts.values), np.nan, facts.values):  # one nan, of the many
        digest = names.copy()
        digest.update(row.tobytes())
        yield digest.hexdigest()


def _considered(offers: tuple[Offer, ...], choices: Choices) -> Iterator[tuple[Considered, ...]]:
    """Of each customer, in the order of the offers."""
    ids = [offer.offer_id for offer in offers]
    columns = (choices.channel, choices.why, choices.net_value, choices.cost)
    for channels, whys, net_values, costs in zip(*(each.tolist() for each in columns), strict=True):
        said = [CHANNEL_NAMES[channel] for channel in channels]
        yield tuple(map(Considered, ids, said, [RULES[why] for why in whys], net_values, costs))
