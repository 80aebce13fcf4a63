"""Two models under one metric on the same bootstrap resamples of customers: each, and the difference."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.metric import REPLICATES, Floats, Interval, Metric

SEED = 7


class Paired(NamedTuple):
    """95 % percentile intervals; ahead: ours less theirs."""

    ours: Interval
    theirs: Interval
    ahead: Interval


def paired(
    metric: Metric, ours: Floats, theirs: Floats, happened: Floats, customer: npt.NDArray[np.int64]
) -> Paired:
    """ours, theirs: what the two promise of each row; customer: whose it is, drawn with all of its rows."""
    member = np.unique(customer, return_inverse=True)[1]
    n = int(member.max()) + 1
    random = np.random.default_rng(SEED)
    # Rows in order of the promise: metrics sort by it, and sorting what is sorted is quick.
    orders = [np.argsort(each, kind="stable") for each in (ours, theirs)]
    parts = [(p[rows], happened[rows], rows) for p, rows in zip((ours, theirs), orders, strict=True)]

    def figures(weight: Floats) -> tuple[float, float]:
        a, b = (metric(p, y, weight[rows]) for p, y, rows in parts)
        return a, b

    whole = figures(np.ones(len(happened)))
    draws = [
        figures(np.bincount(random.integers(n, size=n), minlength=n).astype(np.float64)[member])
        for _ in range(REPLICATES)
    ]
    drawn = np.array(draws)

    def interval(value: float, values: Floats) -> Interval:
        low, high = np.nanpercentile(values, [2.5, 97.5]) if np.isfinite(values).any() else (np.nan,) * 2
        return Interval(value, float(low), float(high))

    return Paired(
        interval(whole[0], drawn[:, 0]),
        interval(whole[1], drawn[:, 1]),
        interval(whole[0] - whole[1], drawn[:, 0] - drawn[:, 1]),
    )
