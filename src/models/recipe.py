"""How the churn model is made from rows at many moments.

The defaults hold for every base: found by hand on past moments, confirmed by `holdfast search`
(docs/results.md says what was tried and what lost). Three things are beyond LightGBM's own: recent moments
weigh more; facts of which the business knows the direction keep to it; and how bold the promise is, and how
much of it the purchase process says, is found on a later time than was learnt from.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.reader import Progress
from models.calibration import Calibration, fit_intercept, fit_line, log_odds
from models.frame import Frame
from models.learner import Fitted, boost, fit
from models.promise import Promise
from models.purchase_process import PAST_FACTS, BgNbd, fit_bg_nbd, past_of
from models.season import season_of_probability
from tables.moment import DAY
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
# Silence grows and orders fall on the way out: whoever reads a score would not believe the contrary.
DIRECTIONS = {
    "days_since_last_order": 1,
    "orders_28d": -1,
    "orders_91d": -1,
    "orders_182d": -1,
    "orders_364d": -1,
    "orders_ever": -1,
    "repeat_purchase_days": -1,
}
# The latest training moments, on which the promise is made true to a later time than its trees know.
LATEST = 28 * DAY
LEAST_MOMENTS, LEAST_OUTCOMES = 3, 200
# Below this the process is not worth its arithmetic in the service.
LEAST_SHARE = 0.05


@dataclass(frozen=True)
class Recipe:
    """What `holdfast search` turns. half_life_days: a moment so much older than the latest weighs half."""

    learning_rate: float = 0.05
    num_leaves: int = 15
    min_data_in_leaf: int = 60
    feature_fraction: float = 0.2
    lambda_l2: float = 5.0
    half_life_days: float = 182.0
    directed: bool = True
    process: bool = True

    def parameters(self, names: tuple[str, ...]) -> dict[str, Any]:
        """What LightGBM is told beside models.learner.PARAMETERS."""
        return {
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": self.min_data_in_leaf,
            "feature_fraction": self.feature_fraction,
            "lambda_l2": self.lambda_l2,
            "monotone_constraints": [DIRECTIONS.get(name, 0) if self.directed else 0 for name in names],
        }

    def weight(self, moments: npt.NDArray[np.int64]) -> Floats:
        """Of rows at these moments (microseconds), 1 at the latest; shape (rows,)."""
        days = (moments.max() - moments) / DAY
        return np.asarray(0.5 ** (days / self.half_life_days))


DEFAULT = Recipe()


def learn_churn(
    rows: Frame,
    days: int,
    *,
    silence: bool = True,
    recipe: Recipe = DEFAULT,
    objective: str = "binary",
    progress: Progress | None = None,
) -> Promise:
    """The probability to leave within `days`, learnt from rows whose labels are all known.

    silence: leaving is buying nothing, which a purchase process can foretell. objective: cross_entropy where
    labels are probabilities.
    """
    fitted = fit_churn(rows, recipe=recipe, objective=objective, progress=progress)
    return churn_of(fitted, rows, days, silence=silence, recipe=recipe, objective=objective)


def fit_churn(
    rows: Frame, *, recipe: Recipe = DEFAULT, objective: str = "binary", progress: Progress | None = None
) -> Fitted:
    """The trees alone, with what their folds say of customers left out."""
    facts = rows.facts
    return fit(
        facts.values, rows.churned, facts.places, facts.names, objective,
        weight=recipe.weight(facts.moments), parameters=recipe.parameters(facts.names), progress=progress,
    )  # fmt: skip


def churn_of(
    fitted: Fitted,
    rows: Frame,
    days: int,
    *,
    silence: bool = True,
    recipe: Recipe = DEFAULT,
    objective: str = "binary",
) -> Promise:
    """The trees' probability made true; the arguments are those of learn_churn."""
    facts, weight = rows.facts, recipe.weight(rows.facts.moments)
    with_process = recipe.process and silence and set(PAST_FACTS) <= set(facts.names)
    calibration = _bold(rows, days, fitted.trees, fitted.out_of_fold, recipe, objective, with_process)
    told = log_odds(calibration(fitted.out_of_fold, facts.values, facts.names))
    calibration = calibration._replace(intercept=fit_intercept(told, rows.churned, weight))
    promised = calibration(fitted.out_of_fold, facts.values, facts.names)
    return Promise(fitted.booster, calibration, season_of_probability(promised, rows.churned, facts.moments))


