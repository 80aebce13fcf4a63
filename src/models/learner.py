"""LightGBM as this project uses it: shallow, deterministic trees, and predictions on rows left out."""

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.reader import Progress

Floats = npt.NDArray[np.float64]
FOLDS = 3
PATIENCE = 20
# Depth 7 and no categorical splits: the exact reasons and the service rely on it. The rest is mild
# regularisation that held on all the data sets (docs/decisions).
PARAMETERS: dict[str, Any] = {
    "learning_rate": 0.1,
    "max_depth": 6,
    "num_leaves": 15,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.2,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "deterministic": True,
    "force_col_wise": True,
    "seed": 20,
    "verbosity": -1,
}
MOST_TREES = 500


@dataclass(frozen=True)
class Fitted:
    """A model of all rows, and for each row the prediction of a model that never saw its customer; folds:
    those models, each of which saw other customers."""

    booster: lgb.Booster
    out_of_fold: Floats
    trees: int
    folds: tuple[lgb.Booster, ...]


def fit(
    values: Floats,
    target: Floats,
    groups: npt.NDArray[np.int64],
    names: tuple[str, ...],
    objective: str,
    *,
    weight: Floats | None = None,
    beside: Floats | None = None,
    learn: npt.NDArray[np.bool_] | None = None,
    parameters: dict[str, Any] | None = None,
    trees: int | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Fit on all rows, with predictions for each from a model that never saw its group.

    values: shape (rows, facts); target, groups, learn: shape (rows,). Rows of one group (a customer at many
    moments) are in one fold. Rows outside `learn` are predicted, not learnt from. Without a number of
    `trees` all models have as many as are best for the mean of the folds, which strays less than each one's.
    """
    settings = PARAMETERS | {"objective": objective} | (parameters or {})
    learnt = np.ones(len(target), dtype=bool) if learn is None else learn
    fold = fold_of(groups)
    # Bins are found once for all folds: they depend on facts alone, not on any label.
    data = lgb.Dataset(
        values, target, weight=weight, init_score=beside, feature_name=list(names), params=settings,
        free_raw_data=False,
    ).construct()  # fmt: skip

    def part(rows: npt.NDArray[np.bool_]) -> lgb.Dataset:
        return data.subset(np.flatnonzero(rows & learnt).tolist())

    boosters, curves = [], []
    for k in range(FOLDS):
        if trees is None:
            curve: dict[str, dict[str, list[float]]] = {}
            stop = [lgb.early_stopping(PATIENCE, verbose=False), lgb.record_evaluation(curve)]
            boosters.append(
                lgb.train(settings, part(fold != k), MOST_TREES, valid_sets=[part(fold == k)], callbacks=stop)
            )
            curves.append(next(iter(curve["valid_0"].values())))
        else:
            boosters.append(lgb.train(settings, part(fold != k), trees))
        if progress:
            progress(k + 1, FOLDS + 1)
    if trees is None:
        shortest = min(len(curve) for curve in curves)
        trees = 1 + int(np.argmin(np.mean([curve[:shortest] for curve in curves], axis=0)))
    out_of_fold = np.empty(len(target))
    for k, booster in enumerate(boosters):
        booster.best_iteration = trees
        out_of_fold[fold == k] = booster.predict(values[fold == k])
    booster = lgb.train(settings, part(np.ones(len(target), dtype=bool)), trees)
    if progress:
        progress(FOLDS + 1, FOLDS + 1)
    return Fitted(booster, out_of_fold, trees, tuple(boosters))


def boost(
    values: Floats,
    target: Floats,
    names: tuple[str, ...],
    objective: str,
    *,
    trees: int,
    weight: Floats | None = None,
    beside: Floats | None = None,
    parameters: dict[str, Any] | None = None,
) -> lgb.Booster:
    """A model of a given size on all rows, without folds; the arguments are those of `fit`."""
    settings = PARAMETERS | {"objective": objective} | (parameters or {})
    data = lgb.Dataset(
        values, target, weight=weight, init_score=beside, feature_name=list(names), params=settings
    )
    return lgb.train(settings, data, trees)


def fold_of(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A fold for each group by hash, so that it does not depend on which other rows there are."""
    return ((mixed(groups) >> np.uint64(40)) % np.uint64(FOLDS)).astype(np.int64)


def mixed(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """A hash of each group's number, whose high bits are as good as drawn."""
    return np.asarray((groups.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15))
