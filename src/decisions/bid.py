"""Bids: of every customer's offers, what the search for the budget's price needs, and nothing else.

An offer is bid for when every rule but the price allows it (the choice at price 0 says so). Of those, an offer
below the line between two others, in the plane of cost and net value, is chosen at no price: only the upper
hull stays, two or three offers of forty. What stays is compared exactly as `choose` does, in the same order,
so that both say the same at every price.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.choice import Choices, Why
from tables.compiled import compiled

Floats = npt.NDArray[np.float64]
# How far below the hull an offer must lie before it goes: far more than what rounding may do to `choose`.
CLEARLY = 1e-12


class Bids(NamedTuple):
    """ends: where each customer's bids end, shape (customers,); net and cost: minor units, shape (bids,)."""

    ends: npt.NDArray[np.int64]
    net: Floats
    cost: Floats


def bids_of(choices: Choices) -> Bids:
    """The bids of customers whose `choices` were made at price 0."""
    allowed = (choices.why == Why.CHOSEN) | (choices.why == Why.OUTRANKED)
    kept = np.zeros_like(allowed)
    _mark_hull(choices.net_value, choices.cost, allowed, kept)
    return Bids(np.cumsum(kept.sum(axis=1)), choices.net_value[kept], choices.cost[kept])


def joined(parts: list[Bids]) -> Bids:
    sizes = [len(part.net) for part in parts]
    begins = np.cumsum([0, *sizes])[:-1]
    return Bids(
        np.concatenate([part.ends + begin for part, begin in zip(parts, begins, strict=True)]),
        np.concatenate([part.net for part in parts]),
        np.concatenate([part.cost for part in parts]),
    )


def costs_at(bids: Bids, price: float, out: Floats) -> int:
    """Fill `out` with the cost of each customer's choice at this price, for those who get one; how many."""
    return int(_costs(bids.ends, bids.net, bids.cost, price, out))


@compiled
def _costs(ends: Any, nets: Any, costs: Any, price: float, out: Any) -> int:
    count = 0
    begin = 0
    for customer in range(len(ends)):
        end = ends[customer]
        best, paid = -np.inf, 0.0
        for k in range(begin, end):
            charged = price * costs[k]
            worth = nets[k] - charged
            if nets[k] > charged and worth > best:
                best, paid = worth, costs[k]
        if best > -np.inf:
            out[count] = paid
            count += 1
        begin = end
    return count


@compiled
def _mark_hull(net: Any, cost: Any, allowed: Any, kept: Any) -> None:
    """Mark the allowed offers that lie on the upper hull over (0, 0), or so near that rounding may decide."""
    offers = net.shape[1]
    hull = np.empty(offers + 1, np.int64)
    for row in range(len(net)):
        n, c = net[row], cost[row]
        order = np.argsort(c)
        most = 0.0
        for k in range(offers):
            if allowed[row, k] and n[k] > most:
                most = n[k]
        size = 0
        for k in order:
            if not allowed[row, k]:
                continue
            # Costs rise: whoever earns no more than the last of the hull does not belong to it.
            if size > 0 and n[k] <= n[hull[size - 1]]:
                continue
            while size > 0:
                last = hull[size - 1]
                n0, c0 = (n[hull[size - 2]], c[hull[size - 2]]) if size > 1 else (0.0, 0.0)
                if (n[last] - n0) * (c[k] - c0) > (n[k] - n0) * (c[last] - c0):
                    break
                size -= 1
            hull[size] = k
            size += 1
        for k in range(offers):
            if not allowed[row, k]:
                continue
            above = 0.0
            n0, c0 = 0.0, 0.0
            for h in range(size):
                n1, c1 = n[hull[h]], c[hull[h]]
                if c[k] >= c1:
                    above = n1
                elif c[k] >= c0:
                    above = n0 + (n1 - n0) * ((c[k] - c0) / (c1 - c0))
                n0, c0 = n1, c1
            kept[row, k] = n[k] >= above - CLEARLY * most