def relearn(rows: Frame, promise: Promise, recipe: Recipe = DEFAULT) -> Promise:
    """The same promise with trees that know more rows."""
    facts = rows.facts
    booster = boost(
        facts.values, rows.churned, facts.names, "binary",
        trees=promise.booster.num_trees(), weight=recipe.weight(facts.moments),
        parameters=recipe.parameters(facts.names),
    )  # fmt: skip
    return promise._replace(booster=booster)


def _bold(
    rows: Frame,
    days: int,
    trees: int,
    out_of_fold: Floats,
    recipe: Recipe,
    objective: str,
    with_process: bool,
) -> Calibration:
    """Slope and share of the process, with intercept 0.

    Found by trees that learnt from what was known when the latest moments came, on these moments. Customers
    left out at the same moments would say too little of how a model ages. Where the rows span too short a
    time for that, they must do.
    """
    moments, every = rows.facts.moments, np.ones(len(rows), dtype=bool)
    later = moments > moments.max() - LATEST
    earlier = moments + days * DAY <= moments[later].min()
    if not (_is_enough(rows, earlier) and _is_enough(rows, later, moments=1)):
        process = _process(rows, every, days) if with_process else None
        return _line(rows, every, days, out_of_fold, process, recipe.weight(moments))
    known = rows.rows(earlier)
    booster = boost(
        known.facts.values, known.churned, rows.facts.names, objective,
        trees=trees, weight=recipe.weight(known.facts.moments),
        parameters=recipe.parameters(rows.facts.names),
    )  # fmt: skip
    process = _process(rows, earlier, days) if with_process else None
    foretold = np.asarray(booster.predict(rows.facts.values[later]))
    line = _line(rows, later, days, foretold, process, np.ones(int(later.sum())))
    if not line.share:
        return line
    # The process of today, as the trees are.
    now = _process(rows, every, days)
    return line if now is None else line._replace(**now._asdict())


def _is_enough(rows: Frame, chosen: Flags, moments: int = LEAST_MOMENTS) -> bool:
    left = rows.churned[chosen].sum()
    return (
        len(np.unique(rows.facts.moments[chosen])) >= moments
        and min(left, chosen.sum() - left) >= LEAST_OUTCOMES
    )


def _process(rows: Frame, chosen: Flags, days: int) -> BgNbd | None:
    """Fitted on the latest moment of the rows chosen, where each customer stands once."""
    facts = rows.facts
    latest = chosen & (facts.moments == facts.moments[chosen].max())
    values = facts.values[latest]
    bought = ~np.isnan(values[:, [facts.names.index(name) for name in PAST_FACTS]]).any(axis=1)
    try:
        return fit_bg_nbd(past_of(values[bought], facts.names))
    except Refused:  # nobody bought twice
        return None


def _line(
    rows: Frame, chosen: Flags, days: int, foretold: Floats, process: BgNbd | None, weight: Floats
) -> Calibration:
    happened, names = rows.churned[chosen], rows.facts.names
    plain = fit_line(log_odds(foretold)[:, None], happened, weight=weight)
    if process is None:
        return Calibration(plain[0])
    told = Calibration(share=1.0, days=float(days), **process._asdict())
    # Leaves the season of these few moments to the intercept, which is not kept.
    both = np.column_stack([log_odds(foretold), told.process_log_odds(rows.facts.values[chosen], names)])
    slope, share, _ = fit_line(both, happened, weight=weight)
    return told._replace(slope=slope, share=share) if share >= LEAST_SHARE else Calibration(plain[0])
