"""Judging a recipe by how it would have done before: learnt as of a past moment, asked about that moment."""

from typing import NamedTuple

import numpy as np

from models.frame import Frame
from models.metric import auc, brier, calibration_slope, debiased_calibration_error
from models.recipe import Recipe, learn_churn
from tables.moment import DAY
from tables.refusal import Refused

LEAST_MOMENTS, LEAST_OUTCOMES = 3, 50
METRICS = {
    "auc": auc,
    "brier": brier,
    "calibration_slope": calibration_slope,
    "debiased_calibration_error": debiased_calibration_error,
}


class Fold(NamedTuple):
    """Learn from rows whose labels were known at `moment`; be judged on those at `moment` (microseconds)."""

    moment: int
    learnt: Frame
    judged: Frame


def out_of_time_folds(rows: Frame, days: int, most: int = 2) -> list[Fold]:
    """The latest moments of the rows, a horizon apart, as far as enough is known before them.

    Raises Refused when not even one is.
    """
    moments = np.unique(rows.facts.moments)
    folds: list[Fold] = []
    for t in moments[::-1].tolist():
        if len(folds) == most:
            break
        if folds and t > folds[-1].moment - days * DAY:
            continue
        learnt = rows.rows(rows.facts.moments + days * DAY <= t)
        judged = rows.rows(rows.facts.moments == t)
        if all(_is_enough(part) for part in (learnt, judged)) and (
            len(np.unique(learnt.facts.moments)) >= LEAST_MOMENTS
        ):
            folds.append(Fold(t, learnt, judged))
    if not folds:
        raise Refused(
            f"no moment of training has {LEAST_MOMENTS} moments before it whose {days} days were over by "
            f"then, and {LEAST_OUTCOMES} customers who left and who stayed: choose a later --as-of or a "
            "shorter --horizon"
        )
    return folds


def backtest(folds: list[Fold], days: int, recipe: Recipe, *, silence: bool = True) -> list[dict[str, float]]:
    """The figures of each fold, by metric, and how many trees there were."""
    found = []
    for fold in folds:
        promise = learn_churn(fold.learnt, days, silence=silence, recipe=recipe)
        told = promise(fold.judged.facts.values, fold.judged.facts.moments)
        weight = np.ones(len(told))
        figures = {name: metric(told, fold.judged.churned, weight) for name, metric in METRICS.items()}
        found.append({**figures, "trees": float(promise.booster.num_trees())})
    return found


def thinned(rows: Frame, most: int) -> Frame:
    """At most so many rows, drawn, the same in every run."""
    if len(rows) <= most:
        return rows
    chosen = np.random.default_rng(17).random(len(rows)) < most / len(rows)
    return rows.rows(chosen)


def _is_enough(rows: Frame) -> bool:
    left = rows.churned.sum()
    return bool(min(left, len(rows) - left) >= LEAST_OUTCOMES)
