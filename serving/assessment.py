"""Scores and what is known of customers, from what is served: the functions of the weekly job."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from decisions.assess import Assessment, Told, assess, tell
from features.catalogue import FAMILIES
from features.reader import facts_of, visible_history
from models.reason import Money as MoneyWords
from models.reason import reasons
from models.value_range import SHARE
from serving import answer
from serving.attribute import attributes
from serving.problem import Kind, Problem, invalid
from serving.segment import segments_of
from serving.served import Served
from tables.history import Histories
from tables.moment import from_micros, to_micros
from tables.offer import Offer
from tables.refusal import Refused

FACTS = facts_of(FAMILIES)


def score(served: Served, customer_ids: list[str], as_of: datetime | None) -> answer.Scores:
    t, assessed = assess_at(served, customer_ids, as_of, offers=())
    return answer.Scores(**released(served, t), customers=list(_scores(served, assessed, t)))


def customer(served: Served, customer_id: str, as_of: datetime | None) -> answer.Customer:
    t, assessed = assess_at(served, [customer_id], as_of, offers=())
    facts = {
        named.name: answer.FactAnswer(
            meaning=answer.Words(en=named.fact.meaning, zh=named.fact.chinese),
            value=number_of(value),
            unit=named.fact.unit,
            sensitivity=named.fact.sensitivity,
        )
        for named, value in zip(FACTS, assessed.facts.values[0], strict=True)
    }
    (scored,) = _scores(served, assessed, t)
    frozen = served.policy
    (segments,) = segments_of(
        frozen, assessed.standing.segments(frozen.policy, frozen.frozen), assessed.standing
    )
    history = visible_history(served.histories, int(assessed.facts.places[0]), t)
    known = attributes(history.customers, served.histories.present)
    return answer.Customer(
        **released(served, t),
        **msgspec.structs.asdict(scored),
        segments=segments,
        attributes=known,
        facts=facts,
    )


def assess_at(
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
        unknown = unknown_of(histories, customer_ids)
        raise Problem(Kind.UNKNOWN_CUSTOMER, f"{error}; nobody was answered", customer_ids=unknown) from error
    bundle, policy = served.bundle, served.policy.policy
    return t, assess(histories, places, t, bundle.scorer, bundle.question, offers, policy)


def unknown_of(histories: Histories, customer_ids: Sequence[str]) -> list[str]:
    """Those whom nobody knows."""
    found = histories.find(customer_ids)
    return [each for each, place in zip(customer_ids, found.tolist(), strict=True) if place < 0]


def released(served: Served, t: int) -> dict[str, Any]:
    now = served.published
    question = answer.Question(**asdict(served.bundle.question))
    return {
        "bundle": now.bundle,
        "policy": now.policy,
        "week": now.week,
        "moment": from_micros(t),
        "question": question,
    }


def _scores(served: Served, assessed: Assessment, t: int) -> Iterator[answer.Score]:
    told = tell(assessed, served.bundle.scorer, t)
    said = _reasons(served, assessed, told)
    for row, customer_id in enumerate(assessed.who.ids.tolist()):
        probability = number_of(assessed.scores.churn[row])
        band = None if probability is None else served.policy.policy.band_of(probability)
        yield answer.Score(
            customer_id=customer_id,
            status=assessed.status[row],
            churn_probability=probability,
            churn_by_horizon=_by_horizon(served, told, row),
            risk_band=None if band is None else answer.Words(en=band.name, zh=band.chinese),
            expected_value=money_of(served, assessed.scores.value[row]),
            value_interval=_value_interval(served, told, row),
            reasons=said[row],
        )


def _by_horizon(served: Served, told: Told, row: int) -> list[answer.HorizonAnswer]:
    days, by_horizon = served.bundle.scorer.horizon_days, told.outlook.by_horizon[row]
    return [
        answer.HorizonAnswer(days=each, churn_probability=number_of(probability))
        for each, probability in zip(days, by_horizon, strict=True)
    ]


def _value_interval(served: Served, told: Told, row: int) -> answer.ValueInterval | None:
    low, high = float(told.outlook.value_low[row]), float(told.outlook.value_high[row])
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


def _reasons(served: Served, assessed: Assessment, told: Told) -> list[list[answer.Reason]]:
    facts = assessed.facts
    money = MoneyWords(served.histories.currency, served.histories.minor_units)
    return [
        [
            answer.Reason(
                topic=each.topic,
                fact=each.fact,
                value=number_of(each.value),
                audience=each.audience,
                effect=each.effect,
                en=each.english,
                zh=each.chinese,
            )
            for each in said
        ]
        for said in reasons(told.words, facts.values, facts.names, money)
    ]


def money_of(served: Served, amount: float) -> answer.Money | None:
    if np.isnan(amount):
        return None
    histories = served.histories
    return answer.Money(amount=float(amount), currency=histories.currency, minor_units=histories.minor_units)


def number_of(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
