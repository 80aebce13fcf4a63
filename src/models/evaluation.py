"""Judging promises on held-out time: churn overall, by month, by slice, beside the baselines; value, and
whether its interval holds what it says."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from models.frame import Frame
from models.metric import METRICS, Interval, auc, difference, intervals, with_interval
from models.question import Question
from models.value_range import ValueRange
from tables.moment import local_day

Floats = npt.NDArray[np.float64]
# A slice with fewer customers, leavers or stayers says more about chance than about the model.
LEAST_IN_SLICE = 30
REPLICATES_OF_PARTS = 100


@dataclass(frozen=True)
class Evaluation:
    """Figures with intervals. headline: model -> metric; ahead: baseline -> AUC gained over it (paired);
    by_month, by_slice: month or slice -> model -> metric."""

    customers: int
    churn_rate: float
    headline: dict[str, dict[str, Interval]]
    ahead: dict[str, Interval]
    by_month: dict[str, dict[str, dict[str, Interval]]]
    by_slice: dict[str, dict[str, dict[str, Interval]]]


def evaluate(
    test: Frame,
    question: Question,
    predictions: dict[str, Floats],
    zone: str,
) -> Evaluation:
    """predictions: model -> probabilities for the rows of `test`, the first model being ours.

    The headline is the latest test moment, where each customer stands once.
    """
    ours = next(iter(predictions))
    latest = test.facts.moments == test.facts.moments.max()
    happened = test.churned[latest]
    headline = {
        model: intervals(METRICS, predicted[latest], happened) for model, predicted in predictions.items()
    }
    ahead = {
        model: difference(auc, predictions[ours][latest], predicted[latest], happened)
        for model, predicted in predictions.items()
        if model != ours
    }
    by_month = {
        local_day(t, zone): _every_model(test, predictions, test.facts.moments == t)
        for t in np.unique(test.facts.moments)
    }
    by_slice = {}
    for name, member in slices(test, question).items():
        rows = member & latest
        left = test.churned[rows].sum()
        if min(left, rows.sum() - left) >= LEAST_IN_SLICE:
            by_slice[name] = _every_model(test, predictions, rows)
    return Evaluation(
        customers=int(latest.sum()),
        churn_rate=float(happened.mean()),
        headline=headline,
        ahead=ahead,
        by_month=by_month,
        by_slice=by_slice,
    )


def _every_model(
    test: Frame, predictions: dict[str, Floats], rows: npt.NDArray[np.bool_]
) -> dict[str, dict[str, Interval]]:
    return {
        model: intervals(METRICS, predicted[rows], test.churned[rows], replicates=REPLICATES_OF_PARTS)
        for model, predicted in predictions.items()
    }


def slices(frame: Frame, question: Question) -> dict[str, npt.NDArray[np.bool_]]:
    """Groups of rows that somebody will ask about."""
    orders = frame.facts.column(f"orders_{question.base_days}d")
    known_for = frame.facts.column("days_since_first_order")
    spend = frame.facts.column(f"spend_{question.base_days}d")
    low, high = np.quantile(spend, [1 / 3, 2 / 3])
    return {
        "customers seen in training": ~frame.unseen,
        "customers unseen in training": frame.unseen,
        "one order in the base window": orders == 1,
        "two to four orders": (orders >= 2) & (orders <= 4),
        "five orders or more": orders >= 5,
        "known for less than half a year": known_for < 182,
        "known for half a year or more": known_for >= 182,
        "lowest third of spend": spend <= low,
        "middle third of spend": (spend > low) & (spend <= high),
        "highest third of spend": spend > high,
    }


def evaluate_value(test: Frame, promised: Floats, within: ValueRange) -> dict[str, Interval]:
    """How far off in money, how well ranked, whether the total is right, how many lay in their interval and
    how wide it is; on the latest moment."""
    latest = test.facts.moments == test.facts.moments.max()
    happened, promised = test.value[latest], promised[latest]
    metrics = {
        "mean_absolute_error": _absolute_error,
        "promised_to_actual_total": _total,
        "rank_correlation": _rank_correlation,
    }
    low, high = within(promised)
    return {name: with_interval(metric, promised, happened) for name, metric in metrics.items()} | {
        "share_within_interval": with_interval(_mean, _inside(happened, low, high), happened),
        "share_above_interval": with_interval(_mean, (happened > high).astype(np.float64), happened),
        "mean_width_of_interval": with_interval(_mean, high - low, happened),
    }


def share_within(
    test: Frame, question: Question, promised: Floats, within: ValueRange
) -> dict[str, Interval]:
    """Slice -> share of its customers whose value lay within the interval; on the latest moment."""
    latest = test.facts.moments == test.facts.moments.max()
    inside = _inside(test.value, *within(promised))
    found = {}
    for name, member in slices(test, question).items():
        rows = member & latest
        if rows.sum() >= LEAST_IN_SLICE:
            found[name] = intervals(
                {name: _mean}, inside[rows], test.value[rows], replicates=REPLICATES_OF_PARTS
            )[name]
    return found


def _inside(happened: Floats, low: Floats, high: Floats) -> Floats:
    return ((happened >= low) & (happened <= high)).astype(np.float64)


def _mean(p: Floats, y: Floats, w: Floats) -> float:
    return float(np.average(p, weights=w))


def _absolute_error(p: Floats, y: Floats, w: Floats) -> float:
    return float(np.average(np.abs(p - y), weights=w))


def _total(p: Floats, y: Floats, w: Floats) -> float:
    return float((w * p).sum() / max((w * y).sum(), 1e-12))


def _rank_correlation(p: Floats, y: Floats, w: Floats) -> float:
    ranks = [rankdata(each) for each in (p, y)]
    centred = [each - np.average(each, weights=w) for each in ranks]
    covariance = np.average(centred[0] * centred[1], weights=w)
    spread = np.sqrt(np.average(centred[0] ** 2, weights=w) * np.average(centred[1] ** 2, weights=w))
    return float(covariance / spread) if spread > 0 else float("nan")
