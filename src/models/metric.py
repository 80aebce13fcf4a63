"""Metrics of a predicted probability, each as a function of (predicted, happened, weight).

Weights make bootstrap intervals cheap: a resample is a vector of counts. All arrays have shape (rows,).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.calibration import EDGE, log_odds, sigmoid

Floats = npt.NDArray[np.float64]
Metric = Callable[[Floats, Floats, Floats], float]
REPLICATES = 200
BINS = 10
DEBIASED_BINS, LEAST_IN_BIN = 15, 20
GROUPS = 2048


class Interval(NamedTuple):
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


def auc(predicted: Floats, happened: Floats, weight: Floats) -> float:
    """How often a customer who left was ranked above one who stayed (ties count half)."""
    order = np.argsort(predicted, kind="stable")
    p, y, w = predicted[order], happened[order], weight[order]
    starts = np.flatnonzero(np.r_[True, p[1:] != p[:-1]])
    left = np.add.reduceat(w * y, starts)
    stayed = np.add.reduceat(w * (1 - y), starts)
    below = np.cumsum(stayed) - stayed
    pairs = left.sum() * stayed.sum()
    return float((left * (below + stayed / 2)).sum() / pairs) if pairs > 0 else float("nan")


def average_precision(predicted: Floats, happened: Floats, weight: Floats) -> float:
    """The mean share of leavers among those contacted, over all depths of contact at which one is found."""
    order = np.argsort(-predicted, kind="stable")
    p, y, w = predicted[order], happened[order], weight[order]
    ends = np.flatnonzero(np.r_[p[1:] != p[:-1], True])
    found = np.cumsum(w * y)[ends]
    contacted = np.cumsum(w)[ends]
    if found[-1] == 0:
        return float("nan")
    precision = np.divide(found, contacted, out=np.zeros_like(found), where=contacted > 0)
    return float((np.diff(found, prepend=0.0) * precision).sum() / found[-1])


def brier(predicted: Floats, happened: Floats, weight: Floats) -> float:
    """Mean squared distance between the promise and what happened; 0 is perfect."""
    return float(np.average((predicted - happened) ** 2, weights=weight))


def calibration_slope(predicted: Floats, happened: Floats, weight: Floats) -> float:
    """1 when promises are as bold as the facts allow; below 1 they are too extreme, above 1 too timid."""
    return _logistic_line(predicted, happened, weight)[0]


def calibration_intercept(predicted: Floats, happened: Floats, weight: Floats) -> float:
    """0 when the promises at even odds are right; above 0 more leave than promised."""
    return _logistic_line(predicted, happened, weight)[1]


def calibration_error(predicted: Floats, happened: Floats, weight: Floats) -> float:
    """Mean distance between promise and what happened over ten equal groups by promise."""
    order = np.argsort(predicted, kind="stable")
    total = np.cumsum(weight[order])
    group = np.minimum((total - weight[order] / 2) / total[-1] * BINS, BINS - 1).astype(np.int64)
    gap = np.bincount(group, weight[order] * (predicted[order] - happened[order]), BINS)
    return float(np.abs(gap).sum() / total[-1])


def debiased_calibration_error(predicted: Floats, happened: Floats, weight: Floats) -> float:
    """Root mean squared distance between promise and what happened, less what chance alone would show.

    Kumar, Liang & Ma, "Verified Uncertainty Calibration" (2019), over fifteen equal groups by promise: the
    plain error of true promises is well above 0, the more so the fewer the customers. 0 where chance
    explains all. Weights are counts. Its interval is `debiased_calibration_interval`: a percentile interval
    would put back the chance that was taken off.
    """
    return _root(_squared_calibration_error(predicted, happened, weight)[1])


def debiased_calibration_interval(predicted: Floats, happened: Floats, *, replicates: int = 500) -> Interval:
    """The debiased error with the basic (reflected) bootstrap interval of its square, cut off at 0."""
    order = np.argsort(predicted, kind="stable")  # sorting what is sorted is quick
    predicted, happened = predicted[order], happened[order]
    plain, debiased = _squared_calibration_error(predicted, happened, np.ones(len(happened)))
    draws = resamples(len(happened), replicates)
    # A resample strays from the sample as the sample does from the truth.
    strayed = [_squared_calibration_error(predicted, happened, weight)[1] - plain for weight in draws]
    low, high = np.percentile(strayed, [2.5, 97.5])
    return Interval(_root(debiased), _root(debiased - high), _root(debiased - low))


METRICS: dict[str, Metric] = {
    "auc": auc,
    "average_precision": average_precision,
    "brier": brier,
    "calibration_error": calibration_error,
    "calibration_slope": calibration_slope,
    "calibration_intercept": calibration_intercept,
}


def with_interval(
    metric: Metric, predicted: Floats, happened: Floats, groups: npt.NDArray[np.int64] | None = None
) -> Interval:
    """The metric with its percentile bootstrap interval over customers (`groups`; default: rows)."""
    (value,) = intervals({"": metric}, predicted, happened, groups).values()
    return value


def intervals(
    metrics: Mapping[str, Metric],
    predicted: Floats,
    happened: Floats,
    groups: npt.NDArray[np.int64] | None = None,
    *,
    replicates: int = REPLICATES,
) -> dict[str, Interval]:
    # Rows in order of the promise: every metric sorts by it, and sorting what is sorted is quick.
    order = np.argsort(predicted, kind="stable")
    draws = [weight[order] for weight in resamples(_units(happened, groups), replicates)]
    predicted, happened = predicted[order], happened[order]
    ones = np.ones(len(happened))
    result = {}
    for name, metric in metrics.items():
        values = np.array([metric(predicted, happened, weight) for weight in draws])
        result[name] = interval_of(metric(predicted, happened, ones), values)
    return result


def difference(
    metric: Metric,
    ours: Floats,
    theirs: Floats,
    happened: Floats,
    groups: npt.NDArray[np.int64] | None = None,
) -> Interval:
    """metric(ours) - metric(theirs) on the same resamples (paired)."""
    draws = resamples(_units(happened, groups), REPLICATES)
    values = [metric(ours, happened, w) - metric(theirs, happened, w) for w in draws]
    ones = np.ones(len(happened))
    return interval_of(metric(ours, happened, ones) - metric(theirs, happened, ones), np.array(values))


def _squared_calibration_error(predicted: Floats, happened: Floats, weight: Floats) -> tuple[float, float]:
    """Over equal groups by promise: the plain squared error, and the debiased one, which may be negative."""
    order = np.argsort(predicted, kind="stable")
    total = np.cumsum(weight[order])
    bins = min(DEBIASED_BINS, max(1, int(total[-1]) // LEAST_IN_BIN))
    group = np.minimum((total - weight[order] / 2) / total[-1] * bins, bins - 1).astype(np.int64)
    n = np.bincount(group, weight[order], bins)
    promised = np.bincount(group, weight[order] * predicted[order], bins) / n
    came = np.bincount(group, weight[order] * happened[order], bins) / n
    plain = (promised - came) ** 2
    share = n / n.sum()
    return float(share @ plain), float(share @ (plain - came * (1 - came) / (n - 1)))


def _root(square: float) -> float:
    return float(np.sqrt(max(square, 0.0)))


def _units(rows: Floats, groups: npt.NDArray[np.int64] | None) -> int | npt.NDArray[np.int64]:
    return len(rows) if groups is None else groups


def resamples(groups: int | npt.NDArray[np.int64], replicates: int) -> Iterator[Floats]:
    """How often each row counts when customers are drawn with replacement, each with all rows of its own; the
    same draws for all that is compared. groups: each row's customer, or how many rows, each its own."""
    random = np.random.default_rng(7)
    member = np.arange(groups) if isinstance(groups, int) else np.unique(groups, return_inverse=True)[1]
    n = int(member.max()) + 1
    for _ in range(replicates):
        yield np.bincount(random.integers(n, size=n), minlength=n).astype(np.float64)[member]


