"""The truth at a moment: what each offer would have done to each customer, by backward recursion.

Within a block (a wave to the next) every quantity is a function of the hidden state, so that one step back
through a week is a product with its 3 x 3 matrix; at a wave the later blocks are averaged over the logging
policy. Nothing is sampled: the numbers are exact up to rounding.
"""

from dataclasses import dataclass

import numpy as np

from simulator.catalogue import COST_RATIO, MEAN_MARKUP, STEP
from simulator.dynamics import (
    ANSWERED_LATE,
    COMPLAINING,
    PURCHASING,
    STATES,
    VIEWING,
    Effects,
    effects,
    hurt,
    purchase_rate,
    transition,
)
from simulator.offer import Offer
from simulator.policy import offer_probabilities
from simulator.population import Floats, Population
from simulator.purchase import FAVOURITE_SHARE, PROMOTION_STEPS
from simulator.walk import States
from simulator.world import HORIZON_WEEKS, World


@dataclass(frozen=True)
class Truth:
    """What follows (t, t + 91 d]; shape (customers, 1 + offers), column 0 is no contact at t.

    `net_value` is in minor units: margin of the orders placed, less that of their returns, less rewards
    and contact costs. Points given and the cost of service are not in it.
    """

    viewed: Floats
    accepted: Floats
    redeemed: Floats
    churn: Floats
    orders: Floats
    net_value: Floats

    def of_policy(self, probability: Floats) -> "Truth":
        """The mixture over the first action, probability of shape (customers, 1 + offers)."""
        return Truth(*((getattr(self, f) * probability).sum(axis=1) for f in Truth.__dataclass_fields__))


def order_margin(people: Population) -> Floats:
    """Expected margin of an order net of returns, shape (customers,), in minor units."""
    cost = FAVOURITE_SHARE * COST_RATIO[people.favourite]
    cost += (1 - FAVOURITE_SHARE) * COST_RATIO.mean()
    markup = MEAN_MARKUP * (1 + people.bargains * (STEP**PROMOTION_STEPS - 1))
    margin: Floats = people.ticket * (1 - cost * markup) * (1 - people.returning)
    return margin


def action_probabilities(world: World, people: Population, week: int) -> Floats:
    """What the policy does at a wave, shape (customers, 1 + offers); column 0 is no contact."""
    sent = (1 - world.holdout) * offer_probabilities(world, week)[people.office]
    sent *= people.may_be_contacted(week)[:, None]
    return np.concatenate([1 - sent.sum(axis=1, keepdims=True), sent], axis=1)


def truth_at(world: World, people: Population, state: States, week: int) -> Truth:
    """The truth for customers in these states as the week, a wave, begins; nothing unborn."""
    if not world.is_wave(week) or (len(state) and state.max() >= STATES):
        raise ValueError(f"week {week} must be a wave, and every customer must have joined")
    what = effects(people, world.offers)
    harm = hurt(people)
    late = people.complaints[:, None] * (COMPLAINING * ANSWERED_LATE)[:STATES]
    harmed = late[:, :, None] * harm + (1 - late)[:, :, None] * np.eye(STATES)
    n = len(people)
    at = np.arange(n)
    # What the later blocks hold, by state: chance of no order, orders, costs; (customers, 1, states).
    later = [np.ones((n, 1, STATES)), np.zeros((n, 1, STATES)), np.zeros((n, 1, STATES))]
    end = week + HORIZON_WEEKS
    for wave in reversed([w for w in range(week, end) if world.is_wave(w)]):
        block = _block(world, people, what, harmed, range(wave, end), later)
        actions = _actions(world.offers, what, *block)
        end = wave
        if wave > week:
            chosen = action_probabilities(world, people, wave)[:, :, None]
            later = [(value * chosen).sum(axis=1, keepdims=True) for value in actions[:3]]
    quiet, orders, costs, redeemed, viewed = (value[at, :, state] for value in actions)
    accepted = viewed * np.concatenate([np.zeros((n, 1)), what.accept], axis=1)
    net_value = order_margin(people)[:, None] * orders - costs
    return Truth(viewed, accepted, redeemed, quiet, orders, net_value)


def _block(
    world: World,
    people: Population,
    what: Effects,
    harmed: Floats,
    weeks: range,
    later: list[Floats],
) -> tuple[list[Floats], Floats]:
    """Step back through a block under every offer's multiplier, and under none (last column).

    Returns the values of `later` as the block begins, shape (customers, offers + 1, states), and the
    chance that an accepted offer is redeemed in the block, shape (customers, offers, states).
    """
    n, k = what.multiplier.shape
    factor = np.concatenate([what.multiplier, np.ones((n, 1))], axis=1)[:, :, None]
    quiet, orders, costs = (np.broadcast_to(value, (n, k + 1, STATES)) for value in later)
    unused = np.ones((n, k, STATES))
    for week in reversed(weeks):
        step = np.swapaxes(harmed @ transition(people, week), 1, 2)
        rate = purchase_rate(world, people, week)[:, None, None] * factor * PURCHASING[:STATES]
        quiet = np.exp(-rate) * (quiet @ step)
        orders = rate + orders @ step
        costs = costs @ step
        unused = np.exp(-rate[:, :k] * what.qualify[:, :, None]) * (unused @ step)
    return [quiet, orders, costs], 1 - unused


def _actions(offers: tuple[Offer, ...], what: Effects, values: list[Floats], used: Floats) -> list[Floats]:
    """Values by first action, shape (customers, 1 + offers, states), column 0 no contact.

    Beside the three values: the chances that the offer is redeemed and that it is viewed.
    """
    k = len(offers)
    view = what.view[:, :, None] * VIEWING[:STATES]
    if_viewed = [(what.jump @ value[:, :k, :, None])[..., 0] for value in values]
    by_action = [
        view * seen + (1 - view) * value[:, k:] for seen, value in zip(if_viewed, values, strict=True)
    ]
    redeemed = view * what.accept[:, :, None] * (what.jump @ used[..., None])[..., 0]
    by_action[2] += redeemed * np.array([offer.cost for offer in offers])[:, None]
    by_action[2] += np.array([offer.contact_cost for offer in offers])[:, None]
    nothing = [value[:, k:] for value in values] + [np.zeros_like(redeemed[:, :1])] * 2
    pairs = zip(nothing, [*by_action, redeemed, view], strict=True)
    return [np.concatenate(pair, axis=1) for pair in pairs]
