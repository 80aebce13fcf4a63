"""`holdfast policy diff A B`: who would change tier, class, plan or action, and what it would cost."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from decisions.bid import bids_of
from decisions.budget import solve_price, spending, spent
from decisions.choice import NOTHING, Choices, choose
from decisions.freezing import freeze, frozen_for
from decisions.frozen import Frozen
from decisions.holdout import is_held_out
from decisions.offer_list import read_offers
from decisions.policy import Policy, read_policy
from decisions.policy_change import Names, benefit_cost, change, changes
from decisions.segment import Segments, measured_of, segments
from pipelines.as_of import source_of
from pipelines.configuration import configuration
from pipelines.policy import OFFERS
from pipelines.policy_base import SPEND, Everybody, Places, published_statistics, read_everybody, subject
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
        last or freeze(policy, everybody.known, stage, t, source)
        for last, policy, stage in zip(kept, policies, everybody.stages, strict=True)
    ]
    sides = [
        _side(*each, everybody, histories.ids, offers, t)
        for each in zip(policies, frozen, everybody.stages, strict=True)
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
    unsaid.append("caps, quiet hours, parts of the budget and eligibility are not in the choice yet")
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
    stage: Places,
    everybody: Everybody,
    ids: Names,
    offers: tuple[Offer, ...],
    t: int,
) -> Side:
    known = everybody.known
    found = segments(policy, known, frozen, stage)
    measured = measured_of(policy, known, frozen)
    cost: dict[str, Any] = benefit_cost(policy, measured, found, known(SPEND))._asdict()
    choices = None
    if everybody.scores is not None:
        held_out = is_held_out(ids, policy.holdout.share, policy.holdout.salt)
        given = (everybody.scores, offers, everybody.consents, held_out, policy, t)
        bids = bids_of(choose(*given, 0.0))
        price = solve_price(spending([bids], len(ids)), policy.weekly_budget)
        choices = choose(*given, price)
        rows = np.flatnonzero(choices.chosen != NOTHING)
        cost = {
            "offers": len(rows),
            "offer_cost": spent(choices),
            "offer_net_value": float(choices.net_value[rows, choices.chosen[rows]].sum()),
            "price": price,
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
