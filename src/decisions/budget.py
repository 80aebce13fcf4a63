"""The price of money: what one minor unit of the week's budget is worth, so that choices stay within it."""

from collections.abc import Callable

from decisions.choice import NOTHING, Choices

STEPS = 60


def spent(choices: Choices) -> float:
    """Expected cost of what was chosen, minor units."""
    rows = (choices.chosen != NOTHING).nonzero()[0]
    return float(choices.cost[rows, choices.chosen[rows]].sum())


def solve_price(choose_at: Callable[[float], Choices], budget: float) -> float:
    """The lowest shadow price at which the choices cost no more than `budget` (0 when money is not short).

    The dual of the multiple-choice knapsack with one constraint: cost falls as the price rises, so it is
    found by bisection, always from the side that keeps the budget.
    """
    if spent(choose_at(0.0)) <= budget:
        return 0.0
    low, high = 0.0, 1.0
    while spent(choose_at(high)) > budget:
        low, high = high, high * 2
    for _ in range(STEPS):
        middle = (low + high) / 2
        if spent(choose_at(middle)) > budget:
            low = middle
        else:
            high = middle
    return high
