"""Decisions from what is served, for the customers of several requests in one pass."""

from collections.abc import Iterator, Sequence
from math import isnan
from typing import NamedTuple

import msgspec
import numpy as np

from decisions.assess import Assessment
from decisions.choice import NOTHING, Choices, choose
from decisions.segment import Segments
from decisions.slot import NO_SLOT
from decisions.why import WORDS, Why
from releases.counter import Take
from releases.decision import Decision, Setting, circumstances_of, decided, new_id
from serving import answer
from serving.assessment import assess_at, moment_of, released
from serving.counter import Counter
from serving.live import Live, decide_live
from serving.problem import invalid
from serving.question import AsOf, Deciding
from serving.reason import reasons_beside
from serving.segment import segments_of
from serving.served import Served
from tables.contract import CONTACT_CHANNELS
from tables.moment import from_micros

RULES = {rule.value: answer.Why(code=rule.name.lower(), en=WORDS[rule][0], zh=WORDS[rule][1]) for rule in Why}


class Offered(NamedTuple):
    """An answer for each request, in JSON; their decisions, which must be in the log before one is given; and
    what was taken from the counters, to be given back if they are not."""

    answers: list[bytes]
    decisions: list[Decision]
    takes: list[Take]


def is_counted(served: Served, as_of: AsOf | None, commit: bool | None) -> bool:
    """Whether a decision counts against limits and caps; raises Problem for one that cannot."""
    moment = served.week.moment
    t = moment_of(served, as_of)
    if commit and t < moment:
        expected = f"no moment before the week's ({from_micros(moment).isoformat()}) where commit is true"
        raise invalid({"field": "as_of", "expected": expected, "came": from_micros(t).isoformat()})
    return t > moment if commit is None else commit


def next_best_offers(
    served: Served,
    asked: Sequence[Deciding],
    as_of: AsOf | None,
    counter: Counter | None = None,
) -> Offered:
    """Everybody gets what they would get alone. counter: of decisions that count,
    nobody twice among them; the others are the week's, at which nothing is spent."""
    frozen = served.policy
    everyone = [each for request in asked for each in request.customer_ids]
    t, seen, assessed = assess_at(served, everyone, as_of, frozen.offers)
    segments = assessed.standing.segments(frozen.policy, frozen.frozen)
    if counter is None:
        live = _uncounted(served, assessed, segments, t)
    else:
        live = decide_live(served, counter, seen, assessed, segments, t)
    now, base = served.published, served.week.base
    settings = [
        Setting(now.bundle, now.policy, now.week, base, t, own, seen.position) for own in live.circumstances
    ]
    decisions = decided(live.decision_ids, settings, frozen.offers, assessed, live.choices)
    told = segments_of(frozen, segments, assessed.standing)
    wanted = [request.reasons for request in asked for _ in request.customer_ids]
    beside = reasons_beside(served, assessed, seen, t, wanted)
    found = found_of(served, assessed, live.choices, told, beside, [each.decision_id for each in decisions])
    with_what = released(served, t, seen)
    answers = [
        msgspec.json.encode(
            answer.NextBestOffers(**with_what, customers=[next(found) for _ in request.customer_ids])
        )
        for request in asked
    ]
    return Offered(answers, decisions, live.takes)


def _uncounted(served: Served, assessed: Assessment, segments: Segments, t: int) -> Live:
    frozen = served.policy
    choices = choose(
        assessed.scores,
        frozen.offers,
        assessed.who,
        segments,
        frozen.policy,
        t,
        served.market,
        served.reserved.at(assessed.facts.places),
    )
    nobody_else = [circumstances_of(served.market)] * len(choices.chosen)
    return Live([new_id() for _ in choices.chosen], choices, nobody_else, [])


def found_of(
    served: Served,
    assessed: Assessment,
    choices: Choices,
    segments: list[answer.SegmentsAnswer],
    reasons: list[answer.ReasonsBeside | None],
    decision_ids: list[str],
) -> Iterator[answer.NextBestOffer]:
    """Of each customer, in their order."""
    given = choices.why == Why.CHOSEN
    rank = np.where(given, np.inf, np.nan_to_num(choices.net_value, nan=-np.inf))
    best = np.argsort(-rank, axis=1, kind="stable").tolist()
    rows = zip(
        assessed.who.ids.tolist(),
        assessed.status.tolist(),
        assessed.who.held_out.tolist(),
        choices.chosen.tolist(),
        choices.slot.tolist(),
        choices.is_reserved.tolist(),
        best,
        _offers(served, choices),
        strict=True,
    )
    for row, (customer_id, status, held_out, chosen, slot, is_reserved, order, offers) in enumerate(rows):
        ranked = [offers[place] for place in order]
        yield answer.NextBestOffer(
            decision_id=decision_ids[row],
            customer_id=customer_id,
            status=status,
            segments=segments[row],
            held_out=held_out,
            chosen=ranked[0] if chosen != NOTHING else None,
            slot=_slot(served, slot),
            is_reserved=is_reserved,
            why=ranked[0].why if ranked else None,
            reasons=reasons[row],
            offers=ranked,
        )


def _offers(served: Served, choices: Choices) -> Iterator[list[answer.OfferAnswer]]:
    """Every offer for each customer, in the policy's order."""
    offers, histories = served.policy.offers, served.histories
    currency, minor_units = histories.currency, histories.minor_units

    def money(amount: float) -> answer.Money | None:
        if isnan(amount):
            return None
        return answer.Money(amount=amount, currency=currency, minor_units=minor_units)

    columns = (choices.channel, choices.net_value, choices.cost, choices.why)
    for row in zip(*(column.tolist() for column in columns), strict=True):
        yield [
            answer.OfferAnswer(
                offer_id=offer.offer_id,
                name=offer.name,
                kind=offer.kind,
                channel=None if channel == NOTHING else CONTACT_CHANNELS[channel],
                expected_net_value=money(net_value),
                expected_cost=money(cost),
                why=RULES[why],
            )
            for offer, channel, net_value, cost, why in zip(offers, *row, strict=True)
        ]


def _slot(served: Served, place: int) -> answer.Slot | None:
    if place == NO_SLOT:
        return None
    slot = served.policy.policy.slots[place]
    return answer.Slot(en=slot.name, zh=slot.chinese, begin=slot.begin, end=slot.end)
