"""The week's plan: prices of all limits over everybody, and what is set aside for whom.

The solver (decisions.solver) finds both; where the policy explores, the lot is drawn at its prices and those
it decides for get that offer or none, before the rest is fitted into the limits once more.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.arbitration import Block
from decisions.choice import Choices, Market, Reserved, best_worth, decide
from decisions.circumstance import Circumstances
from decisions.exploration import draw
from decisions.option import Options
from decisions.policy import Policy
from decisions.solver import Solution, settle, solve

ROWS_AT_ONCE = 16_384
THREADS = 2


class Part(NamedTuple):
    """Some customers: what they may be offered (mapped files, if many), who they are, who is held out."""

    may: Options
    ids: npt.NDArray[np.object_]
    held_out: npt.NDArray[np.bool_]


class Plan(NamedTuple):
    """market: prices, and what is left of each limit; reserved: one a part; value: expected net value of what
    is reserved, minor units; gap: the share of it that no plan could add."""

    market: Market
    reserved: tuple[Reserved, ...]
    value: float
    gap: float


def plan_week(parts: Sequence[Part], policy: Policy, t: int, market: Market) -> Plan:
    """Takes a byte an offer and customer beside the parts. Raises Refused for limits that contradict each
    other."""
    minimum = policy.minimum_net_value
    blocks = [_block(part) for part in parts]
    found = solve(blocks, market.terms, market.limits, minimum, threads=THREADS)
    if policy.exploration:
        priced = market.at(found.prices)
        drawn = [_drawn(*each, policy, t, priced) for each in zip(parts, blocks, strict=True)]
        found = settle(drawn, market.terms, market.limits, minimum, found.prices, threads=THREADS)
    return _plan(market, found)


def planned(may: Options, who: Circumstances, policy: Policy, t: int, market: Market) -> tuple[Plan, Choices]:
    """The plan for customers at hand, and the choices that follow from it."""
    plan = plan_week([Part(may, who.ids, who.held_out)], policy, t, market)
    return plan, decide(may, who, policy, t, spent_out(plan.market), plan.reserved[0])


def spent_out(market: Market) -> Market:
    """The same prices with nothing left beside what is reserved: the plan itself is made of all there is."""
    return market.at(market.prices, np.zeros(len(market.prices)))


def _block(part: Part) -> Block:
    """Who is held out takes nothing of any limit."""
    allowed = np.where(part.held_out[:, None], np.uint8(0), part.may.allowed)
    return Block(part.may.uplift, part.may.response, allowed)


def _plan(market: Market, found: Solution) -> Plan:
    reserved = tuple(
        Reserved(choice.offer.astype(np.int64), choice.channel.astype(np.int64)) for choice in found.choices
    )
    left = market.limits.bounds - found.usage
    return Plan(market.at(found.prices, left), reserved, found.value, found.gap)


def _drawn(part: Part, block: Block, policy: Policy, t: int, priced: Market) -> Block:
    """The block in which those the lot decides for may get what was drawn and nothing else."""
    allowed = block.allowed.copy()
    for begin in range(0, len(allowed), ROWS_AT_ONCE):
        rows = slice(begin, begin + ROWS_AT_ONCE)
        worth = best_worth(part.may.rows(rows), priced, policy.minimum_net_value)
        lot = draw(worth, part.ids[rows], policy, t)
        others = np.arange(allowed.shape[1]) != lot.offer[:, None]
        allowed[rows][lot.is_lot[:, None] & others] = 0
    return block._replace(allowed=allowed)
