"""Bids: few numbers a customer that say the same as the choice function at every price."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.bid import Bids, bids_of, joined
from decisions.budget import solve_price, spending, spent
from decisions.choice import Choices, choose
from decisions.policy import Policy
from models.scorer import Scores
from tables.offer import Offer

Make = Callable[..., Any]
PRICES = (0.0, 1e-9, 0.1, 0.5, 0.999, 1.0, 1.5, 3.0, 10.0, 1e3, 1e9)


def choices_of(
    policy: Policy, seed: int, customers: int, offers: int, coarse: bool
) -> Callable[..., Choices]:
    """Coarse scores make many ties: equal values, equal costs, offers exactly on a line."""
    random = np.random.default_rng(seed)
    made = tuple(
        Offer(f"o{k}", "coupon", "", reward=0, cost=int(random.integers(0, 9)) * 100) for k in range(offers)
    )
    shape = (customers, offers)
    response, uplift = random.uniform(size=shape), random.normal(200, 600, size=shape)
    if coarse:
        response, uplift = np.round(response * 4) / 4, np.round(uplift / 100) * 100
    uplift[random.uniform(size=shape) < 0.1] = np.nan
    consents = random.choice([255.0, 0.0, 3.0, np.nan], size=customers)
    held = random.uniform(size=customers) < 0.1
    nothing = np.zeros(customers)
    scores = Scores(nothing, nothing, response, uplift)

    def at(price: float, rows: slice = slice(None)) -> Choices:
        some = Scores(*(part[rows] for part in scores))
        return choose(some, made, consents[rows], held[rows], policy, 0, price)

    return at


cases = given(
    st.integers(0, 10**6), st.integers(0, 50), st.integers(0, 12), st.booleans(), st.integers(0, 120)
)


@settings(deadline=None)  # the first example compiles
@cases
def test_at_every_price_bids_cost_what_the_choices_cost(
    policy_of: Make, seed: int, customers: int, offers: int, coarse: bool, least: int
) -> None:
    at = choices_of(policy_of(minimum_net_value=least), seed, customers, offers, coarse)
    spent_at = spending([bids_of(at(0.0))], customers)
    for price in (*PRICES, *np.random.default_rng(seed).gamma(1.0, size=10)):
        assert spent_at(price) == spent(at(price))


@settings(deadline=None)  # the first example compiles
@cases
def test_the_price_is_the_same_however_the_customers_are_parted(
    policy_of: Make, seed: int, customers: int, offers: int, coarse: bool, least: int
) -> None:
    at = choices_of(policy_of(minimum_net_value=least), seed, customers, offers, coarse)
    budget = 0.4 * spent(at(0.0))
    whole = solve_price(lambda price: spent(at(price)), budget)
    parts = [bids_of(at(0.0, slice(begin, begin + 7))) for begin in range(0, customers, 7)]
    assert solve_price(spending(parts, customers), budget) == whole
    together = [joined(parts)] if parts else []
    assert solve_price(spending(together, customers), budget) == whole


def test_few_offers_of_many_are_bid_for(policy_of: Make) -> None:
    at = choices_of(policy_of(), 1, 500, 40, coarse=False)
    bids = bids_of(at(0.0))
    assert len(bids.net) < 4 * 500
    assert isinstance(bids, Bids)
    assert bids.ends[-1] == len(bids.net) == len(bids.cost)
