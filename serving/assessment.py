"""Scores and what is known of customers, from what is served: the functions of the weekly job."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
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
from serving.question import AsOf
from serving.segment import segments_of
from serving.served import Served, log
from tables.live import Snapshot
from tables.moment import DAY, HOUR, from_micros, to_micros
from tables.offer import Offer
from tables.refusal import Refused

FACTS = facts_of(FAMILIES)
# A week follows every seven days; one that is older than this is not followed.
FRESH_DAYS = 8


def score(served: Served, customer_ids: list[str], as_of: AsOf | None) -> answer.Scores:
    t, seen, assessed = assess_at(served, customer_ids, as_of, offers=())
    return answer.Scores(**released(served, t, seen), customers=list(_scores(served, assessed, t)))


def customer(served: Served, customer_id: str, as_of: AsOf | None) -> answer.Customer:
    t, seen, assessed = assess_at(served, [customer_id], as_of, offers=())
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
    history = visible_history(seen, int(seen.places[0]), t)
    known = attributes(history.customers, seen.present)
    return answer.Customer(
        **released(served, t, seen),
        **msgspec.structs.asdict(scored),
        segments=segments,
        attributes=known,
        facts=facts,
    )


def published(served: Served) -> answer.Published:
    """Raises Problem where it cannot be said."""
    inbox, histories, moment = served.inbox, served.histories, served.week.moment
    seen = snapshot_of(served, [])
    came = inbox.last_known_at
    return answer.Published(
        **released(served, moment, seen),
        published_at=served.published.at,
        age_hours=(inbox.now() - moment) / HOUR,
        data_until=from_micros(histories.last_at),
        last_event_at=from_micros(came) if came else None,
        customers=len(histories),
        is_sandbox=inbox.is_sandbox,
    )


def assess_at(
    served: Served, customer_ids: Sequence[str], as_of: AsOf | None, offers: tuple[Offer, ...]
) -> tuple[int, Snapshot, Assessment]:
    """As of when, from which histories, and what is known of these customers; raises Problem."""
    seen = snapshot_of(served, customer_ids)
    t = moment_of(served, as_of)
    if t < seen.first_at:
        first = from_micros(seen.first_at).isoformat()
        expected = f"a moment from {first} on, when the data begins"
        raise invalid({"field": "as_of", "expected": expected, "came": from_micros(t).isoformat()})
    if (seen.places < 0).any():
        unknown = [each for each, place in zip(customer_ids, seen.places, strict=True) if place < 0]
        named = ", ".join(map(repr, unknown[:10]))
        detail = f"{len(unknown)} customers are not in the base: {named}; nobody was answered"
        raise Problem(Kind.UNKNOWN_CUSTOMER, detail, customer_ids=unknown)
    bundle, policy = served.bundle, served.policy.policy
    return t, seen, assess(seen, seen.places, t, bundle.scorer, bundle.question, offers, policy)


def snapshot_of(served: Served, customer_ids: Sequence[str]) -> Snapshot:
    """The histories of these customers with all that came by now; raises Problem."""
    try:
        served.inbox.refresh()
    except Refused as error:
        log.error("refused: %s", error)
        detail = "the journal of events cannot be read (the service's log says why); nobody was answered"
        raise Problem(Kind.NOT_READY, detail) from error
    return served.inbox.snapshot(customer_ids)


def moment_of(served: Served, as_of: AsOf | None) -> int:
    """Microseconds; now by default, but never before the week, whatever this machine's clock says."""
    if as_of is None:
        return max(served.inbox.now(), served.week.moment)
    return served.week.moment if isinstance(as_of, str) else to_micros(as_of)


def released(served: Served, t: int, seen: Snapshot) -> dict[str, Any]:
    now = served.published
    question = answer.Question(**asdict(served.bundle.question))
    return {
        "bundle": now.bundle,
        "policy": now.policy,
        "week": now.week,
        "moment": from_micros(t),
        "events": seen.position,
        "is_stale": served.inbox.now() - served.week.moment > FRESH_DAYS * DAY,
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