def interval_of(value: float, drawn: Floats) -> Interval:
    """The 95 % percentile interval of what resamples gave; nan where none of them gave anything."""
    low, high = np.nanpercentile(drawn, [2.5, 97.5]) if np.isfinite(drawn).any() else (np.nan, np.nan)
    return Interval(value, float(low), float(high))


def _logistic_line(predicted: Floats, happened: Floats, weight: Floats) -> tuple[float, float]:
    """Slope and intercept of the log-odds of what happened on those promised, by Newton's method.

    Many rows are put together in groups of almost equal promises first: the line is the same to four
    digits, and a thousand resamples take seconds.
    """
    x, total, left = _grouped(log_odds(np.clip(predicted, EDGE, 1 - EDGE)), happened, weight)
    slope, intercept = 0.0, 0.0  # from there Newton's steps do not overshoot, whatever was promised
    for _ in range(25):
        p = sigmoid(slope * x + intercept)
        error, curve = left - total * p, total * p * (1 - p)
        a, b, c = (curve * x * x).sum(), (curve * x).sum(), curve.sum()
        determinant = a * c - b * b
        if determinant < 1e-9:
            return float("nan"), float("nan")
        g, h = (error * x).sum(), error.sum()
        step = (c * g - b * h) / determinant, (a * h - b * g) / determinant
        slope, intercept = slope + step[0], intercept + step[1]
        if max(abs(step[0]), abs(step[1])) < 1e-8:
            break
    return float(slope), float(intercept)


def _grouped(x: Floats, happened: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean x, weight, and weight of what happened, of up to GROUPS groups of neighbours in x."""
    if len(x) <= GROUPS:
        return x, weight, weight * happened
    order = np.argsort(x, kind="stable")
    starts = np.arange(GROUPS) * len(x) // GROUPS
    x, happened, weight = x[order], happened[order], weight[order]
    total = np.add.reduceat(weight, starts)
    known = total > 0
    mean = np.add.reduceat(weight * x, starts)[known] / total[known]
    return mean, total[known], np.add.reduceat(weight * happened, starts)[known]
