"""Limits: what an option takes, told by hand; prices folded as a plain sum over the limits."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from decisions.limit import charges, checked, limits_of, takes_of, terms_of_offers
from decisions.policy import Policy
from tables.contract import CONTACT_CHANNELS
from tables.refusal import Refused

Make = Callable[..., Any]
EMAIL, PHONE = CONTACT_CHANNELS.index("email"), CONTACT_CHANNELS.index("phone")


@pytest.fixture
def policy(policy_of: Make) -> Policy:
    made: Policy = policy_of(
        weekly_budget=9_000,
        channels=[
            {"name": name, "chinese": name, "cost": 500 if name == "phone" else 1}
            for name in CONTACT_CHANNELS
        ],
        budgets=[
            {"name": "care", "chinese": "关怀", "weekly": 700, "kinds": ["care"]},
            {"name": "calls", "chinese": "外呼", "of": "contacts", "weekly": 5, "channels": ["phone"]},
            {"name": "greetings", "chinese": "问候", "of": "contacts", "least_share": 0.1, "kinds": ["care"]},
            {
                "name": "both", "chinese": "两者", "of": "contacts", "weekly": 40, "least_share": 0.2,
                "channels": ["email"],
            },
        ],
    )  # fmt: skip
    return made


@pytest.fixture
def offers(offer_of: Make) -> tuple[Any, ...]:
    return offer_of("a", contact_cost=3), offer_of("b", kind="care", cost=40)


def taken_by(policy: Policy, offers: Any, j: int, c: int, response: float) -> dict[str, float]:
    limits = limits_of(policy, offers, {"b": 12.5})
    takes = takes_of(limits, terms_of_offers(policy, offers))
    numbers = takes.fixed[:, j, c] + takes.by_response[:, j, c] * response
    return dict(zip(limits.names, numbers.round(9).tolist(), strict=True))


def test_a_coupon_by_phone_takes_money_and_a_call_and_lowers_the_shares(policy: Policy, offers: Any) -> None:
    assert taken_by(policy, offers, 0, PHONE, 0.25) == {
        "weekly_budget": 500 + 3 + 25, "care": 0, "calls": 1, "least share of greetings": 0.1, "both": 0,
        "least share of both": 0.2, "stock of b": 0,
    }  # fmt: skip


def test_a_greeting_by_email_counts_towards_both_shares_and_takes_stock(policy: Policy, offers: Any) -> None:
    assert taken_by(policy, offers, 1, EMAIL, 0.5) == {
        "weekly_budget": 1 + 20, "care": 1 + 20, "calls": 0, "least share of greetings": -0.9, "both": 1,
        "least share of both": -0.8, "stock of b": 0.5,
    }  # fmt: skip


def test_bounds_are_the_policys(policy: Policy, offers: Any) -> None:
    assert limits_of(policy, offers, {"b": 12.5}).bounds.tolist() == [9_000, 700, 5, 0, 40, 0, 12.5]


def test_the_shipped_policy_has_a_limit_for_its_budget_and_each_part(shipped: Policy, offers: Any) -> None:
    assert limits_of(shipped, offers).names == ("weekly_budget", "win_back", "care", "calls")


def test_without_offers_there_are_limits_of_nothing(policy: Policy) -> None:
    assert limits_of(policy, ()).money.shape == (6, 0, len(CONTACT_CHANNELS))


def test_prices_are_folded_into_what_the_limits_an_option_uses_are_worth(base_of: Make) -> None:
    _, terms, limits, _ = base_of(4, 10)
    prices = np.random.default_rng(1).gamma(1.0, size=len(limits.names))
    folded = charges(limits, prices)
    response = 0.3
    for j, c in np.ndindex(terms.contact_cost.shape):
        cost = response * terms.redemption_cost[j] + terms.contact_cost[j, c]
        plain = sum(
            prices[k] * (limits.money[k, j, c] * cost + limits.contacts[k, j, c])
            + prices[k] * limits.redemptions[k, j, c] * response
            for k in range(len(prices))
        )
        assert np.isclose(
            folded.money[j, c] * cost + folded.contact[j, c] + folded.response[j, c] * response, plain
        )


@pytest.mark.parametrize("wrong", [[-1.0, 0.0], [0.0], [np.nan, 0.0]])
def test_prices_that_are_none_are_refused(wrong: list[float], policy_of: Make, offers: Any) -> None:
    limits = limits_of(policy_of(), offers, {"a": 1})
    with pytest.raises(Refused, match="expected 2 finite prices"):
        charges(limits, np.array(wrong))


def test_stock_of_an_offer_that_is_not_there_is_refused(policy: Policy, offers: Any) -> None:
    with pytest.raises(Refused, match="Stock of c: there is no such offer; there is a, b"):
        limits_of(policy, offers, {"c": 1})
    with pytest.raises(Refused, match="Stock of a: expected redemptions left, 0 or more, came -1"):
        limits_of(policy, offers, {"a": -1})


def test_limits_that_do_not_fit_the_offers_are_refused_by_name(base_of: Make) -> None:
    _, terms, limits, _ = base_of(4, 10)
    with pytest.raises(Refused, match="Limits: contacts has shape"):
        checked(limits._replace(contacts=limits.contacts[:, :, :0]), terms)
    broken = limits.bounds.copy()
    broken[1] = np.inf
    with pytest.raises(Refused, match=f"Limits: bounds of {limits.names[1]} is not a finite number"):
        checked(limits._replace(bounds=broken), terms)


WRONG = {
    "nothing is said": ({}, "state how much may go out"),
    "a share of money": ({"least_share": 0.1, "kinds": ["care"]}, "say `of: contacts`"),
    "a share of everything": ({"least_share": 0.1, "of": "contacts"}, "needs the kinds or channels"),
    "a share above all": (
        {"least_share": 1.1, "of": "contacts", "kinds": ["care"]},
        "less than or equal to 1",
    ),
    "a share of nothing": ({"least_share": 0, "of": "contacts", "kinds": ["care"]}, "greater than 0"),
}


@pytest.mark.parametrize(("said", "says"), WRONG.values(), ids=WRONG)
def test_a_budget_that_cannot_be_meant_is_refused(policy_of: Make, said: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        policy_of(budgets=[{"name": "part", "chinese": "部分", **said}])
