"""Answering from what is served: the functions of the weekly job, for a few customers at once."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from decisions.assess import Assessment, assess
from decisions.choice import NOTHING, Choices, choose
from decisions.slot import NO_SLOT
from decisions.why import WORDS
from decisions.why import Why as Rule
from features.catalogue import FAMILIES
from features.reader import facts_of, visible_history
from models.reason import Money as MoneyWords
from models.reason import reasons
from models.value_range import SHARE
from releases.counter import Take
from releases.decision import Decision, Setting, circumstances_of, decided
from serving import answer
from serving.attribute import attributes
from serving.counter import Counter
from serving.live import Live, decide_live
from serving.problem import Kind, Problem, invalid
from serving.segment import segments_of
from serving.served import Served
from tables.contract import CONTACT_CHANNELS
from tables.history import Histories
from tables.moment import from_micros, to_micros
from tables.offer import Offer
from tables.refusal import Refused

FACTS = facts_of(FAMILIES)


def score(served: Served, customer_ids: list[str], as_of: datetime | None) -> answer.Scores:
    t, assessed = _assess(served, customer_ids, as_of, offers=())
    return answer.Scores(**_released(served, t), customers=list(_scores(served, assessed)))


class Offered(NamedTuple):
    """The answer; its decisions, which must be in the log before it is given; and what was taken from the
    counters, to be given back if it is not."""

    answer: answer.NextBestOffers
    decisions: list[Decision]
    takes: list[Take]


def is_counted(served: Served, as_of: datetime | None, commit: bool | None) -> bool:
    """Whether a decision counts against limits and caps; raises Problem for one that cannot."""
    moment = served.week.moment
    t = moment if as_of is None else to_micros(as_of)
    if commit and t < moment:
        expected = f"no moment before the week's ({from_micros(moment).isoformat()}) where commit is true"
        raise invalid({"field": "as_of", "expected": expected, "came": from_micros(t).isoformat()})
    return t > moment if commit is None else commit


def next_best_offer(
    served: Served, customer_ids: list[str], as_of: datetime | None, counter: Counter | None = None
) -> Offered:
    """counter: of decisions that count; the others are the week's, at which nothing is spent."""
    frozen = served.policy
    t, assessed = _assess(served, customer_ids, as_of, frozen.offers)
    live = _uncounted(served, assessed, t) if counter is None else decide_live(served, counter, assessed, t)
    segments = segments_of(frozen, assessed.standing)
    settings = [_setting(served, t, own) for own in live.circumstances]
    decisions = decided(settings, frozen.offers, assessed, live.choices)
    found = [
        _next_best(served, assessed, live.choices, segments[row], row, decision.decision_id)
        for row, decision in enumerate(decisions)
    ]
    return Offered(answer.NextBestOffers(**_released(served, t), customers=found), decisions, live.takes)


def _uncounted(served: Served, assessed: Assessment, t: int) -> Live:
    frozen = served.policy
    choices = choose(
        assessed.scores,
        frozen.offers,
        assessed.who,
        assessed.standing.segments(frozen.policy, frozen.frozen),
        frozen.policy,
        t,
        served.market,
        served.reserved.rows(assessed.facts.places),
    )
    return Live(choices, [circumstances_of(served.market)] * len(choices.chosen), [])


def customer(served: Served, customer_id: str, as_of: datetime | None) -> answer.Customer:
    t, assessed = _assess(served, [customer_id], as_of, offers=())
    facts = {
        named.name: answer.FactAnswer(
            meaning=answer.Words(en=named.fact.meaning, zh=named.fact.chinese),
            value=_number(value),
            unit=named.fact.unit,
            sensitivity=named.fact.sensitivity,
        )
        for named, value in zip(FACTS, assessed.facts.values[0], strict=True)
    }
    (scored,) = _scores(served, assessed)
    (segments,) = segments_of(served.policy, assessed.standing)
    history = visible_history(served.histories, int(assessed.facts.places[0]), t)
    known = attributes(history.customers, served.histories.present)
    return answer.Customer(
        **_released(served, t), **dict(scored), segments=segments, attributes=known, facts=facts
    )


def _assess(
    served: Served, customer_ids: list[str], as_of: datetime | None, offers: tuple[Offer, ...]
) -> tuple[int, Assessment]:
    """The week's moment is the default: answers then are the published week's."""
    histories = served.histories
    t = served.week.moment if as_of is None else to_micros(as_of)
    if t < histories.first_at:
        first = from_micros(histories.first_at).isoformat()
        expected = f"a moment from {first} on, when the data begins"
        raise invalid({"field": "as_of", "expected": expected, "came": from_micros(t).isoformat()})
    try:
        places = histories.places(customer_ids)
    except Refused as error:
        unknown = [each for each in customer_ids if not _is_known(histories, each)]
        raise Problem(Kind.UNKNOWN_CUSTOMER, f"{error}; nobody was answered", customer_ids=unknown) from error
    bundle, policy = served.bundle, served.policy.policy
    return t, assess(histories, places, t, bundle.scorer, bundle.question, offers, policy)


