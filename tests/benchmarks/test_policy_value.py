"""What a budget's choices are worth is held against the best that linear programming finds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from benchmarks.offer_policy import Known
from benchmarks.policy_value import Chooser, at_random, costs_of, riskiest, scores_of
from tables.offer import Offer

CUSTOMERS = 200


@pytest.fixture(scope="module")
def known() -> Known:
    """Three offers whose effects and redemptions are drawn; the third is not valid."""
    rng = np.random.default_rng(3)
    added = rng.normal(100, 300, (CUSTOMERS, 3))
    added[:, 2] = np.nan
    offers = tuple(
        Offer(name, "coupon", name, 1_000, cost, 10) for name, cost in (("a", 1_000), ("b", 400), ("c", 1))
    )
    histories: Any = SimpleNamespace(last_at=1_800_000_000_000_000)
    redeemed = rng.uniform(0, 0.3, (CUSTOMERS, 3))
    return Known(
        histories, offers, Path(), np.empty((CUSTOMERS, 0)), (), added, redeemed, rng.random(CUSTOMERS)
    )


def best(known: Known, budget: float) -> float:
    """The most that whole offers, one a customer at most, add within the money."""
    net, cost = known.added[:, :2].ravel(), costs_of(known)[:, :2].ravel()
    one = np.kron(np.eye(CUSTOMERS), np.ones(2))
    found = milp(
        -net,
        constraints=[LinearConstraint(one, ub=1), LinearConstraint(cost, ub=budget)],
        bounds=Bounds(0, 1),
    )
    return float(-found.fun)


@pytest.mark.parametrize("budget", [500.0, 3_000.0, 1e9])
def test_the_oracle_earns_what_linear_programming_finds(known: Known, budget: float) -> None:
    oracle = Chooser(known, scores_of(known, known.redeemed, known.added + costs_of(known)), 0.0)
    found, bound = oracle.within(budget), best(known, budget)
    assert found.cost.sum() <= budget
    assert bound - 2 * np.nanmax(known.added) <= found.net.sum() <= bound + 1e-6
    for rival in (riskiest(known, budget), at_random(known, budget, 1)):
        assert rival.sum() < found.net.sum()


def test_an_offer_that_is_not_valid_is_never_chosen(known: Known) -> None:
    wrong = scores_of(known, known.redeemed, np.full((CUSTOMERS, 3), 1e6) * [1, 1, 9])
    spent = Chooser(known, wrong, 0.0).at(0.0)
    assert np.isfinite(spent.net).all()
    assert (spent.cost > 0).all()
