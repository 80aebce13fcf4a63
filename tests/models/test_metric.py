"""Metrics against scikit-learn's, intervals against what they promise."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from models.calibration import log_odds, sigmoid
from models.metric import (
    METRICS,
    auc,
    average_precision,
    brier,
    calibration_error,
    calibration_intercept,
    calibration_slope,
    difference,
    intervals,
    with_interval,
)

Sample = tuple[Any, Any, Any]


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Predictions with many ties, outcomes of both kinds, whole weights (some of them zero)."""
    rows = draw(st.integers(2, 40))

    def column(values: st.SearchStrategy[float]) -> Any:
        return np.array(draw(st.lists(values, min_size=rows, max_size=rows)), dtype=float)

    predicted = column(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]) | st.floats(0, 1))
    happened, weight = column(st.sampled_from([0.0, 1.0])), column(st.sampled_from([0.0, 1.0, 1.0, 2.0, 5.0]))
    assume(0 < (weight * happened).sum() < weight.sum())
    return predicted, happened, weight


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(auc, roc_auc_score), (average_precision, average_precision_score), (brier, brier_score_loss)],
    ids=["auc", "average precision", "brier"],
)
@given(sample=samples())
def test_a_metric_is_scikit_learns_also_with_ties_and_weights(
    ours: Callable[..., float], theirs: Callable[..., float], sample: Sample
) -> None:
    predicted, happened, weight = sample
    expected = theirs(happened, predicted, sample_weight=weight)
    assert ours(predicted, happened, weight) == pytest.approx(expected, abs=1e-9)


@given(samples())
def test_a_weight_of_two_is_a_row_that_stands_twice(sample: Sample) -> None:
    predicted, happened, weight = sample
    times = weight.astype(int)
    rows = np.repeat(np.arange(len(times)), times)
    ones = np.ones(len(rows))
    for metric in (auc, average_precision, brier):
        twice = metric(predicted[rows], happened[rows], ones)
        assert metric(predicted, happened, weight) == pytest.approx(twice, abs=1e-9)


@pytest.mark.parametrize("happened", [0.0, 1.0])
def test_with_one_outcome_only_nothing_can_be_ranked(happened: float) -> None:
    predicted, outcome, weight = np.array([0.1, 0.9]), np.full(2, happened), np.ones(2)
    assert np.isnan(auc(predicted, outcome, weight))
    assert np.isnan(average_precision(predicted, outcome, weight)) == (happened == 0)


def world(seed: int, rows: int, slope: float = 1.0, intercept: float = 0.0) -> tuple[Any, Any]:
    """Promises, and what happened where the truth's log-odds are slope * promised + intercept."""
    random = np.random.default_rng(seed)
    x = random.normal(-0.5, 1.2, rows)
    happened = random.uniform(size=rows) < sigmoid(slope * x + intercept)
    return sigmoid(x), happened.astype(float)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, 0.3), (2.0, -1.0), (-3.0, 0.5)])
@pytest.mark.parametrize("weighted", [False, True])
def test_slope_and_intercept_are_those_of_a_logistic_regression(
    slope: float, intercept: float, weighted: bool
) -> None:
    predicted, happened = world(3, 2000, slope, intercept)
    weight = np.random.default_rng(4).integers(0, 4, 2000).astype(float) if weighted else np.ones(2000)
    line = LogisticRegression(C=1e10, tol=1e-10, max_iter=10_000)
    line.fit(log_odds(predicted)[:, None], happened, sample_weight=weight)
    assert calibration_slope(predicted, happened, weight) == pytest.approx(line.coef_[0, 0], abs=1e-4)
    assert calibration_intercept(predicted, happened, weight) == pytest.approx(line.intercept_[0], abs=1e-4)
    assert calibration_slope(predicted, happened, weight) == pytest.approx(slope, abs=0.5)


@pytest.mark.parametrize(
    ("predicted", "happened"),
    [([0.2, 0.2, 0.8, 0.8], [0, 0, 1, 1]), ([0.3] * 4, [0, 1, 0, 1]), ([0.0, 1.0], [1, 0])],
    ids=["told apart", "all alike", "told apart, upside down"],
)
def test_where_no_line_can_be_found_slope_and_intercept_are_unknown(
    predicted: list[float], happened: list[float]
) -> None:
    sample = np.array(predicted), np.array(happened, dtype=float), np.ones(len(predicted))
    assert np.isnan(calibration_slope(*sample))
    assert np.isnan(calibration_intercept(*sample))


def test_the_calibration_error_is_the_gap_between_promise_and_outcome_in_tenths() -> None:
    predicted = np.repeat(np.arange(10) / 10 + 0.05, 10)
    happened = np.concatenate([np.arange(10) < k for k in range(10)]).astype(float)
    assert calibration_error(predicted, happened, np.ones(100)) == pytest.approx(0.05)
    assert calibration_error(predicted + 0.02, happened, np.ones(100)) == pytest.approx(0.07)
    assert calibration_error(happened, happened, np.ones(100)) == 0


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    truth = auc(*world(0, 400_000), np.ones(400_000))
    covered = [
        found.low <= truth <= found.high
        for found in (with_interval(auc, *world(seed, 200)) for seed in range(1, 161))
    ]
    # 95 % of 160 is 152, give or take 8 (three standard deviations).
    assert 143 <= sum(covered) < 160


def test_an_interval_over_customers_is_wider_than_one_over_their_rows() -> None:
    predicted, happened = world(5, 300)
    rows = np.repeat(np.arange(300), 4)
    by_row = with_interval(auc, predicted[rows], happened[rows])
    by_customer = with_interval(auc, predicted[rows], happened[rows], rows)
    assert by_customer.high - by_customer.low > 1.5 * (by_row.high - by_row.low)
    assert by_customer.value == by_row.value


def test_a_customer_is_drawn_alike_wherever_its_row_stands() -> None:
    predicted, happened = world(6, 200)
    order = np.random.default_rng(1).permutation(200)
    asked = with_interval(brier, predicted, happened, np.arange(200))
    again = with_interval(brier, predicted[order], happened[order], order)
    assert again == pytest.approx(asked, abs=1e-12)
    assert again != pytest.approx(with_interval(brier, predicted, happened, order), abs=1e-12)


def test_a_difference_is_paired_and_so_narrower_than_its_parts() -> None:
    ours, happened = world(7, 400)
    theirs = np.clip(ours + np.random.default_rng(8).normal(0, 0.01, 400), 0, 1)
    paired = difference(auc, ours, theirs, happened)
    alone = with_interval(auc, ours, happened)
    assert paired.high - paired.low < 0.2 * (alone.high - alone.low)
    assert paired.value == pytest.approx(alone.value - with_interval(auc, theirs, happened).value)


def test_a_model_is_not_ahead_of_itself() -> None:
    predicted, happened = world(9, 100)
    assert difference(auc, predicted, predicted, happened) == (0, 0, 0)


def test_every_metric_has_its_value_inside_its_interval() -> None:
    found = intervals(METRICS, *world(10, 500))
    assert set(found) == set(METRICS)
    for name in ("auc", "average_precision", "brier", "calibration_slope", "calibration_intercept"):
        assert found[name].low <= found[name].value <= found[name].high