def _is_known(histories: Histories, customer_id: str) -> bool:
    try:
        histories.places([customer_id])
    except Refused:
        return False
    return True


def _released(served: Served, t: int) -> dict[str, Any]:
    now = served.published
    question = answer.Question(**asdict(served.bundle.question))
    return {
        "bundle": now.bundle,
        "policy": now.policy,
        "week": now.week,
        "moment": from_micros(t),
        "question": question,
    }


def _setting(served: Served, t: int, circumstances: dict[str, float]) -> Setting:
    now, week = served.published, served.week
    return Setting(now.bundle, now.policy, now.week, week.base, t, circumstances)


def _scores(served: Served, assessed: Assessment) -> Iterator[answer.Score]:
    said = _reasons(served, assessed)
    for row, place in enumerate(assessed.facts.places):
        probability = _number(assessed.scores.churn[row])
        band = None if probability is None else served.policy.policy.band_of(probability)
        yield answer.Score(
            customer_id=served.histories.ids[place],
            status=assessed.status[row],
            churn_probability=probability,
            churn_by_horizon=_by_horizon(served, assessed, row),
            risk_band=None if band is None else answer.Words(en=band.name, zh=band.chinese),
            expected_value=_money(served, assessed.scores.value[row]),
            value_interval=_value_interval(served, assessed, row),
            reasons=said[row],
        )


def _by_horizon(served: Served, assessed: Assessment, row: int) -> list[answer.HorizonAnswer]:
    days, told = served.bundle.scorer.horizon_days, assessed.outlook.by_horizon[row]
    return [
        answer.HorizonAnswer(days=each, churn_probability=_number(probability))
        for each, probability in zip(days, told, strict=True)
    ]


def _value_interval(served: Served, assessed: Assessment, row: int) -> answer.ValueInterval | None:
    low, high = assessed.outlook.value_low[row], assessed.outlook.value_high[row]
    if np.isnan(low):
        return None
    histories = served.histories
    return answer.ValueInterval(
        low=low,
        high=high,
        share=SHARE,
        currency=histories.currency,
        minor_units=histories.minor_units,
    )


def _reasons(served: Served, assessed: Assessment) -> list[list[answer.Reason]]:
    facts = assessed.facts
    money = MoneyWords(served.histories.currency, served.histories.minor_units)
    return [
        [
            answer.Reason(
                topic=each.topic,
                fact=each.fact,
                value=_number(each.value),
                audience=each.audience,
                effect=each.effect,
                en=each.english,
                zh=each.chinese,
            )
            for each in said
        ]
        for said in reasons(assessed.words, facts.values, facts.names, money)
    ]


def _next_best(
    served: Served,
    assessed: Assessment,
    choices: Choices,
    segments: answer.SegmentsAnswer,
    row: int,
    decision_id: str,
) -> answer.NextBestOffer:
    net = np.where(
        choices.why[row] == Rule.CHOSEN, np.inf, np.nan_to_num(choices.net_value[row], nan=-np.inf)
    )
    best = np.argsort(-net, kind="stable").tolist()
    offers = [_offer(served, choices, row, place) for place in best]
    return answer.NextBestOffer(
        decision_id=decision_id,
        customer_id=served.histories.ids[assessed.facts.places[row]],
        status=assessed.status[row],
        segments=segments,
        held_out=bool(assessed.who.held_out[row]),
        chosen=offers[0] if choices.chosen[row] != NOTHING else None,
        slot=_slot(served, choices, row),
        is_reserved=bool(choices.is_reserved[row]),
        why=offers[0].why if offers else None,
        offers=offers,
    )


def _slot(served: Served, choices: Choices, row: int) -> answer.Slot | None:
    if choices.slot[row] == NO_SLOT:
        return None
    slot = served.policy.policy.slots[choices.slot[row]]
    return answer.Slot(en=slot.name, zh=slot.chinese, begin=slot.begin, end=slot.end)


def _offer(served: Served, choices: Choices, row: int, place: int) -> answer.OfferAnswer:
    offer = served.policy.offers[place]
    channel = int(choices.channel[row, place])
    rule = Rule(int(choices.why[row, place]))
    english, chinese = WORDS[rule]
    return answer.OfferAnswer(
        offer_id=offer.offer_id,
        name=offer.name,
        kind=offer.kind,
        channel=None if channel == NOTHING else CONTACT_CHANNELS[channel],
        expected_net_value=_money(served, choices.net_value[row, place]),
        expected_cost=_money(served, choices.cost[row, place]),
        why=answer.Why(code=rule.name.lower(), en=english, zh=chinese),
    )


def _money(served: Served, amount: float) -> answer.Money | None:
    if np.isnan(amount):
        return None
    histories = served.histories
    return answer.Money(amount=amount, currency=histories.currency, minor_units=histories.minor_units)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
