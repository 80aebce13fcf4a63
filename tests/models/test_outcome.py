"""Outcomes: intervals against SciPy, and a world small enough to count by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from models.outcome import NORMAL_95, Promised, outcome_of, wilson
from models.question import Question
from tables.moment import DAY


@given(st.integers(1, 5000), st.data())
def test_the_interval_is_wilsons(n: int, data: Any) -> None:
    happened = data.draw(st.integers(0, n))
    expected = binomtest(happened, n).proportion_ci(0.95, method="wilson")
    low, high = wilson(happened / n, n, NORMAL_95)
    assert low == pytest.approx(expected.low, abs=2e-5)
    assert high == pytest.approx(expected.high, abs=2e-5)


def test_promises_are_held_against_what_happened_after_them(base_of: Callable[..., Any], start: int) -> None:
    """Forty customers bought on day 100; the even ones buy again on day 150, within 91 days of day 120."""
    rows = [
        {"customer_id": f"c{k:02d}", "at": day * DAY, "amount": 1000}
        for k in range(40)
        for day in ([100, 150] if k % 2 == 0 else [100, 119])
    ]
    histories = base_of(transactions=rows)
    moment = start + 120 * DAY
    promised = Promised(
        moment=moment,
        bundle="b",
        places=histories.places([f"c{k:02d}" for k in range(40)]),
        churn=np.where(np.arange(40) % 2 == 0, 0.2, 0.8),
        value=np.full(40, 150.0),
        labels={"risk": np.array(["low", "high"] * 20, dtype=object), "odd": np.array([None, "x"] * 20)},
        unknown=3,
    )
    outcome = outcome_of(histories, Question(), promised, margin_rate=0.3, least=20)
    assert outcome.whole.happened == 0.5
    assert outcome.whole.promised == pytest.approx(0.5)
    assert outcome.whole.value_came == pytest.approx(0.3 * 1000 / 2)
    assert outcome.auc.value == 1.0
    assert outcome.calibration_error.value == pytest.approx(0.2)
    slices = {(each.axis, each.name): each for each in outcome.slices}
    assert slices["risk", "low"].happened == 0
    assert slices["risk", "high"].happened == 1
    assert slices["risk", "high"].value_came == 0
    assert slices["odd", "x"].customers == 20
    assert not slices["risk", "high"].sure  # twenty of twenty can come of 80 %
    assert outcome.unknown == 3
    small = outcome_of(histories, Question(), promised, margin_rate=0.3, least=21)
    assert {each.axis for each in small.slices} == {"tenure", "value"}
    assert "risk: low (20)" in small.too_small


def test_a_promise_far_off_is_surely_broken(base_of: Callable[..., Any], start: int) -> None:
    rows = [{"customer_id": f"c{k:03d}", "at": 100 * DAY} for k in range(300)]
    promised = Promised(
        moment=start + 120 * DAY,
        bundle="b",
        places=np.arange(300),
        churn=np.full(300, 0.5),
        value=np.zeros(300),
        labels={},
        unknown=0,
    )
    outcome = outcome_of(base_of(transactions=rows), Question(), promised, margin_rate=0.3, least=20)
    assert outcome.whole.happened == 1
    assert outcome.whole.sure
    assert np.isnan(outcome.auc.value)
