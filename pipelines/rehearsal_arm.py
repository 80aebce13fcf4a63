"""Who is contacted with what in a rehearsed week: by a policy, by risk alone, or nobody."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.assess import IN_BASE, spread, status_of
from decisions.choice import NOTHING, free_market, taken
from decisions.circumstance import Circumstances, circumstances
from decisions.freezing import freeze
from decisions.frozen import Frozen
from decisions.option import CHANNELS, options
from decisions.plan import planned
from decisions.policy import Policy
from decisions.reach import QuietHours
from decisions.segment import Segments
from decisions.standing import standing_of
from features.reader import FactTable, read_facts
from models.question import Question
from models.scorer import Scorer, Scores
from simulator.future import Sent, nothing_sent
from tables.contract import CONTACT_CHANNELS
from tables.history import Histories
from tables.moment import SECOND
from tables.offer import Offer
from tables.refusal import Refused

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
EARLIEST = "08:00"
Scoring = Callable[[FactTable, int, tuple[Offer, ...]], Scores]


class Terms(NamedTuple):
    """A policy as it is rehearsed; frozen: its statistics, None: to be taken in the first week."""

    policy: Policy
    offers: tuple[Offer, ...]
    frozen: Frozen | None
    source: str


class Seen(NamedTuple):
    """Everybody as of a week, in the order of the world's people."""

    scores: Scores
    who: Circumstances
    segments: Segments


class Decided(NamedTuple):
    """sent: as the world takes it; cost: of telling each contact, minor units; expected: the net
    value that was promised; used: of each limit, shape (limits,), None of an arm without limits."""

    sent: Sent
    cost: Floats
    expected: float
    used: Floats | None


Decides = Callable[[Histories, int], Decided]


class Reader:
    """Reads the people at `places` of any history under one policy, whose statistics are frozen once."""

    def __init__(self, places: Int64s, terms: Terms, scoring: Scoring) -> None:
        self.places, self.terms, self.scoring = places, terms, scoring
        self.frozen = terms.frozen

    def __call__(self, histories: Histories, t: int) -> Seen:
        policy = self.terms.policy
        facts = read_facts(histories, self.places, t)
        scores = self.scoring(facts, t, self.terms.offers)
        standing = standing_of(histories, self.places, t, policy, facts, scores)
        who = circumstances(histories, self.places, t, facts, standing, policy)
        if self.frozen is None:
            self.frozen = freeze(policy, standing.known, standing.stage, t, self.terms.source)
        return Seen(scores, who, standing.segments(policy, self.frozen))


def scoring_of(scorer: Scorer, question: Question) -> Scoring:
    """By published models; nan outside their base."""

    def score(facts: FactTable, t: int, offers: tuple[Offer, ...]) -> Scores:
        inside = np.flatnonzero(status_of(facts, question) == IN_BASE)
        found = scorer.score(facts.values[inside], facts.names, offers, t)
        return Scores(*(spread(part, inside, len(facts.places), np.nan) for part in found))

    return score


class ByPolicy:
    """As the weekly run decides: rules, prices of the limits, what is reserved, the holdout."""

    def __init__(self, reader: Reader, world_offers: tuple[str, ...]) -> None:
        self.reader, self.market = reader, free_market(reader.terms.policy, reader.terms.offers)
        self.world = places_of(reader.terms.offers, world_offers)

    def __call__(self, histories: Histories, t: int) -> Decided:
        policy, offers = self.reader.terms.policy, self.reader.terms.offers
        seen = self.reader(histories, t)
        may = options(seen.scores, offers, seen.who, seen.segments, policy, t)
        _, choices = planned(may, seen.who, policy, t, self.market)
        offer = np.where(choices.chosen != NOTHING, choices.chosen, choices.held_back)
        rows = np.flatnonzero(offer != NOTHING)
        offer = offer[rows]
        channel = choices.channel[rows, offer].astype(np.int64)
        given = choices.chosen[rows] != NOTHING
        sent = Sent(
            customer=rows,
            offer=self.world[offer],
            channel=channel,
            at=t + hours_of(policy)[channel],
            is_sent=given,
            propensity=choices.propensity[rows],
        )
        return Decided(
            sent,
            np.where(given, self.market.terms.contact_cost[offer, channel], 0.0),
            float(choices.net_value[rows[given], offer[given]].sum()),
            taken(choices, may, self.market),
        )


