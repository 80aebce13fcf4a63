"""Resamples of customers, the same for everything that is compared, so that differences are paired."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from models.metric import Interval

Floats = npt.NDArray[np.float64]
SEED = 7


def resamples(groups: npt.NDArray[np.int64], replicates: int) -> Iterator[Floats]:
    """How often each row is drawn when whole groups (customers) are drawn with replacement; shape (rows,)."""
    random = np.random.default_rng(SEED)
    member = np.unique(groups, return_inverse=True)[1]
    n = int(member.max()) + 1
    for _ in range(replicates):
        yield np.bincount(random.integers(n, size=n), minlength=n).astype(np.float64)[member]


def paired(
    figures: Mapping[str, Callable[[Floats], float]],
    groups: npt.NDArray[np.int64],
    against: str,
    *,
    replicates: int = 200,
) -> tuple[dict[str, Interval], dict[str, Interval]]:
    """Each figure, a function of the rows' weights, with its 95 % percentile interval over customers, and its
    difference from the figure named `against`, on the same resamples."""
    ones = np.ones(len(groups))
    value = {name: figure(ones) for name, figure in figures.items()}
    drawn: dict[str, list[float]] = {name: [] for name in figures}
    for weight in resamples(groups, replicates):
        for name, figure in figures.items():
            drawn[name].append(figure(weight))
    alone = {name: _interval(value[name], drawn[name]) for name in figures}
    ahead = {
        name: _interval(value[name] - value[against], np.subtract(drawn[name], drawn[against]).tolist())
        for name in figures
        if name != against
    }
    return alone, ahead


def _interval(value: float, drawn: list[float]) -> Interval:
    told = np.array(drawn)
    low, high = np.nanpercentile(told, [2.5, 97.5]) if np.isfinite(told).any() else (np.nan, np.nan)
    return Interval(value, float(low), float(high))
