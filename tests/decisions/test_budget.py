"""The price of money: the budget holds, and little is lost against the best there could be."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from decisions.budget import solve_price, spent
from decisions.choice import NOTHING, Choices, choose
from decisions.policy import Policy
from models.scorer import Scores
from tables.offer import Offer

Make = Callable[..., Any]


def base(seed: int, customers: int, offers: int) -> tuple[Scores, tuple[Offer, ...]]:
    random = np.random.default_rng(seed)
    made = tuple(
        Offer(f"o{k}", "coupon", "", reward=0, cost=int(random.integers(0, 2000)), contact_cost=k)
        for k in range(offers)
    )
    nothing = np.zeros(customers)
    shape = (customers, offers)
    return Scores(nothing, nothing, random.uniform(size=shape), random.normal(300, 800, size=shape)), made


def chooser(policy: Policy, scores: Scores, offers: tuple[Offer, ...]) -> Callable[[float], Choices]:
    customers = len(scores.churn)
    return lambda price: choose(
        scores, offers, np.full(customers, 255.0), np.zeros(customers, bool), policy, 0, price
    )


def spending_of(choose_at: Callable[[float], Choices]) -> Callable[[float], float]:
    return lambda price: spent(choose_at(price))


def earned(choices: Choices) -> float:
    rows = np.flatnonzero(choices.chosen != NOTHING)
    return float(choices.net_value[rows, choices.chosen[rows]].sum())


@given(st.integers(0, 10**6), st.integers(0, 60), st.integers(0, 4), st.floats(0, 1.2), st.integers(0, 80))
def test_the_choices_never_cost_more_than_the_budget(
    policy_of: Make, seed: int, customers: int, offers: int, share: float, least: int
) -> None:
    choose_at = chooser(policy_of(minimum_net_value=least), *base(seed, customers, offers))
    budget = share * spent(choose_at(0.0))
    price = solve_price(spending_of(choose_at), budget)
    assert price >= 0
    assert spent(choose_at(price)) <= budget


def test_customers_who_are_all_alike_do_not_break_the_budget(policy_of: Make, offer_of: Make) -> None:
    shape = (100, 1)
    scores = Scores(np.zeros(100), np.zeros(100), np.full(shape, 0.5), np.full(shape, 300.0))
    choose_at = chooser(policy_of(), scores, (offer_of(),))
    assert spent(choose_at(solve_price(spending_of(choose_at), 2_000.0))) <= 2_000


def test_tiny_costs_beside_huge_values_do_not_break_the_budget(policy_of: Make, offer_of: Make) -> None:
    scores = Scores(np.zeros(2), np.zeros(2), np.full((2, 1), 1e-14), np.full((2, 1), 1e12))
    choose_at = chooser(policy_of(), scores, (offer_of(cost=1),))
    assert spent(choose_at(solve_price(spending_of(choose_at), 0.0))) == 0


def test_money_that_is_not_short_has_no_price(policy_of: Make) -> None:
    choose_at = chooser(policy_of(), *base(1, 50, 3))
    assert solve_price(spending_of(choose_at), spent(choose_at(0.0))) == 0
    assert solve_price(spending_of(choose_at), 1e12) == 0


def test_a_smaller_budget_has_a_higher_price(policy_of: Make) -> None:
    choose_at = chooser(policy_of(), *base(1, 200, 3))
    whole = spent(choose_at(0.0))
    prices = [solve_price(spending_of(choose_at), share * whole) for share in (1.0, 0.7, 0.4, 0.1)]
    assert prices == sorted(set(prices))


def test_without_a_budget_only_what_is_free_of_charge_is_chosen(policy_of: Make, offer_of: Make) -> None:
    offers = (offer_of("free", cost=0), offer_of("dear", cost=500))
    scores = Scores(
        np.zeros(3), np.zeros(3), np.full((3, 2), 0.5), np.array([[60.0, 900], [0, 900], [70, 0]])
    )
    choose_at = chooser(policy_of(), scores, offers)
    assert choose_at(0.0).chosen.tolist() == [1, 1, 0]
    assert choose_at(solve_price(spending_of(choose_at), 0.0)).chosen.tolist() == [0, NOTHING, 0]


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 4), st.floats(0.05, 0.95))
def test_what_is_lost_against_the_best_plan_is_no_more_than_the_money_left_is_worth(
    policy_of: Make, seed: int, customers: int, offers: int, share: float
) -> None:
    """The bound is the linear programme's, which may even split an offer between two customers."""
    choose_at = chooser(policy_of(minimum_net_value=0), *base(seed, customers, offers))
    free = choose_at(0.0)
    budget = share * spent(free)
    price = solve_price(spending_of(choose_at), budget)
    ours = choose_at(price)
    net, cost = (
        np.where(free.net_value > 0, free.net_value, 0.0),
        np.where(free.net_value > 0, free.cost, 0.0),
    )
    each_customer_once = np.kron(np.eye(customers), np.ones(offers))
    best = linprog(
        -net.ravel(),
        A_ub=np.vstack([each_customer_once, cost.ravel()]),
        b_ub=np.append(np.ones(customers), budget),
        method="highs",
    )
    assert best.status == 0
    gap = -best.fun - earned(ours)
    assert -1e-6 * abs(best.fun) - 1e-6 <= gap
    assert gap <= price * (budget - spent(ours)) + 1e-6 * abs(best.fun) + 1e-6
    # Where no two customers are alike, less than one customer's dearest offer is left.
    assert budget - spent(ours) <= cost.max(initial=0.0) + 1e-6


def test_what_was_spent_counts_only_what_was_chosen(policy_of: Make, offer_of: Make) -> None:
    scores = Scores(np.zeros(2), np.zeros(2), np.array([[0.5], [0.5]]), np.array([[300.0], [0.0]]))
    choices = chooser(policy_of(), scores, (offer_of(contact_cost=7),))(0.0)
    assert spent(choices) == pytest.approx(57)
