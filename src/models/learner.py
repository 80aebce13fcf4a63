"""LightGBM as this project uses it: shallow, deterministic trees, and predictions on rows left out."""

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.reader import Progress

Floats = npt.NDArray[np.float64]
FOLDS = 4
PATIENCE = 20
# Depth 7 and no categorical splits: the exact reasons and the service rely on it. The rest is mild
# regularisation that held on all the data sets (docs/decisions).
PARAMETERS: dict[str, Any] = {
    "learning_rate": 0.08,
    "max_depth": 6,
    "num_leaves": 15,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.2,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 127,
    "deterministic": True,
    "force_col_wise": True,
    "seed": 20,
    "verbosity": -1,
}
MOST_TREES = 300


@dataclass(frozen=True)
class Fitted:
    """A model of all rows, and for each row the prediction of a model that never saw its customer."""

    booster: lgb.Booster
    out_of_fold: Floats
    trees: int


def fit(
    values: Floats,
    target: Floats,
    groups: npt.NDArray[np.int64],
    names: tuple[str, ...],
    objective: str,
    *,
    weight: Floats | None = None,
    parameters: dict[str, Any] | None = None,
    most_trees: int = MOST_TREES,
    progress: Progress | None = None,
) -> Fitted:
    """Fit on all rows with as many trees as customers left out ask for.

    values: shape (rows, facts); target, weight, groups: shape (rows,). Rows of one group (a customer at
    many moments) are in one fold. Early stopping in each fold; the final model has the folds' median.
    """
    settings = PARAMETERS | {"objective": objective} | (parameters or {})
    fold = _fold_of(groups)
    out_of_fold = np.empty(len(target))
    grown = []
    # Bins are found once for all folds: they depend on facts alone, not on any label.
    data = lgb.Dataset(
        values, target, weight=weight, feature_name=list(names), params=settings, free_raw_data=False
    ).construct()
    for k in range(FOLDS):
        left_out = np.flatnonzero(fold == k)
        booster = lgb.train(
            settings,
            data.subset(np.flatnonzero(fold != k).tolist()),
            most_trees,
            valid_sets=[data.subset(left_out.tolist())],
            callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
        )
        out_of_fold[left_out] = booster.predict(values[left_out])
        grown.append(booster.best_iteration)
        if progress:
            progress(k + 1, FOLDS + 1)
    trees = max(1, int(np.median(grown)))
    booster = lgb.train(settings, data, trees)
    if progress:
        progress(FOLDS + 1, FOLDS + 1)
    return Fitted(booster, out_of_fold, trees)


def refit(
    fitted: Fitted,
    values: Floats,
    target: Floats,
    names: tuple[str, ...],
    objective: str,
    *,
    weight: Floats | None = None,
    parameters: dict[str, Any] | None = None,
) -> lgb.Booster:
    """The same recipe (as many trees) on more rows: what is published has learnt from the latest labels."""
    settings = PARAMETERS | {"objective": objective} | (parameters or {})
    data = lgb.Dataset(values, target, weight=weight, feature_name=list(names), params=settings)
    return lgb.train(settings, data, fitted.trees)


def _fold_of(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A fold for each group by hash, so that it does not depend on which other rows there are."""
    mixed = (groups.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return ((mixed >> np.uint64(40)) % np.uint64(FOLDS)).astype(np.int64)
