"""A customer's facts as ranks: what a linear model can take, whatever the facts' shape."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tables.compiled import compiled

Floats = npt.NDArray[np.float64]
KNOTS = 33
# A fact that fewer customers miss needs no column of its own for missing.
OFTEN_MISSING = 0.01
SPREAD = float(np.sqrt(12.0))  # of ranks between 0 and 1: the columns get variance one


@dataclass(frozen=True)
class Basis:
    """knots: (facts, KNOTS), quantiles of each fact; ranks: (facts, KNOTS), the rank of each, ties in the
    middle; missing: the facts whose absence is a column of its own."""

    knots: Floats
    ranks: Floats
    missing: tuple[int, ...]

    @property
    def width(self) -> int:
        return 1 + len(self.knots) + len(self.missing)

    def __call__(self, facts: Floats) -> Floats:
        """Shape (columns, customers): one, each fact's rank about its middle (0 where missing), and what is
        missing. Columns first: each is written at once."""
        columns = np.empty((self.width, len(facts)))
        _fill(facts, self.knots, self.ranks, np.array(self.missing, np.int64), columns)
        return columns


@compiled
def _fill(facts: Any, knots: Any, ranks: Any, missing: Any, columns: Any) -> None:
    for row in range(len(facts)):
        columns[0, row] = 1.0
    for k in range(len(knots)):
        for row in range(len(facts)):
            told = facts[row, k]
            known = not np.isnan(told)
            columns[1 + k, row] = (_between(told, knots[k], ranks[k]) - 0.5) * SPREAD if known else 0.0
    for k in range(len(missing)):
        for row in range(len(facts)):
            columns[1 + len(knots) + k, row] = 1.0 if np.isnan(facts[row, missing[k]]) else 0.0


@compiled
def _between(told: float, knots: Any, ranks: Any) -> float:
    """np.interp, step by step, of one number."""
    if told < knots[0]:
        return float(ranks[0])
    low, high = 0, len(knots)
    while high - low > 1:
        middle = (low + high) // 2
        if knots[middle] <= told:
            low = middle
        else:
            high = middle
    if high == len(knots) or knots[low] == told:
        return float(ranks[low])
    slope = (ranks[high] - ranks[low]) / (knots[high] - knots[low])
    return float(slope * (told - knots[low]) + ranks[low])


def fit_basis(facts: Floats) -> Basis:
    """The basis of the customers in the rows of `facts`; columns that hold nothing get rank one half."""
    knots, ranks = np.empty((facts.shape[1], KNOTS)), np.empty((facts.shape[1], KNOTS))
    for k in range(facts.shape[1]):
        known = np.sort(facts[:, k][np.isfinite(facts[:, k])])
        if len(known) == 0:
            knots[k], ranks[k] = np.arange(KNOTS), 0.5
            continue
        # Distinct knots, or np.interp would not know between which it stands.
        told = np.unique(np.quantile(known, np.linspace(0, 1, KNOTS), method="nearest"))
        middle = (np.searchsorted(known, told, "left") + np.searchsorted(known, told, "right")) / 2
        knots[k] = np.r_[told, told[-1] + 1.0 + np.arange(KNOTS - len(told))]
        ranks[k] = np.r_[middle, np.full(KNOTS - len(told), middle[-1])] / len(known)
    share = np.isnan(facts).sum(axis=0) / max(1, len(facts))
    return Basis(knots, ranks, tuple(int(k) for k in np.flatnonzero(share > OFTEN_MISSING)))
