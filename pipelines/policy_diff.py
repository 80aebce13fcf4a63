"""`holdfast policy diff A B`: who would change tier, class, plan or action, and what it would cost."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from decisions.choice import NOTHING, Choices, free_market
from decisions.circumstance import Circumstances
from decisions.freezing import freeze, frozen_for
from decisions.frozen import Frozen
from decisions.offer_list import read_offers
from decisions.option import options
from decisions.plan import planned
from decisions.policy import Policy, read_policy
from decisions.policy_change import Names, benefit_cost, change, changes
from decisions.segment import Segments, measured_of
from decisions.standing import Standing
from models.scorer import Scores
from pipelines.as_of import source_of
from pipelines.configuration import configuration
from pipelines.policy import OFFERS
from pipelines.policy_base import SPEND, published_statistics, read_everybody, subject
from pipelines.terminal import grid
from releases.bundle import read_bundle
from releases.home import Home
from tables.moment import in_zone
from tables.offer import Offer, offers_at

MOVES_SHOWN = 5


class Side(NamedTuple):
    """What one policy makes of everybody; choices and names are None without a bundle."""

    policy: Policy
    segments: Segments
    choices: Choices | None
    cost: dict[str, Any]


def diff(home: Home, before: Path, after: Path) -> dict[str, Any]:
    """Both policies over the same customers, moment, offers and models. Statistics are those published, where
    they answer a policy, else frozen from this base."""
    policies = (read_policy(before), read_policy(after))
    folder, histories, t, bundle_name = subject(home)
    key = home.key()
    bundle = read_bundle(home.bundles / bundle_name, key) if bundle_name else None
    own = configuration() / OFFERS
    offers = read_offers(own, offers_at(folder / "tables", t), histories.time_zone)
    everybody = read_everybody(histories, t, policies, offers, bundle)
    published, source = published_statistics(home), source_of(folder)
    kept = [frozen_for(policy, published, source) for policy in policies]
    frozen = [
        last or freeze(policy, standing.known, standing.stage, t, source)
        for last, policy, standing in zip(kept, policies, everybody.standings, strict=True)
    ]
    sides = [
        _side(*each, everybody.scores, offers, t)
        for each in zip(policies, frozen, everybody.standings, everybody.circumstances, strict=True)
    ]
    taken = ["published" if last else "taken anew" for last in kept]
    found = [*changes(policies, (sides[0].segments, sides[1].segments))]
    unsaid = []
    if bundle:
        named = [_chosen(side, offers) for side in sides]
        found.append(change("action", named[0], named[1]))
    else:
        unsaid.append(
            "no bundle is published: churn, value and the effect of offers are not known, and so are neither "
            "classes that need them nor who would get another offer"
        )
    return {
        "before": {"policy": str(before), "name": policies[0].name, "statistics": taken[0], **sides[0].cost},
        "after": {"policy": str(after), "name": policies[1].name, "statistics": taken[1], **sides[1].cost},
        "moment": in_zone(t, histories.time_zone).isoformat(),
        "customers": len(histories),
        "money": {"currency": histories.currency, "minor_units": histories.minor_units},
        "changes": [each._asdict() for each in found if each.changed],
        "unchanged": [each.name for each in found if not each.changed],
        "stated_differently": differences(policies),
        "not_said": unsaid,
    }


def differences(policies: tuple[Policy, Policy]) -> list[str]:
    """The parts of the policy that are stated differently."""
    one, other = (policy.model_dump() for policy in policies)
    return [name for name in one if one[name] != other[name]]


def _side(
    policy: Policy,
    frozen: Frozen,
    standing: Standing,
    who: Circumstances,
    scores: Scores | None,
    offers: tuple[Offer, ...],
    t: int,
) -> Side:
    known = standing.known
    found = standing.segments(policy, frozen)
    measured = measured_of(policy, known, frozen)
    cost: dict[str, Any] = benefit_cost(policy, measured, found, known(SPEND))._asdict()
    choices = None
    if scores is not None:
        may = options(scores, offers, who, found, policy, t)
        plan, choices = planned(may, who, policy, t, free_market(policy, offers))
        rows = np.flatnonzero(choices.chosen != NOTHING)
        cost = {
            "offers": len(rows),
            "offer_cost": float(choices.cost[rows, choices.chosen[rows]].sum()),
            "offer_net_value": float(choices.net_value[rows, choices.chosen[rows]].sum()),
            "prices": dict(zip(plan.market.limits.names, plan.market.prices.tolist(), strict=True)),
            "benefits": cost,
        }
    else:
        cost = {"benefits": cost}
    return Side(policy, found, choices, cost)


def _chosen(side: Side, offers: tuple[Offer, ...]) -> Names:
    assert side.choices is not None
    return np.array([*(offer.offer_id for offer in offers), "no offer"], dtype=object)[side.choices.chosen]


def render(result: dict[str, Any]) -> list[Any]:
    share = max(result["customers"], 1)
    rows = [
        [
            each["name"],
            each["changed"],
            f"{each['changed'] / share:.1%}",
            "\n".join(f"{a} > {b}: {n:,}" for a, b, n in each["moves"][:MOVES_SHOWN]),
        ]
        for each in result["changes"]
    ]
    parts: list[Any] = []
    if rows:
        parts.append(grid("Who would change", ["what", "customers", "share", "from > to"], rows))
    money = result["money"]

    def amount(minor: float) -> str:
        return f"{minor / money['minor_units']:,.2f} {money['currency']}"

    sides = (result["before"], result["after"])
    costs = [["benefits a year", *(amount(side["benefits"]["a_year"]) for side in sides)]]
    if "offers" in sides[0]:
        costs += [["offers given in the week", *(f"{side['offers']:,}" for side in sides)]]
        words = {"offer_cost": "their expected cost", "offer_net_value": "their expected net value"}
        costs += [[name, *(amount(side[word]) for side in sides)] for word, name in words.items()]
    parts.append(grid("What it costs", ["", *(side["name"] for side in sides)], costs))
    stated = ", ".join(result["stated_differently"]) or "nothing"
    count = f"{result['customers']:,} customers as of {result['moment'][:10]}"
    statistics = f"statistics of the base: before {sides[0]['statistics']}, after {sides[1]['statistics']}"
    return [*parts, *result["not_said"], statistics, f"{count}; stated differently: {stated}"]
