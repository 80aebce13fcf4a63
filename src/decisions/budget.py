"""The price of money: what one minor unit of the week's budget is worth, so that choices stay within it."""

from collections.abc import Callable, Iterable

import numpy as np

from decisions.bid import Bids, costs_at
from decisions.choice import NOTHING, Choices

STEPS = 60


def spent(choices: Choices) -> float:
    """Expected cost of what was chosen, minor units."""
    rows = (choices.chosen != NOTHING).nonzero()[0]
    return float(choices.cost[rows, choices.chosen[rows]].sum())


def solve_price(spent_at: Callable[[float], float], budget: float) -> float:
    """The lowest shadow price at which the choices cost no more than `budget` (0 when money is not short).

    spent_at: the expected cost of everybody's choices at a price. The dual of the multiple-choice knapsack
    with one constraint: cost falls as the price rises, so it is found by bisection, always from the side
    that keeps the budget.
    """
    if spent_at(0.0) <= budget:
        return 0.0
    low, high = 0.0, 1.0
    while spent_at(high) > budget:
        low, high = high, high * 2
    for _ in range(STEPS):
        middle = (low + high) / 2
        if spent_at(middle) > budget:
            low = middle
        else:
            high = middle
    return high


def spending(bids: Iterable[Bids], customers: int) -> Callable[[float], float]:
    """What everybody's choices cost at a price: the same sum, to the bit, as `spent` over all of them at
    once, however they are parted. Holds 8 bytes a customer; the bids may be mapped files."""
    parts = tuple(bids)
    costs = np.empty(customers)

    def spent_at(price: float) -> float:
        count = 0
        for part in parts:
            count += costs_at(part, price, costs[count:])
        return float(costs[:count].sum())

    return spent_at
