"""BG/NBD against the published fit of the CDNOW sample, and against customers drawn from the model itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from models.purchase_process import BgNbd, Past, fit_bg_nbd
from tables.refusal import Refused

# Fader, Hardie & Lee (2005), as printed in the walkthrough of the BTYD package; times in weeks.
PUBLISHED = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
HOLDOUT_WEEKS = 39


@pytest.fixture(scope="module")
def sample(data: Callable[[str], Path]) -> Past:
    """The 1/10 sample as of 1997-09-30: 2,357 customers, purchases merged per day."""
    path = data("cdnow") / "cdnow_customers_summary.parquet"
    columns = duckdb.sql(f"select frequency, recency, T from '{path}' order by ID").fetchnumpy()
    return Past(*(np.asarray(columns[name], np.float64) for name in ("frequency", "recency", "T")))


def test_the_published_parameters_have_the_published_likelihood(sample: Past) -> None:
    assert PUBLISHED.log_likelihood(sample) == pytest.approx(-9582.429, abs=0.005)


def test_the_fit_to_the_sample_is_the_published_one(sample: Past) -> None:
    found = fit_bg_nbd(sample)
    assert np.round(found, 3) == pytest.approx(PUBLISHED, abs=0.0011)
    assert found.log_likelihood(sample) >= PUBLISHED.log_likelihood(sample)


def test_the_holdout_expected_by_past_repeat_purchases_is_the_published_table(sample: Past) -> None:
    expected = PUBLISHED.expected_purchases(sample, HOLDOUT_WEEKS)
    means = [expected[np.minimum(sample.x, 7) == count].mean() for count in range(8)]
    assert np.round(means, 3) == pytest.approx(
        [0.225, 0.523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157], abs=0.001
    )


def drawn(model: BgNbd, customers: int, age: float, horizon: float) -> tuple[Past, Any]:
    """Customers who live by the model, and what they bought in the horizon after `age`."""
    random = np.random.default_rng(3)
    rate = random.gamma(model.r, 1 / model.alpha, customers)
    leaves = random.beta(model.a, model.b, customers)
    at, alive = np.zeros(customers), np.ones(customers, dtype=bool)
    x, t_x, later = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    while alive.any():
        at = np.where(alive, at + random.exponential(1 / rate), np.inf)
        before, within = at <= age, (at > age) & (at <= age + horizon)
        x, t_x, later = x + before, np.where(before, at, t_x), later + within
        alive &= (before | within) & (random.uniform(size=customers) > leaves)
    return Past(x, t_x, np.full(customers, age)), later


@pytest.mark.parametrize("model", [BgNbd(0.9, 6.0, 0.7, 2.0), BgNbd(0.5, 3.0, 1.0, 4.0)])
def test_what_customers_of_the_model_do_is_what_it_says_they_do(model: BgNbd) -> None:
    past, later = drawn(model, 100_000, age=30.0, horizon=13.0)
    expected, quiet = model.expected_purchases(past, 13.0), model.quiet(past, 13.0)
    for rows in (past.x == 0, past.x == 1, (past.x > 1) & (past.t_x > 20), (past.x > 1) & (past.t_x <= 20)):
        error = later[rows].std() / np.sqrt(rows.sum())
        assert expected[rows].mean() == pytest.approx(later[rows].mean(), abs=4 * error)
        share = (later[rows] == 0).mean()
        error = np.sqrt(share * (1 - share) / rows.sum())
        assert quiet[rows].mean() == pytest.approx(share, abs=4 * error)


def test_the_parameters_customers_were_drawn_with_are_found_in_any_unit_of_time() -> None:
    model = BgNbd(0.9, 6.0, 0.7, 2.0)
    past, _ = drawn(model, 30_000, age=40.0, horizon=0.0)
    weeks = fit_bg_nbd(past)
    assert weeks == pytest.approx(model, rel=0.15)
    days = fit_bg_nbd(Past(past.x, 7 * past.t_x, 7 * past.age))
    assert days == pytest.approx(weeks._replace(alpha=7 * weeks.alpha), rel=0.01)


def test_chances_stay_finite_for_the_busiest_and_the_long_gone() -> None:
    past = Past(np.array([0.0, 5000.0, 900.0]), np.array([0.0, 364.0, 10.0]), np.array([0.0, 364.0, 3000.0]))
    model = BgNbd(0.9, 6.0, 0.7, 2.0)
    assert np.isfinite(model.expected_purchases(past, 91.0)).all()
    assert np.isfinite(model.log_odds_quiet(past, 91.0)).all()
    assert model.quiet(past, 91.0)[2] == pytest.approx(1)
    odds = model.log_odds_quiet(past, 91.0)[:1]
    assert 1 / (1 + np.exp(-odds)) == pytest.approx(model.quiet(past, 91.0)[:1])


def test_a_base_without_repeat_purchases_is_refused() -> None:
    nothing = np.zeros(100)
    with pytest.raises(Refused, match="100 with 0 repeat purchases"):
        fit_bg_nbd(Past(nothing, nothing, nothing + 50))
