"""Frozen numbers: what the policy states as a statistic of the base, as it was when it was frozen.

"The best fifth" is another number every week. So that a customer keeps the tier until the policy is released
again, the number is taken once and published with the policy; every week until the next release is held
against it.
"""

import numpy as np
import numpy.typing as npt
from pydantic import Field

from decisions.measure import LeadingShare, Statistic
from decisions.setting import Part

Floats = npt.NDArray[np.float64]
KINDS = ("person", "company")
UNKNOWN_KIND = "unknown"
NOBODY = -1
# The ranks of a signal are read off this many values of it, at equal steps of rank.
RANK_STEPS = 20


class Frozen(Part):
    """What was frozen. stated: the hash of all statements it answers, so that another policy's is not taken
    for one's own; source: of the base it was taken from; moment: microseconds; numbers: statement -> kind ->
    value, without those of kinds with fewer than `least` customers; ranks: signal -> kind -> its values at
    1/20, 2/20 ... of the customers; cells: the cell whose plan each cell takes (empty: its own)."""

    stated: str = ""
    source: str = ""
    moment: int = 0
    customers: int = 0
    numbers: dict[str, dict[str, float]] = Field(default_factory=dict)
    ranks: dict[str, dict[str, tuple[float, ...]]] = Field(default_factory=dict)
    cells: tuple[int, ...] = ()


NOTHING_FROZEN = Frozen()


def statement(measure: str, threshold: Statistic) -> str:
    return f"{measure}: {threshold.word}"


def frozen_number(frozen: Frozen, stated: str, kind: str) -> float:
    return frozen.numbers.get(stated, {}).get(kind, float("nan"))


def number_of(values: Floats, threshold: Statistic) -> float:
    """The statistic of known values, shape (customers,); an observed value, so that equals stay together."""
    values = np.sort(values[~np.isnan(values)])
    if isinstance(threshold, LeadingShare):
        falling = values[::-1]
        reached = np.cumsum(np.maximum(falling, 0.0))
        if not len(values) or reached[-1] <= 0:
            return float("nan")
        return float(falling[np.searchsorted(reached, threshold.leading_share * reached[-1])])
    # The smallest value with at least this share at or below it; what floats add to n * q is taken off.
    place = int(np.ceil(threshold.quantile * len(values) - 1e-9)) - 1
    return float(values[max(place, 0)]) if len(values) else float("nan")


def rank_values(values: Floats) -> tuple[float, ...]:
    """The values at each twentieth of the known ones; none where nothing is known."""
    values = values[~np.isnan(values)]
    if not len(values):
        return ()
    shares = np.arange(1, RANK_STEPS) / RANK_STEPS
    return tuple(np.quantile(values, shares, method="inverted_cdf").tolist())
