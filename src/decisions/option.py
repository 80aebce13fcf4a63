"""What may be offered to whom: every rule that needs no price, from consent to the customer's own interest.

Three questions in their order: who is eligible (the law, the offer's terms), when it applies (nobody is sold
anything while a complaint is open), and whether it suits (tired customers, those whom it would drive away).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.circumstance import Circumstances
from decisions.policy import Policy
from decisions.reach import Eligibility
from decisions.rules import Bits, Flags, Floats, Person, Rules, apply_rules
from decisions.segment import Segments
from decisions.setting import Named
from decisions.slot import open_channels
from decisions.why import Why
from models.scorer import Scores
from tables.code import lots_of
from tables.contract import CONTACT_CHANNELS
from tables.offer import Offer
from tables.once import once

Int64s = npt.NDArray[np.int64]
CHANNELS = len(CONTACT_CHANNELS)
ALL = 2**CHANNELS - 1
# In the order of decisions.rules.
CODES = np.array(
    [
        Why.NOT_VALID,
        Why.CONSENT_UNKNOWN,
        Why.NO_CONSENT,
        Why.OPTED_OUT,
        Why.HELD_OUT_OF_OFFER,
        Why.NOT_THE_DAY,
        Why.NOT_ELIGIBLE,
        Why.COMPLAINT_OPEN,
        Why.RESTING,
        Why.CAP_UNKNOWN,
        Why.CAPPED,
        Why.QUIET_HOURS,
        Why.EFFECT_UNKNOWN,
        Why.HARMS,
        Why.OUTRANKED,
    ],
    np.int8,
)


class Options(NamedTuple):
    """Shape (customers, offers). uplift, response: of the models, or as the policy states them; allowed: bits
    of the channels that are left, none where a rule refuses; why: that rule, OUTRANKED where none does."""

    uplift: Floats
    response: Floats
    allowed: Bits
    why: npt.NDArray[np.int8]

    def rows(self, rows: npt.NDArray[np.int64] | slice) -> "Options":
        return Options._make(each[rows] for each in self)


def options(
    scores: Scores,
    offers: tuple[Offer, ...],
    who: Circumstances,
    segments: Segments | None,
    policy: Policy,
    t: int,
) -> Options:
    """segments: None where the policy's statistics are not frozen; who must be in a tier to get an offer
    then does not get it. The holdout is not drawn here: what it would have got is part of what it teaches."""
    uplift, response = scores.uplift.copy(), scores.response.copy()
    allowed, why = np.empty(uplift.shape, np.uint8), np.empty(uplift.shape, np.int8)
    rules, starts_at, ends_at = _rules(policy, offers)
    person = Person(
        is_personalised=who.is_personalised,
        consents=who.consents,
        open_complaints=who.open_complaints,
        is_tired=_is_tired(policy, who),
        contacts=who.contacts,
        days_to=who.days_to,
        belongs=_belong(policy, who, segments),
        held_out=held_from(policy, offers, who.ids, t),
    )
    now = rules._replace(is_valid=(starts_at <= t) & (t <= ends_at))
    apply_rules(now, _one_layout(person), CODES, uplift, response, allowed, why)
    return Options(uplift, response, allowed, why)


def _one_layout(person: Person) -> Person:
    """Whatever the columns were cut out of: the loop is compiled once."""
    return Person._make(np.ascontiguousarray(each) for each in person)


@once
def _rules(policy: Policy, offers: tuple[Offer, ...]) -> tuple[Rules, Int64s, Int64s]:
    """The rules, and from when to when each offer is valid, microseconds."""
    caps, occasions = policy.caps, policy.occasions
    bound = [[offer.offer_id in each.offers for offer in offers] for each in occasions]
    meant = [[not cap.kinds or offer.kind in cap.kinds for offer in offers] for cap in caps]
    for_some = [
        [o.offer_id in rule.offers or o.kind in rule.kinds for o in offers] for rule in policy.eligibility
    ]

    def flags(rows: list[list[bool]]) -> Flags:
        return np.array(rows, np.bool_).reshape(len(rows), len(offers))

    rules = Rules(
        is_valid=np.zeros(len(offers), np.bool_),
        is_given=np.array([is_for_everybody(policy, offer) for offer in offers], np.bool_),
        sells=np.array([offer.kind not in policy.while_complaint_open for offer in offers], np.bool_),
        channels=np.array([bits_of(offer.channels, policy) for offer in offers], np.uint8),
        has_days=np.logical_or.reduce(flags(bound), axis=0),
        is_open=int(open_channels(policy)),
        cap=np.array([cap.contacts for cap in caps], np.float64),
        closes=np.array([bits_of(cap.channels, policy) if cap.channels else ALL for cap in caps], np.uint8),
        capped=flags(meant),
        within=np.array([each.within_days for each in occasions], np.float64),
        occasion_worth=np.array([each.worth for each in occasions], np.float64),
        occasion_offers=flags(bound),
        meant=flags(for_some),
        worth=float(policy.for_everybody.worth) if policy.for_everybody else 0.0,
        is_consent_needed=int(policy.unknown_consent == "refuse"),
    )
    starts_at = np.array([offer.starts_at for offer in offers], np.int64)
    return rules, starts_at, np.array([offer.ends_at for offer in offers], np.int64)


def bits_of(channels: tuple[str, ...], policy: Policy) -> int:
    """Of channels that the business has; a policy that names none has them all."""
    there = {channel.name for channel in policy.channels} or set(CONTACT_CHANNELS)
    return sum(1 << CONTACT_CHANNELS.index(name) for name in set(channels) & there)


def is_for_everybody(policy: Policy, offer: Offer) -> bool:
    """Whether it is what those get who asked that nothing be chosen from their data."""
    return policy.for_everybody is not None and policy.for_everybody.offer == offer.offer_id


def held_from(
    policy: Policy, offers: tuple[Offer, ...], ids: npt.NDArray[np.object_], t: int
) -> npt.NDArray[np.bool_]:
    """Who is in which offer's own holdout, shape (customers, offers); (customers, 0) where there is none."""
    holdout = policy.holdout
    if not holdout.by_offer:
        return np.zeros((len(ids), 0), np.bool_)
    salts = [f"{holdout.salt_at(t)}|{offer.offer_id}" for offer in offers]
    held = [lots_of(ids, salt) < holdout.by_offer for salt in salts]
    return np.stack(held, axis=1) if held else np.zeros((len(ids), 0), np.bool_)


