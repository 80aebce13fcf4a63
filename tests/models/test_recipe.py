"""The churn recipe on customers who live by a purchase process, while what else is known of them wanders."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.reader import FactTable
from models.backtest import backtest, out_of_time_folds, thinned
from models.calibration import fit_intercept, fit_line, log_odds, sigmoid
from models.frame import Frame
from models.metric import auc, calibration_slope
from models.purchase_process import BgNbd, Past
from models.recipe import DEFAULT, Recipe, learn_churn, relearn
from tables.moment import DAY
from tables.refusal import Refused

NAMES = (
    "days_since_last_order",
    "orders_91d",
    "days_since_first_order",
    "repeat_purchase_days",
    "days_from_first_to_last_purchase",
    "a_whim",
)
CUSTOMERS, MOMENTS, STEP, HORIZON = 1000, 12, 14 * DAY, 28
PROCESS = BgNbd(0.9, 40.0, 0.7, 2.5)


def rows_of(seed: int, first: int = 0, moments: int = MOMENTS) -> Frame:
    """Customers whose chance to stay away is the process's own, at moments two weeks apart; a whim says
    nothing. Ages grow with the moments, as in a young base."""
    random = np.random.default_rng(seed)
    t = np.repeat((first + np.arange(moments)) * STEP, CUSTOMERS)
    n = len(t)
    age = random.uniform(50, 150, n) + 3 * t / DAY
    x = random.poisson(age / 60).astype(float)
    t_x = np.where(x > 0, age * random.uniform(0.2, 1, n), 0.0)
    quiet = PROCESS.quiet(Past(x, t_x, age), HORIZON)
    left = (random.uniform(size=n) < quiet).astype(float)
    values = np.column_stack([age - t_x, x * 91 / age, age, x, t_x, random.normal(size=n)])
    facts = FactTable(np.tile(np.arange(CUSTOMERS), moments), t, NAMES, values)
    return Frame(facts, left, np.zeros(n), np.zeros(n, dtype=bool))


@pytest.fixture(scope="module")
def rows() -> Frame:
    return rows_of(1)


@pytest.fixture(scope="module")
def later() -> Frame:
    """A year on, when customers are older than any that were learnt from."""
    return rows_of(2, first=36, moments=2)


@pytest.fixture(scope="module")
def promise(rows: Frame) -> Any:
    return learn_churn(rows, HORIZON)


def told(promise: Any, frame: Frame) -> Any:
    return promise(frame.facts.values, frame.facts.moments)


def test_the_process_goes_on_where_trees_have_seen_nobody(promise: Any, rows: Frame, later: Frame) -> None:
    alone = learn_churn(rows, HORIZON, recipe=Recipe(process=False))
    assert promise.calibration.share > 0.3
    assert alone.calibration.share == 0
    one = np.ones(len(later))
    with_process, without = (auc(told(each, later), later.churned, one) for each in (promise, alone))
    assert with_process > without + 0.003


def test_the_promise_is_as_bold_as_it_may_be_on_a_later_time(promise: Any, later: Frame) -> None:
    slope = calibration_slope(told(promise, later), later.churned, np.ones(len(later)))
    assert slope == pytest.approx(1, abs=0.2)


def test_longer_silence_never_makes_leaving_less_likely(promise: Any, rows: Frame) -> None:
    values = rows.facts.values[:200].copy()
    before = promise.booster.predict(values)
    values[:, NAMES.index("days_since_last_order")] += 40
    assert (promise.booster.predict(values) >= before - 1e-12).all()


def test_recent_moments_weigh_more() -> None:
    weight = Recipe(half_life_days=28).weight(np.array([0, 28, 56]) * DAY)
    assert weight == pytest.approx([0.25, 0.5, 1.0])


def test_customers_who_never_bought_and_other_questions_are_promised_by_trees_alone(rows: Frame) -> None:
    values = rows.facts.values.copy()
    values[:, [NAMES.index(name) for name in NAMES if name != "a_whim"]] = np.nan
    nobody = replace(rows, facts=rows.facts._replace(values=values))
    assert np.isfinite(told(learn_churn(rows, HORIZON), nobody)).all()
    assert learn_churn(rows, HORIZON, silence=False).calibration.share == 0
    assert learn_churn(nobody, HORIZON).calibration.share == 0


def test_learning_again_from_more_rows_keeps_the_calibration(promise: Any, rows: Frame) -> None:
    again = relearn(rows, promise)
    assert again.calibration == promise.calibration
    assert np.corrcoef(told(again, rows), told(promise, rows))[0, 1] > 0.99


def test_a_promise_adds_the_process_to_the_trees_log_odds(promise: Any, rows: Frame) -> None:
    calibration, values = promise.calibration, rows.facts.values[:50]
    raw = promise.booster.predict(values)
    process = BgNbd(calibration.r, calibration.alpha, calibration.a, calibration.b)
    quiet = process.quiet(Past(values[:, 3], values[:, 4], values[:, 2]), HORIZON)
    expected = calibration.slope * log_odds(raw) + calibration.intercept + calibration.share * log_odds(quiet)
    assert log_odds(calibration(raw, values, NAMES)) == pytest.approx(expected, abs=1e-6)
    latest = rows.facts.values[rows.facts.moments == rows.facts.moments.max()]
    assert calibration.usual == pytest.approx(calibration.process_log_odds(latest, NAMES).mean())
    assert abs(calibration.usual) > 0.01


def test_a_share_is_found_where_it_helps_and_nowhere_else() -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=(6000, 2))
    happened = (random.uniform(size=6000) < sigmoid(0.8 * x[:, 0] + 0.4 * x[:, 1] - 1)).astype(float)
    assert fit_line(x, happened) == pytest.approx((0.8, 0.4, -1), abs=0.1)
    idle = (random.uniform(size=6000) < sigmoid(0.8 * x[:, 0] - 0.4 * x[:, 1])).astype(float)
    assert fit_line(x, idle)[1] == 0
    constant = np.column_stack([x[:, 0], 3 + 1e-3 * x[:, 1]])
    assert fit_line(constant, happened)[1] < 0.05


def test_the_intercept_promises_as_many_as_came() -> None:
    known, happened, weight = np.array([-1.0, 0.0, 2.0]), np.array([1.0, 0.0, 1.0]), np.array([1.0, 2.0, 1.0])
    shift = fit_intercept(known, happened, weight)
    assert np.average(sigmoid(known + shift), weights=weight) == pytest.approx(0.5)


def test_a_fold_learns_nothing_that_was_not_known_at_its_moment(rows: Frame) -> None:
    folds = out_of_time_folds(rows, HORIZON)
    assert [fold.moment // STEP for fold in folds] == [11, 9]
    for fold in folds:
        assert (fold.learnt.facts.moments + HORIZON * DAY <= fold.moment).all()
        assert (fold.judged.facts.moments == fold.moment).all()


def test_a_backtest_tells_recipes_apart(rows: Frame) -> None:
    folds = out_of_time_folds(thinned(rows, 9000), HORIZON, most=1)
    (good,) = backtest(folds, HORIZON, DEFAULT)
    (bad,) = backtest(
        folds, HORIZON, Recipe(learning_rate=1.0, num_leaves=60, min_data_in_leaf=5, process=False)
    )
    assert good["auc"] > bad["auc"]
    assert good["debiased_calibration_error"] < 0.1


def test_too_short_a_time_is_refused_with_what_to_do(rows: Frame) -> None:
    with pytest.raises(Refused, match=r"3 moments before it whose 364 days.*--horizon"):
        out_of_time_folds(rows, 364)
