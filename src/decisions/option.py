"""What may be offered to whom: every rule that needs no price, from consent to the customer's own interest.

Three questions in their order: who is eligible (the law, the offer's terms), when it applies (nobody is sold
anything while a complaint is open), and whether it suits (tired customers, those whom it would drive away).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.circumstance import Circumstances
from decisions.once import once
from decisions.policy import Policy
from decisions.reach import Eligibility
from decisions.segment import Segments
from decisions.slot import open_channels
from decisions.why import Why
from models.scorer import Scores
from tables.code import lots_of
from tables.contract import CONTACT_CHANNELS
from tables.offer import Offer

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Bits = npt.NDArray[np.uint8]
CHANNELS = len(CONTACT_CHANNELS)
ALL = np.uint8(2**CHANNELS - 1)


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
    opted_out = (who.is_personalised == 0)[:, None]
    given, own, sells = _terms(policy, offers)
    days, worth = _occasions(policy, offers, who)
    worth = np.where(opted_out & given, policy.for_everybody.worth if policy.for_everybody else 0, worth)
    stated = ~np.isnan(worth) & (np.isnan(uplift) | (opted_out & given))
    uplift[stated], response[stated] = worth[stated], 1.0

    agreed, unknown = _agreed(who.consents, policy)
    speaking = own & agreed[:, None] & open_channels(policy)
    capped, uncounted = _capped(policy, offers, who)
    allowed = speaking & ~capped

    why = np.full(uplift.shape, Why.OUTRANKED, np.int8)
    # From the last rule to the first, so that the first that holds is the one that stands.
    with np.errstate(invalid="ignore"):
        why[uplift < 0] = Why.HARMS
        why[np.isnan(uplift) | np.isnan(response)] = Why.EFFECT_UNKNOWN
        why[speaking == 0] = Why.QUIET_HOURS
        why[(speaking != 0) & (allowed == 0)] = Why.CAPPED
        why[(speaking != 0) & uncounted] = Why.CAP_UNKNOWN
        why[_is_tired(policy, who)[:, None] & sells] = Why.RESTING
        why[(who.open_complaints > 0)[:, None] & sells] = Why.COMPLAINT_OPEN
    why[_excluded(policy, offers, who, segments) & ~(opted_out & given)] = Why.NOT_ELIGIBLE
    why[~days & ~(opted_out & given)] = Why.NOT_THE_DAY
    why[held_from(policy, offers, who.ids, t)] = Why.HELD_OUT_OF_OFFER
    why[opted_out & ~given] = Why.OPTED_OUT
    why[(own & agreed[:, None]) == 0] = Why.NO_CONSENT
    why[unknown] = Why.CONSENT_UNKNOWN
    why[:, [not offer.starts_at <= t <= offer.ends_at for offer in offers]] = Why.NOT_VALID
    allowed = np.where(why == Why.OUTRANKED, allowed, np.uint8(0))
    return Options(uplift, response, allowed, why)


@once
def _terms(policy: Policy, offers: tuple[Offer, ...]) -> tuple[Flags, Bits, Flags]:
    """Of each offer: whether it is for everybody and the channels it may go by, shape (1, offers); whether it
    sells something, shape (offers,)."""
    given = np.array([is_for_everybody(policy, offer) for offer in offers], dtype=bool)[None, :]
    own = np.array([bits_of(offer.channels, policy) for offer in offers], dtype=np.uint8)[None, :]
    sells = np.array([offer.kind not in policy.while_complaint_open for offer in offers], dtype=bool)
    return given, own, sells


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
    """Who is in which offer's own holdout; shape (customers, offers)."""
    holdout = policy.holdout
    held = np.zeros((len(ids), len(offers)), dtype=bool)
    if holdout.by_offer:
        for k, offer in enumerate(offers):
            held[:, k] = lots_of(ids, f"{holdout.salt_at(t)}|{offer.offer_id}") < holdout.by_offer
    return held


