"""`holdfast explain`: one customer's churn probability, its reasons, and what would have to change."""

from typing import Any

import numpy as np

from decisions.assess import IN_BASE, Assessment, assess, words_of
from decisions.policy import Policy, read_policy
from models.counterfactual import Counterfactual, Scenario, what_would_have_to_change
from models.reason import reasons
from models.sentence import Money
from models.topic import grouping, topic_effects
from pipelines.as_of import moment_of, open_base
from pipelines.configuration import configuration
from pipelines.terminal import grid
from releases.bundle import Bundle, read_bundle
from releases.home import Home
from releases.policy import read_frozen_policy
from tables.history import Histories
from tables.moment import in_zone
from tables.refusal import Refused


def explain(home: Home, customer: str, as_of: str | None, below: float | None) -> dict[str, Any]:
    """With what is published. below: the probability to fall below; else where the next lower band ends."""
    now = home.published()
    if not now.bundle:
        raise Refused(f"{home.path}: no bundle is published; run `holdfast promote` first")
    bundle = read_bundle(home.bundles / now.bundle, home.key())
    _, histories = open_base(home)
    t = moment_of(histories, as_of)
    policy = _policy(home, now.policy)
    (place,) = histories.places([customer]).tolist()
    assessed = assess(histories, np.array([place]), t, bundle.scorer, bundle.question, (), policy)
    told: dict[str, Any] = {
        "customer_id": customer,
        "moment": in_zone(t, histories.time_zone).isoformat(),
        "bundle": bundle.name,
        "status": assessed.status[0],
        "churn_probability": None,
        "risk_band": None,
        "reasons": [],
        "topics": [],
        "what_would_have_to_change": None,
    }
    if assessed.status[0] != IN_BASE:
        return told
    churn = float(assessed.scores.churn[0])
    band = policy.band_of(churn)
    edge = below if below is not None else _edge_below(policy, churn)
    found = what_would_have_to_change(histories, place, t, bundle.scorer, edge)
    return told | {
        "churn_probability": churn,
        "risk_band": {"en": band.name, "zh": band.chinese},
        "reasons": _reasons(histories, bundle, assessed),
        "topics": _topics(bundle, assessed),
        "what_would_have_to_change": _counterfactual(found),
    }


def _policy(home: Home, name: str) -> Policy:
    """The published one, before the first week what stands in config/."""
    if name:
        return read_frozen_policy(home.policies / name, home.key()).policy
    return read_policy(configuration() / "policy.yaml")


def _edge_below(policy: Policy, churn: float) -> float:
    """Where the next lower band ends; in the lowest band, where that one ends."""
    edges = [band.below for band in policy.risk_bands]
    return max([edge for edge in edges if edge <= churn], default=edges[0])


def _reasons(histories: Histories, bundle: Bundle, assessed: Assessment) -> list[dict[str, Any]]:
    facts, money = assessed.facts, Money(histories.currency, histories.minor_units)
    words = words_of(assessed, bundle.scorer)
    aloud, inside = (
        reasons(words, facts.values, facts.names, money, to_service=to_service)[0]
        for to_service in (False, True)
    )
    return [
        {
            "topic": each.topic,
            "fact": each.fact,
            "value": each.value,
            "effect": each.effect,
            "audience": each.audience,
            "en": each.english,
            "zh": each.chinese,
            "to_service": {"en": full.english, "zh": full.chinese},
        }
        for each, full in zip(aloud, inside, strict=True)
    ]


def _topics(bundle: Bundle, assessed: Assessment) -> list[dict[str, Any]]:
    """All of them, the strongest first; with the log-odds of nobody in particular they make the score's."""
    scorer = bundle.scorer
    told = scorer.contributions(assessed.facts.values, assessed.facts.names)
    topics = grouping(scorer.names).topics
    effects = topic_effects(told, scorer.names)[0].tolist()
    each = zip(topics, effects, strict=True)
    return [
        {"topic": topic.name, "en": topic.english, "zh": topic.chinese, "effect": effect}
        for topic, effect in sorted(each, key=lambda pair: -abs(pair[1]))
    ]


def _counterfactual(found: Counterfactual) -> dict[str, Any]:
    return {
        "below": found.below,
        "enough": [_scenario(each) for each in found.enough],
        "lowest": None if found.lowest is None else _scenario(found.lowest),
        "en": found.english,
        "zh": found.chinese,
    }


def _scenario(scenario: Scenario) -> dict[str, Any]:
    return {
        "changes": [
            {"lever": each.lever, "effort": each.effort, "en": each.english, "zh": each.chinese}
            for each in scenario.changes
        ],
        "churn_probability": scenario.churn,
    }


def render(result: dict[str, Any]) -> list[Any]:
    who = f"{result['customer_id']} as of {result['moment']}"
    if result["churn_probability"] is None:
        return [f"{who}: {result['status']}; the models do not speak of this customer"]
    band = result["risk_band"]
    said = [[f"{each['en']}\n{each['zh']}", f"{each['effect']:+.2f}"] for each in result["reasons"]]
    inside = [
        [f"{each['to_service']['en']}\n{each['to_service']['zh']}", each["audience"]]
        for each in result["reasons"]
        if each["to_service"]["en"] != each["en"]
    ]
    change = result["what_would_have_to_change"]
    others = [
        [" and ".join(part["en"] for part in each["changes"]), f"{each['churn_probability']:.0%}"]
        for each in change["enough"]
    ]
    topics = [
        [f"{each['en']} {each['zh']}", f"{each['effect']:+.2f}"]
        for each in result["topics"]
        if abs(each["effect"]) >= 0.005
    ]
    return [
        f"{who}: {result['churn_probability']:.0%} likely to leave ({band['en']} {band['zh']})",
        grid("Reasons, to be said aloud", ["reason", "log-odds"], said),
        *(
            [grid("For those who serve the customer", ["reason", "who may hear it"], inside)]
            if inside
            else []
        ),
        grid("All topics", ["topic", "log-odds"], topics),
        grid("What would have to change", ["the customer ...", "expected"], others)
        if others
        else "What would have to change",
        change["en"],
        change["zh"],
    ]
