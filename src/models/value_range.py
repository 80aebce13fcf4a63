"""The interval of a value: what four customers in five with this expected value brought.

Conformal: quantiles of what came, among customers of one expected value which the model that promised had
not seen. No further model, so it costs nothing where millions are scored.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SHARE = 0.8
GROUPS = 24
LEAST_IN_GROUP = 50


class ValueRange(NamedTuple):
    """Ends of the interval (minor units) at rising expected values, straight lines between them."""

    expected: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __call__(self, value: Floats) -> tuple[Floats, Floats]:
        """(low, high) for expected values, shape (customers,). Neither falls when the value rises, and the
        interval holds the value; beyond the largest one seen it grows in proportion."""
        most = self.expected[-1]
        beyond = np.maximum(value / most, 1.0) if most > 0 else np.ones(np.shape(value))
        low = np.interp(value, self.expected, self.low)
        high = np.interp(value, self.expected, self.high)
        return np.minimum(np.where(low > 0, low * beyond, low), value), np.maximum(high * beyond, value)


def fit_value_range(expected: Floats, came: Floats) -> ValueRange:
    """From predictions for rows the model did not see, and what came; shape (rows,).

    Where many bring nothing the lower end is 0, and the upper one leaves out the whole fifth that may lie
    outside: an interval from the 10th to the 90th of a hundred would hold more than it says.
    """
    order = np.argsort(expected, kind="stable")
    groups = np.array_split(order, max(1, min(GROUPS, len(order) // LEAST_IN_GROUP)))
    ends = [_ends(np.sort(came[rows])) for rows in groups]
    # Only ever wider: where a group of larger values says less, its neighbour's end stands.
    low = np.minimum.accumulate([low for low, _ in ends][::-1])[::-1]
    high = np.maximum.accumulate([high for _, high in ends])
    middle = np.maximum.accumulate([float(expected[rows].mean()) for rows in groups])
    return ValueRange(tuple(middle.tolist()), tuple(low.tolist()), tuple(high.tolist()))


def _ends(came: Floats) -> tuple[float, float]:
    """The conformal interval of sorted outcomes: a new one lies inside with at least SHARE."""
    n = len(came)
    below = int(np.floor((n + 1) * (1 - SHARE) / 2))  # so many may lie below the lower end
    low = float(came[max(below - 1, 0)])
    under = int(np.searchsorted(came, low, side="left"))
    last = min(n, under + 1 + int(np.ceil((n + 1) * SHARE)))
    return low, float(came[last - 1])
