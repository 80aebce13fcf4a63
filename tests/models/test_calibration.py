"""Calibration: a promise of 30 % means 30 % afterwards."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from models.calibration import EDGE, Calibration, fit_calibration, log_odds, sigmoid


def bold(seed: int, rows: int = 4000) -> tuple[Any, Any]:
    """Promises three times too bold and one too high, in log-odds, and what happened."""
    random = np.random.default_rng(seed)
    x = random.normal(0, 1, rows)
    return sigmoid(3 * x + 1), (random.uniform(size=rows) < sigmoid(x)).astype(float)


def test_calibrating_mends_promises_that_are_too_bold_on_rows_it_has_not_seen() -> None:
    calibration = fit_calibration(*bold(1))
    promised, happened = bold(2)
    assert log_loss(happened, calibration(promised)) < 0.85 * log_loss(happened, promised)
    assert calibration(promised).mean() == pytest.approx(happened.mean(), abs=0.03)
    assert calibration.slope == pytest.approx(1 / 3, abs=0.05)


def test_calibrating_keeps_the_ranks() -> None:
    promised, happened = bold(1)
    after = fit_calibration(promised, happened)(promised)
    assert np.array_equal(np.argsort(promised), np.argsort(after))


def test_the_curve_is_a_logistic_regressions_on_the_log_odds() -> None:
    promised, happened = bold(3)
    line = LogisticRegression(C=1e10, tol=1e-10, max_iter=10_000)
    line.fit(log_odds(promised)[:, None], happened)
    found = fit_calibration(promised, happened)
    assert found[:2] == pytest.approx((line.coef_[0, 0], line.intercept_[0]), abs=1e-3)


def test_promises_that_hold_are_left_alone() -> None:
    random = np.random.default_rng(4)
    promised = random.uniform(size=20_000)
    happened = (random.uniform(size=20_000) < promised).astype(float)
    assert fit_calibration(promised, happened)[:2] == pytest.approx((1, 0), abs=0.06)


def test_promises_of_0_and_1_stay_probabilities() -> None:
    ends = Calibration(2.0, 0.5)(np.array([0.0, 1.0]))
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()
    assert 0 < ends[0] < EDGE < 1 - EDGE < ends[1] <= 1


def test_customers_told_apart_without_fault_do_not_break_the_fit() -> None:
    promised = np.r_[np.full(50, 0.2), np.full(50, 0.8)]
    after = fit_calibration(promised, (promised > 0.5).astype(float))(promised)
    assert np.isfinite(after).all()
    assert after[0] < 0.01
    assert after[-1] > 0.99