class ByRisk:
    """Those most likely to leave get the one offer that the models expect most of on average, by the cheapest
    channel, until the money of `budget` is spent; every rule that needs no price is kept."""

    def __init__(self, reader: Reader, world_offers: tuple[str, ...], budget: Callable[[], float]) -> None:
        self.reader, self.budget = reader, budget
        self.market = free_market(reader.terms.policy, reader.terms.offers)
        self.world = places_of(reader.terms.offers, world_offers)

    def __call__(self, histories: Histories, t: int) -> Decided:
        policy, offers = self.reader.terms.policy, self.reader.terms.offers
        seen, terms = self.reader(histories, t), self.market.terms
        # Who looks at the risk alone does not ask whether an offer harms.
        blind = seen.scores._replace(uplift=np.abs(seen.scores.uplift))
        may = options(blind, offers, seen.who, seen.segments, policy, t)
        told = np.where(may.allowed[:, :, None] >> np.arange(CHANNELS) & 1 == 1, terms.contact_cost, np.inf)
        channel = told.argmin(axis=2)
        cost = seen.scores.response * terms.redemption_cost + told.min(axis=2)
        net = np.where(np.isfinite(cost), seen.scores.uplift - cost, np.nan)
        there = np.isfinite(net)
        if not there.any():
            return Decided(nothing_sent(), np.zeros(0), 0.0, None)
        mean = np.where(there, net, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
        best = int(np.where(there.any(axis=0), mean, -np.inf).argmax())
        reachable = np.flatnonzero(there[:, best] & ~seen.who.held_out)
        order = reachable[np.argsort(-seen.scores.churn[reachable], kind="stable")]
        rows = np.sort(order[np.cumsum(cost[order, best]) <= self.budget()])
        chosen = channel[rows, best]
        sent = Sent(
            customer=rows,
            offer=np.full(len(rows), self.world[best]),
            channel=chosen,
            at=t + hours_of(policy)[chosen],
            is_sent=np.ones(len(rows), np.bool_),
            propensity=np.full(len(rows), np.nan),
        )
        return Decided(sent, terms.contact_cost[best, chosen], float(net[rows, best].sum()), None)


def places_of(offers: tuple[Offer, ...], world_offers: tuple[str, ...]) -> Int64s:
    """Each offer's place in the world; Refused for one that the world does not know."""
    for offer in offers:
        if offer.offer_id not in world_offers:
            raise Refused(
                f"offer {offer.offer_id}: the simulated world does not know what it does to customers, only "
                f"that of {', '.join(world_offers)}; rehearse without it (config/offers.yaml)"
            )
    return np.array([world_offers.index(offer.offer_id) for offer in offers], np.int64)


def hours_of(policy: Policy) -> Int64s:
    """When in the day each channel speaks, microseconds: as the policy's first slot begins, else from
    08:00 or as soon as its quiet hours end."""
    begin = policy.slots[0].begin if policy.slots else EARLIEST
    hours = []
    for name in CONTACT_CHANNELS:
        at = begin
        for quiet in policy.quiet_hours:
            if (not quiet.channels or name in quiet.channels) and _is_quiet(quiet, at):
                at = quiet.end
        hour, minute = at.split(":")
        hours.append((int(hour) * 60 + int(minute)) * 60 * SECOND)
    return np.array(hours, np.int64)


def _is_quiet(quiet: QuietHours, at: str) -> bool:
    if quiet.end < quiet.begin:  # over midnight
        return at >= quiet.begin or at < quiet.end
    return quiet.begin <= at < quiet.end