def _agreed(consents: Floats, policy: Policy) -> tuple[Bits, Flags]:
    """Channels each customer agreed to, and whose consent is not known and needed."""
    missing = np.isnan(consents)
    bits = np.where(missing, ALL, np.nan_to_num(consents)).astype(np.uint8)
    return bits, missing & (policy.unknown_consent == "refuse")


def _capped(policy: Policy, offers: tuple[Offer, ...], who: Circumstances) -> tuple[Bits, Flags]:
    """Bits of channels that a cap closes for each offer, and where a cap cannot be checked."""
    closed = np.zeros((len(who.ids), len(offers)), np.uint8)
    unknown = np.zeros(closed.shape, dtype=bool)
    for k, cap in enumerate(policy.caps):
        reached = who.contacts[:, k] >= cap.contacts
        bits = np.uint8(bits_of(cap.channels, policy)) if cap.channels else ALL
        meant = np.array([not cap.kinds or offer.kind in cap.kinds for offer in offers], dtype=bool)
        closed |= np.where(reached[:, None] & meant, bits, np.uint8(0))
        unknown |= np.isnan(who.contacts[:, k])[:, None] & meant
    return closed, unknown


def _is_tired(policy: Policy, who: Circumstances) -> Flags:
    if policy.rest is None:
        return np.zeros(len(who.ids), dtype=bool)
    with np.errstate(invalid="ignore"):
        return (who.unanswered >= policy.rest.unanswered) & (who.days_since_contact < policy.rest.days)


def _occasions(policy: Policy, offers: tuple[Offer, ...], who: Circumstances) -> tuple[Flags, Floats]:
    """Where it is the day of an offer (always, of one without), and what the business lets it be worth."""
    bound = [[k for k, each in enumerate(policy.occasions) if o.offer_id in each.offers] for o in offers]
    today = np.ones((len(who.ids), len(offers)), dtype=bool)
    worth = np.full(today.shape, np.nan)
    for j, occasions in enumerate(bound):
        if not occasions:
            continue
        today[:, j] = False
        for k in reversed(occasions):
            occasion = policy.occasions[k]
            with np.errstate(invalid="ignore"):
                near = who.days_to[:, k] <= occasion.within_days
            today[near, j], worth[near, j] = True, occasion.worth
    return today, worth


def _excluded(
    policy: Policy, offers: tuple[Offer, ...], who: Circumstances, segments: Segments | None
) -> Flags:
    """Where a rule says who may get an offer and the customer is not, or not surely, one of them."""
    excluded = np.zeros((len(who.ids), len(offers)), dtype=bool)
    for rule in policy.eligibility:
        meant = [offer.offer_id in rule.offers or offer.kind in rule.kinds for offer in offers]
        if any(meant):
            excluded |= ~_belongs(policy, rule, who, segments)[:, None] & np.array(meant)
    return excluded


def _belongs(policy: Policy, rule: Eligibility, who: Circumstances, segments: Segments | None) -> Flags:
    belongs = np.ones(len(who.ids), dtype=bool)
    if rule.stages and policy.life_cycle:
        belongs &= np.isin(who.stage, _places(policy.life_cycle.states, rule.stages))
    if not rule.tiers and not rule.behaviours:
        return belongs
    if segments is None:
        return np.zeros(len(who.ids), dtype=bool)
    if rule.tiers:
        by_scheme = [
            np.isin(segments.tiers[name].place, _places(policy.scheme(name).tiers, tiers))
            for name, tiers in rule.tiers.items()
        ]
        belongs &= np.logical_or.reduce(by_scheme)  # a company has no tier of a scheme for persons
    if rule.behaviours and policy.behaviour and segments.behaviour:
        wanted = _places(policy.behaviour.types, rule.behaviours)
        belongs &= np.isin(segments.behaviour.labels.place, wanted)
    return belongs


def _places(named: tuple[object, ...], names: tuple[str, ...]) -> list[int]:
    return [k for k, each in enumerate(named) if getattr(each, "name") in names]  # noqa: B009
