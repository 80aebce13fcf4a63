"""Bids: of every customer's offers, what the search for the budget's price needs, and nothing else.

An offer is bid for when every rule but the price allows it (the choice at price 0 says so). Of those, one
that lies below the line between two others, in the plane of cost and net value, is chosen at no price: only
the upper hull stays, two or three offers of forty. What stays is compared exactly as `choose` does, in the
same order, so that both say the same at every price.
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
def _hull(net: Any, cost: Any, allowed: Any, hull: Any) -> int:
    """Fill `hull` with the allowed offers on the upper hull over (0, 0), by rising cost; how many."""
    size = 0
    for k in np.argsort(cost):
        # Costs rise: whoever earns no more than the last of the hull does not belong to it.
        if not allowed[k] or (size > 0 and net[k] <= net[hull[size - 1]]):
            continue
        while size > 0:
            last = hull[size - 1]
            net0, cost0 = (net[hull[size - 2]], cost[hull[size - 2]]) if size > 1 else (0.0, 0.0)
            if (net[last] - net0) * (cost[k] - cost0) > (net[k] - net0) * (cost[last] - cost0):
                break
            size -= 1
        hull[size] = k
        size += 1
    return size


@compiled
def _mark_hull(net: Any, cost: Any, allowed: Any, kept: Any) -> None:
    """Mark the allowed offers that lie on the hull, or so near below it that rounding may decide."""
    hull = np.empty(net.shape[1], np.int64)
    for row in range(len(net)):
        own, paid = net[row], cost[row]
        size = _hull(own, paid, allowed[row], hull)
        if size == 0:
            continue
        most = own[hull[size - 1]]
        for k in range(len(own)):
            above, net0, cost0 = 0.0, 0.0, 0.0
            for h in range(size):
                net1, cost1 = own[hull[h]], paid[hull[h]]
                if paid[k] >= cost1:
                    above = net1
                elif paid[k] >= cost0:
                    above = net0 + (net1 - net0) * ((paid[k] - cost0) / (cost1 - cost0))
                net0, cost0 = net1, cost1
            kept[row, k] = allowed[row, k] and own[k] >= above - CLEARLY * most
