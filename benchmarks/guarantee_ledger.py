"""A plain ledger of what was given, and what of it breaks a promise: it reads the policy, not our arrays."""

import math
from collections import Counter
from typing import NamedTuple

import numpy as np

from benchmarks.guarantee_world import World
from decisions.choice import NOTHING
from tables.contract import CONTACT_CHANNELS

# Sums of floating-point numbers, in a share of the bound; what is counted itself is in integers.
ROUNDING = 1e-9


class Given(NamedTuple):
    """One decision that gave something: places of the customer, the offer and the channel."""

    customer: int
    offer: int
    channel: int
    is_reserved: bool


def violations(world: World, given: list[Given], *, batch: bool = False) -> Counter[str]:
    """How often each promise was broken. batch: `given` is the week itself; otherwise what was made online,
    for which the week's reservations were set aside."""
    broken: Counter[str] = Counter()
    bits = world.who.consents
    for each in given:
        offer, name = world.offers[each.offer], CONTACT_CHANNELS[each.channel]
        unknown = np.isnan(bits[each.customer])
        agreed = (
            world.policy.unknown_consent == "allow"
            if unknown
            else bool(int(bits[each.customer]) >> each.channel & 1)
        )
        broken["consent"] += not agreed
        broken["channel"] += name not in offer.channels
        broken["holdout"] += bool(world.who.held_out[each.customer])
        reserved = world.reserved
        set_aside = (reserved.offer[each.customer], reserved.channel[each.customer])
        broken["reserved, but not set aside"] += each.is_reserved and set_aside != (each.offer, each.channel)
    broken["reserved, and given twice"] = _twice(given)
    broken["cap"] = _over_caps(world, given)
    broken["budget"] = _over_budgets(world, given, batch=batch)
    return broken


def _twice(given: list[Given]) -> int:
    times = Counter(each.customer for each in given if each.is_reserved)
    return sum(many - 1 for many in times.values())


def _over_caps(world: World, given: list[Given]) -> int:
    broken = 0
    for k, cap in enumerate(world.policy.caps):
        made: Counter[int] = Counter()
        for each in given:
            on_it = not cap.channels or CONTACT_CHANNELS[each.channel] in cap.channels
            of_it = not cap.kinds or world.offers[each.offer].kind in cap.kinds
            # A contact that a cap does not speak of counts against nothing.
            if on_it and of_it:
                made[each.customer] += 1
        for customer, many in made.items():
            known = world.who.contacts[customer, k]
            broken += not known + many <= cap.contacts  # nan: not known, so nothing may be told
    return broken


def _over_budgets(world: World, given: list[Given], *, batch: bool) -> int:
    """Money and contacts as the policy states them: what the week set aside, and what was made beyond it."""
    set_aside = [
        Given(customer, int(offer), int(world.reserved.channel[customer]), True)
        for customer, offer in enumerate(world.reserved.offer)
        if offer != NOTHING
    ]
    spent = given if batch else [*set_aside, *(each for each in given if not each.is_reserved)]
    costs = [_cost(world, each) for each in spent]
    broken = _over(math.fsum(costs), world.policy.weekly_budget)
    for budget in world.policy.budgets:
        inside = [
            (not budget.kinds or world.offers[each.offer].kind in budget.kinds)
            and (not budget.channels or CONTACT_CHANNELS[each.channel] in budget.channels)
            for each in spent
        ]
        of_it = [cost for cost, is_in in zip(costs, inside, strict=True) if is_in]
        if budget.weekly is not None:
            broken += _over(math.fsum(of_it) if budget.of == "money" else len(of_it), budget.weekly)
        if budget.least_share is not None:
            broken += _over(budget.least_share * len(spent) - len(of_it), 0)
    return broken


def _cost(world: World, each: Given) -> float:
    offer = world.offers[each.offer]
    own = next(one.cost for one in world.policy.channels if one.name == CONTACT_CHANNELS[each.channel])
    response = float(world.scores.response[each.customer, each.offer])
    return offer.contact_cost + own + response * offer.cost


def _over(used: float, bound: float) -> int:
    return int(used > bound + ROUNDING * max(abs(bound), 1.0))
