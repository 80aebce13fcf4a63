"""Judging churn probabilities on held-out time: overall, by month, by slice, beside the baselines."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.frame import Frame
from models.metric import METRICS, Interval, auc, difference, intervals
from models.question import Question
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