def _is_tired(policy: Policy, who: Circumstances) -> Flags:
    if policy.rest is None:
        return np.zeros(len(who.ids), dtype=bool)
    with np.errstate(invalid="ignore"):
        return (who.unanswered >= policy.rest.unanswered) & (who.days_since_contact < policy.rest.days)


def _belong(policy: Policy, who: Circumstances, segments: Segments | None) -> Flags:
    """Whether each customer is surely one of those whom each rule of eligibility names; shape (rules,
    customers)."""
    rows = [_belongs(policy, rule, who, segments) for rule in policy.eligibility]
    return np.stack(rows) if rows else np.ones((0, len(who.ids)), np.bool_)


def _belongs(policy: Policy, rule: Eligibility, who: Circumstances, segments: Segments | None) -> Flags:
    belongs = np.ones(len(who.ids), dtype=bool)
    if rule.stages and policy.life_cycle:
        belongs &= _is_one_of(who.stage, policy.life_cycle.states, rule.stages)
    if not rule.tiers and not rule.behaviours:
        return belongs
    if segments is None:
        return np.zeros(len(who.ids), dtype=bool)
    if rule.tiers:
        by_scheme = [
            _is_one_of(segments.tiers[name].place, policy.scheme(name).tiers, tiers)
            for name, tiers in rule.tiers.items()
        ]
        belongs &= np.logical_or.reduce(by_scheme)  # a company has no tier of a scheme for persons
    if rule.behaviours and policy.behaviour and segments.behaviour:
        belongs &= _is_one_of(segments.behaviour.labels.place, policy.behaviour.types, rule.behaviours)
    return belongs


def _is_one_of(place: npt.NDArray[np.int8], named: Sequence[Named], names: tuple[str, ...]) -> Flags:
    """Whether each place is that of one of these names among `named`."""
    places = [k for k, each in enumerate(named) if each.name in names]
    # A few comparisons: np.isin would sort.
    found: Flags = np.any([place == k for k in places] or [np.zeros(len(place), np.bool_)], axis=0)
    return found
