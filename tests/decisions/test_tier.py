"""Tiers and tags at the boundaries that the documents print."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.frozen import NOTHING_FROZEN
from decisions.known import Known, Measured, written
from decisions.label import NOT_KNOWN, OTHER_KIND
from decisions.policy import Policy
from decisions.segment import next_rebate
from decisions.tier import Labels, next_tier, tag_of, tiers_of

Measuring = Callable[..., Measured]
NAN = float("nan")
YUAN = 100
WAN = 10_000 * YUAN
PERSON = {"is_b2b": 0, "returned_amount_364d": 0}
COMPANY = {"is_b2b": 1, "returned_amount_364d": 0}


def tier(policy: Policy, scheme: str, measured: Measured) -> list[str]:
    found = tiers_of(policy.scheme(scheme), measured)
    return [
        policy.scheme(scheme).tiers[place].name if place >= 0 else why(found, k) for k, place in _rows(found)
    ]


def tag(policy: Policy, name: str, measured: Measured) -> list[Any]:
    found = tag_of(next(each for each in policy.tags if each.name == name), measured)
    return [bool(place) if place >= 0 else why(found, k) for k, place in _rows(found)]


def _rows(found: Labels) -> list[tuple[int, int]]:
    return list(enumerate(found.place.tolist()))


def why(found: Labels, row: int) -> str:
    return found.reasons[found.why[row]][0]


def test_a_persons_tier_by_annual_spend(shipped: Policy, measuring: Measuring) -> None:
    spend = np.array([0, 999.99, 1_000, 4_999.99, 5_000, 80_000]) * YUAN
    printed = ["basic", "basic", "important", "important", "core", "core"]
    assert tier(shipped, "b2c_spend", measuring(spend_364d=spend, **PERSON)) == printed


def test_what_was_sent_back_is_not_spent(shipped: Policy, measuring: Measuring) -> None:
    back = {"is_b2b": 0, "returned_amount_364d": [1, 0, 900_000]}
    assert tier(shipped, "b2c_spend", measuring(spend_364d=[500_000, 500_000, 500_000], **back)) == [
        "important",
        "core",
        "basic",
    ]


def test_a_companys_tier_by_annual_purchases(shipped: Policy, measuring: Measuring) -> None:
    spend = np.array([100 * WAN - 1, 100 * WAN, 1_000 * WAN - 1, 1_000 * WAN])
    printed = ["basic", "important", "important", "core"]
    assert tier(shipped, "b2b_purchases", measuring(spend_364d=spend, **COMPANY)) == printed


def test_a_company_has_no_tier_of_persons_and_a_person_none_of_companies(
    shipped: Policy, measuring: Measuring
) -> None:
    measured = measuring(spend_364d=9_000 * WAN, returned_amount_364d=0, is_b2b=[0, 1, NAN])
    unknown = "not known: whether a person or a company (is_b2b); `unknown_kind` in the policy can say"
    assert tier(shipped, "b2c_spend", measured) == ["core", "a scheme for persons", unknown]
    assert tier(shipped, "b2b_purchases", measured) == ["a scheme for companies", "core", unknown]


def test_the_policy_may_say_what_a_customer_of_unknown_kind_is(
    shipped: Policy, knowing: Callable[..., Known]
) -> None:
    known = knowing(spend_364d=600_000, returned_amount_364d=0, is_b2b=NAN)
    by = written(shipped.measures, shipped.numbers, NOTHING_FROZEN)
    measured = Measured(known, by, NOTHING_FROZEN, "person")
    assert tier(shipped, "b2c_spend", measured) == ["core"]
    assert tiers_of(shipped.scheme("b2b_purchases"), measured).place.tolist() == [OTHER_KIND]


@pytest.mark.parametrize("scheme", ["b2c_spend", "frequency_spend_engagement", "value", "membership_level"])
def test_who_lacks_a_fact_gets_no_tier_and_the_reason(
    shipped: Policy, measuring: Measuring, scheme: str
) -> None:
    (said,) = tier(shipped, scheme, measuring(is_b2b=0, spend_364d=NAN))
    assert said.startswith("not known: ")


def test_the_reason_names_the_facts_in_both_languages(shipped: Policy, measuring: Measuring) -> None:
    found = tiers_of(
        shipped.scheme("b2c_spend"), measuring(is_b2b=0, spend_364d=[NAN, 5], returned_amount_364d=[0, NAN])
    )
    assert found.place.tolist() == [NOT_KNOWN, NOT_KNOWN]
    assert [found.reasons[k] for k in found.why] == [
        ("not known: spend_364d", "未知：近364天消费额"),
        ("not known: returned_amount_364d", "未知：近364天退货金额"),
    ]


def test_what_is_missing_and_would_not_matter_takes_no_tier_away(
    shipped: Policy, measuring: Measuring
) -> None:
    """Who bought nothing for a year is at risk, though the models do not speak of such customers."""
    gone = measuring(is_b2b=0, orders_ever=4, orders_364d=0, churn_probability=NAN)
    assert tier(shipped, "value", gone) == ["at_risk"]
    assert tier(shipped, "frequency_spend_engagement", gone) == ["at_risk"]


@pytest.mark.parametrize(
    ("turnover", "profit", "potential", "printed"),
    [(120, 0.25, 8, "core"), (80, 0.18, 5, "mature"), (30, 0.08, 9, "potential"), (30, 0.08, 2, "basic")],
)
def test_the_rows_that_document_3_prints(
    shipped: Policy, measuring: Measuring, turnover: int, profit: float, potential: int, printed: str
) -> None:
    measured = measuring(
        spend_364d=turnover * WAN,
        sales_margin_share_364d=profit,
        potential_by_hand=potential,
        **COMPANY,
    )
    assert tier(shipped, "value_potential", measured) == [printed]


def test_five_purchases_a_year_are_frequent(shipped: Policy, measuring: Measuring) -> None:
    assert tag(shipped, "frequent", measuring(orders_364d=[4, 5, NAN], **PERSON)) == [
        False,
        True,
        "not known: orders_364d",
    ]


def test_the_repurchase_rate_of_one_customer_is_repeats_over_purchases(
    shipped: Policy, measuring: Measuring
) -> None:
    measured = measuring(orders_364d=[0, 1, 2, 2.5, 3, 5], **PERSON)
    assert measured("repurchase_rate").tolist() == [0, 0, 0.5, 0.6, 2 / 3, 0.8]
    # Sixty per cent is reached exactly only by a fraction of an order; it counts.
    assert tag(shipped, "loyal", measured) == [False, False, False, True, True, True]


@pytest.mark.parametrize(("share", "loyal"), [(0.5999999, False), (0.6, True), (3 / 5, True), (0.61, True)])
def test_sixty_per_cent_counts_whatever_the_formula(
    shipped: Policy, knowing: Callable[..., Known], share: float, loyal: bool
) -> None:
    measure = shipped.measures["repurchase_rate"].model_copy(update={"formula": "repeat_line_share_364d"})
    known = knowing(repeat_line_share_364d=share, is_b2b=0)
    by = written({**shipped.measures, "repurchase_rate": measure}, shipped.numbers, NOTHING_FROZEN)
    measured = Measured(known, by, NOTHING_FROZEN)
    assert tag(shipped, "loyal", measured) == [loyal]


def test_three_repeats_are_the_fourth_purchase(shipped: Policy, measuring: Measuring) -> None:
    assert tag(shipped, "repeat_buyer", measuring(orders_ever=[0, 3, 4])) == [False, False, True]


def test_three_years_of_cooperation_are_stable(shipped: Policy, measuring: Measuring) -> None:
    a_microsecond = 1 / 86_400_000_000
    joined = [1_095 - a_microsecond, 1_095, NAN, NAN]
    bought = [2_000, 1, 1_095, NAN]
    measured = measuring(days_since_joined=joined, days_since_first_order=bought, **COMPANY)
    assert tag(shipped, "stable", measured) == [
        False,
        True,
        True,
        "not known: days_since_joined, days_since_first_order",
    ]


def test_strategic_fit_is_entered_by_hand_or_not_known(shipped: Policy, measuring: Measuring) -> None:
    assert tag(shipped, "strategic", measuring(strategic_fit=[6, 7, NAN], **COMPANY)) == [
        False,
        True,
        "not known: strategic_fit",
    ]


def test_the_distance_to_the_next_tier(shipped: Policy, measuring: Measuring) -> None:
    measured = measuring(spend_364d=np.array([0, 999.99, 1_000, 5_000, NAN]) * YUAN, **PERSON)
    scheme = shipped.scheme("b2c_spend")
    place, lacking = next_tier(scheme, measured, tiers_of(scheme, measured).place)
    assert [scheme.tiers[k].name if k >= 0 else None for k in place] == [
        "important",
        "important",
        "core",
        None,
        None,
    ]
    np.testing.assert_array_equal(lacking, [100_000, 1, 400_000, NAN, NAN])


def test_the_distance_to_the_next_rebate(shipped: Policy, measuring: Measuring) -> None:
    """Above 5,000,000 yuan, not at it: who spent exactly that lacks one fen."""
    spend = np.array([0, 500 * WAN, 500 * WAN + 1, 2_000 * WAN, 2_000 * WAN + 1])
    measured = measuring(spend_364d=spend, **COMPANY)
    tiers = {each.name: tiers_of(each, measured) for each in shipped.tiers}
    place, lacking = next_rebate(shipped, measured, tiers)
    assert [shipped.benefits[k].name if k >= 0 else None for k in place] == [
        "quarterly_rebate",
        "quarterly_rebate",
        "annual_rebate",
        "annual_rebate",
        None,
    ]
    np.testing.assert_array_equal(lacking, [500 * WAN + 1, 1, 1_500 * WAN, 1, NAN])


def test_nobody_who_is_a_person_is_near_a_rebate(shipped: Policy, measuring: Measuring) -> None:
    measured = measuring(spend_364d=499 * WAN, **PERSON)
    tiers = {each.name: tiers_of(each, measured) for each in shipped.tiers}
    assert next_rebate(shipped, measured, tiers).place.tolist() == [NOT_KNOWN]


@pytest.mark.parametrize(("level", "name"), [(0, "bronze"), (1, "silver"), (4, "diamond"), (9, "king")])
def test_membership_levels_have_names(shipped: Policy, measuring: Measuring, level: int, name: str) -> None:
    assert tier(shipped, "membership_level", measuring(level=level, is_b2b=0)) == [name]


@given(spend=st.integers(0, 10**10), more=st.integers(0, 10**10), kind=st.sampled_from([0, 1]))
def test_who_spends_more_is_never_in_a_lower_tier(
    shipped: Policy, measuring: Measuring, spend: int, more: int, kind: int
) -> None:
    measured = measuring(spend_364d=[spend, spend + more], returned_amount_364d=0, is_b2b=kind)
    scheme = shipped.scheme("b2b_purchases" if kind else "b2c_spend")
    found = tiers_of(scheme, measured)
    assert found.place[1] <= found.place[0]
    place, lacking = next_tier(scheme, measured, found.place)
    if place[0] >= 0:  # what is lacking, once spent, is enough, and one fen less is not
        after = measuring(
            spend_364d=[spend + lacking[0], spend + lacking[0] - 1], returned_amount_364d=0, is_b2b=kind
        )
        assert tiers_of(scheme, after).place[0] == place[0]
        assert tiers_of(scheme, after).place[1] == found.place[0]


def test_who_falls_into_a_gap_is_told_so(shipped: Policy, measuring: Measuring) -> None:
    scheme = shipped.scheme("b2c_spend")
    gapped = scheme.model_copy(update={"tiers": scheme.tiers[::2]})
    found = tiers_of(gapped, measuring(spend_364d=[0, 300_000, 600_000], **PERSON))
    assert found.place.tolist() == [1, NOT_KNOWN, 0]
    assert why(found, 1).startswith("no tier holds: the policy leaves a gap")
