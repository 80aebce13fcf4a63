"""How the churn model is made from rows at many moments.

The defaults hold for every base: found by hand on past moments, confirmed by `holdfast search`
(docs/results.md says what was tried and what lost). Four things are beyond LightGBM's own: recent moments
weigh more; facts of which the business knows the direction keep to it; how much of the promise the purchase
process says is found on a later time than was learnt from; and trees are grown beside the level of each
moment, so that they tell customers apart and never one season from another: the level is the season's to
say (models.season).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.reader import Progress
from models.calibration import Calibration, fit_line, log_odds
from models.frame import Frame
from models.learner import Fitted, boost, fit
from models.promise import Promise
from models.purchase_process import PAST_FACTS, BgNbd, fit_bg_nbd, past_of
from models.season import LATEST, foretold, levels
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
# The small model by which levels are first known, on at most half of all rows.
SCOUT_ROWS, SCOUT_TREES, SCOUT_RATE, SCOUT_SEED = 25_000, 60, 0.1, 3
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
    """The trees alone, with what their folds say of customers left out. Both know customers, not levels."""
    facts = rows.facts
    return fit(
        facts.values, rows.churned, facts.places, facts.names, objective,
        weight=recipe.weight(facts.moments), beside=level_of_rows(rows, recipe, objective),
        parameters=recipe.parameters(facts.names), progress=progress,
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
    """The trees' probability made true; the arguments are those of learn_churn.

    How bold it is and its levels are found on customers left out, at moments whose level the trees do not
    know. Where the process speaks, the base grows older than all that was learnt from: there the promise is
    never bolder than a later time allowed.
    """
    facts, weight = rows.facts, recipe.weight(rows.facts.moments)
    with_process = recipe.process and silence and set(PAST_FACTS) <= set(facts.names)
    mixed = _mixed(rows, days, fitted, recipe, objective) if with_process else Calibration()
    told = log_odds(mixed(fitted.out_of_fold, facts.values, facts.names))
    moments, level = levels(told, rows.churned, facts.moments)
    centred = told + level[np.searchsorted(moments, facts.moments)]
    bold, _ = fit_line(centred[:, None], rows.churned, weight=weight)
    if mixed.share:
        bold = min(bold, 1.0)
    moments, level = levels(bold * told, rows.churned, facts.moments)
    usual = float(np.average(level[np.searchsorted(moments, facts.moments)], weights=weight))
    now, season = foretold(moments, level, usual, days)
    calibration = mixed._replace(slope=bold * mixed.slope, share=bold * mixed.share, intercept=now)
    return Promise(fitted.booster, calibration, season)


def relearn(rows: Frame, promise: Promise, recipe: Recipe = DEFAULT) -> Promise:
    """The same promise with trees that know more rows, grown beside the levels that its own trees leave."""
    facts = rows.facts
    told = log_odds(np.asarray(promise.booster.predict(facts.values)))
    booster = boost(
        facts.values, rows.churned, facts.names, "binary",
        trees=promise.booster.num_trees(), weight=recipe.weight(facts.moments),
        beside=_of_rows(*levels(told, rows.churned, facts.moments), facts.moments),
        parameters=recipe.parameters(facts.names),
    )  # fmt: skip
    return promise._replace(booster=booster)


def level_of_rows(rows: Frame, recipe: Recipe = DEFAULT, objective: str = "binary") -> Floats:
    """The level of each row's moment, in log-odds, shape (rows,), beyond what few trees say of the customers
    who stand there: a base that has aged is not a season.

    These trees learn from facts less their mean at the moment, so that none of them can tell the moment.
    """
    facts = rows.facts
    plain = _of_rows(*levels(np.zeros(len(rows)), rows.churned, facts.moments), facts.moments)
    few = np.random.default_rng(SCOUT_SEED).random(len(rows)) < min(0.5, SCOUT_ROWS / len(rows))
    at_moment = facts.values[few]
    at = facts.moments[few]
    for t in np.unique(at):
        at_moment[at == t] -= _mean(at_moment[at == t])
    scout = boost(
        at_moment, rows.churned[few], facts.names, objective,
        trees=SCOUT_TREES, weight=recipe.weight(facts.moments)[few], beside=plain[few],
        parameters=recipe.parameters(facts.names) | {"learning_rate": SCOUT_RATE},
    )  # fmt: skip
    usual, told = _mean(facts.values[few]), np.empty(len(rows))
    for t in np.unique(facts.moments):
        told[facts.moments == t] = scout.predict(facts.values[facts.moments == t] - usual, raw_score=True)
    return _of_rows(*levels(told, rows.churned, facts.moments), facts.moments)


def _mean(values: Floats) -> Floats:
    """Of each fact where it is known, 0 where it never is; shape (facts,)."""
    known = ~np.isnan(values)
    return np.asarray(np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def _of_rows(moments: npt.NDArray[np.int64], level: Floats, at: npt.NDArray[np.int64]) -> Floats:
    return np.asarray(np.interp(at, moments, level))


def _mixed(rows: Frame, days: int, fitted: Fitted, recipe: Recipe, objective: str) -> Calibration:
    """How much of the promise trees and process say, with intercept 0; slope 1 where trees speak alone.

    Found by trees that learnt from what was known when the latest moments came, on these moments. Customers
    left out at the same moments would say too little of how a model ages. Where the rows span too short a
    time for that, they must do.
    """
    facts, every = rows.facts, np.ones(len(rows), dtype=bool)
    later = facts.moments > facts.moments.max() - LATEST
    earlier = facts.moments + days * DAY <= facts.moments[later].min()
    if _is_enough(rows, earlier) and _is_enough(rows, later, moments=1):
        known = rows.rows(earlier)
        booster = boost(
            known.facts.values, known.churned, facts.names, objective,
            trees=fitted.trees, weight=recipe.weight(known.facts.moments),
            beside=level_of_rows(known, recipe, objective), parameters=recipe.parameters(facts.names),
        )  # fmt: skip
        said, then = np.asarray(booster.predict(facts.values[later])), _process(rows, earlier, days)
    else:
        later, said, then = every, fitted.out_of_fold, _process(rows, every, days)
    # The process of today, as the trees are.
    now = _process(rows, every, days)
    if then is None or now is None:
        return Calibration()
    quiet = Calibration(days=float(days), **then._asdict()).process_log_odds(facts.values[later], facts.names)
    # The level of these moments is left to the intercept, which is not kept.
    both = np.column_stack([log_odds(said), quiet])
    slope, share, _ = fit_line(both, rows.churned[later], weight=recipe.weight(facts.moments[later]))
    if share < LEAST_SHARE:
        return Calibration()
    whole = Calibration(slope, share=share, days=float(days), **now._asdict())
    latest = facts.values[facts.moments == facts.moments.max()]
    return whole._replace(usual=float(whole.process_log_odds(latest, facts.names).mean()))


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
