"""The cost curve: what offers earn for what they cost, from the most promising on.

For one offer or many: each row is a customer with the offer that is proposed, its rank, what the offer earned
and what it cost there. From a past that randomised, what it earned is known up to noise of mean zero
(`gains`), which vanishes in sums.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class CostCurve(NamedTuple):
    """cost and net: minor units a row when the most promising so many rows are given their offer; both begin
    with 0. Rows promised nothing (a negative net value) are left out of both."""

    cost: Floats
    net: Floats


class Ranked(NamedTuple):
    """A curve's rows from the most promising on, ready for many weights: those promised something, and what
    all rows' offers cost together."""

    order: npt.NDArray[np.int64]
    net: Floats
    cost: Floats
    all_cost: Floats

    def curve(self, weight: Floats) -> CostCurve:
        """weight: how often each row counts, in the rows' first order."""
        total, w = weight.sum(), weight[self.order]
        return CostCurve(
            np.r_[0.0, np.cumsum(w * self.cost) / total], np.r_[0.0, np.cumsum(w * self.net) / total]
        )

    def area(self, weight: Floats) -> float:
        """Net value a row, on average over all budgets from nothing to what all rows' offers cost together.
        One figure of a curve, that rises by good choices first and by stopping where offers no longer earn.
        """
        whole = float((weight * self.all_cost).sum() / weight.sum())
        if whole <= 0:
            return float("nan")
        curve = self.curve(weight)
        # Costs come with noise; a curve that seems to run backwards for a moment stands still.
        spent = np.minimum(np.maximum.accumulate(curve.cost), whole)
        inside = float(np.trapezoid(curve.net, spent))
        return (inside + float(curve.net[-1]) * (whole - float(spent[-1]))) / whole

    def end(self, weight: Floats) -> float:
        """Net value a row when every row promised something is given its offer: an unlimited budget."""
        return float((weight[self.order] * self.net).sum() / weight.sum())


def gains(outcome: Floats, contacted: Floats, chance: Floats, expected: Floats) -> Floats:
    """What contacting added, a row, with noise of mean zero. chance: of having been contacted; expected: any
    forecast of the outcome that does not know whether it was (the nearer, the less noise)."""
    return np.asarray((outcome - expected) * (contacted - chance) / (chance * (1 - chance)))


def ranked(rank: Floats, net: Floats, cost: Floats) -> Ranked:
    """rank: net value promised for a unit of cost; net, cost: what came, a row; all of shape (rows,)."""
    order = np.argsort(-rank, kind="stable")
    order = order[rank[order] > 0]
    return Ranked(order, net[order], cost[order], cost)
