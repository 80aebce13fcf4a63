"""Several figures on the same resamples of customers, so that their differences are paired."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from models.metric import REPLICATES, Interval, interval_of, resamples

Floats = npt.NDArray[np.float64]
Figure = Callable[[Floats], float]


def paired(
    figures: Mapping[str, Figure],
    groups: npt.NDArray[np.int64],
    against: str,
    *,
    replicates: int = REPLICATES,
) -> tuple[dict[str, Interval], dict[str, Interval]]:
    """Each figure, a function of the rows' weights, with its 95 % percentile interval over customers, and its
    difference from the figure named `against`, on the same resamples."""
    ones = np.ones(len(groups))
    value = {name: figure(ones) for name, figure in figures.items()}
    drawn: dict[str, list[float]] = {name: [] for name in figures}
    for weight in resamples(groups, replicates):
        for name, figure in figures.items():
            drawn[name].append(figure(weight))
    alone = {name: interval_of(value[name], np.array(drawn[name])) for name in figures}
    ahead = {
        name: interval_of(value[name] - value[against], np.subtract(drawn[name], drawn[against]))
        for name in figures
        if name != against
    }
    return alone, ahead
