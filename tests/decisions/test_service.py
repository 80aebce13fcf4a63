"""Service levels and cadences by tier, as documents [1], [3] and [4] print them."""

from collections.abc import Callable

from decisions.known import Measured
from decisions.policy import Policy
from decisions.service import NO_LEVEL, cadences_of, service_levels_of
from decisions.tier import Labels, tiers_of

NAN = float("nan")
WAN = 1_000_000
Measuring = Callable[..., Measured]


def tiers(policy: Policy, measured: Measured) -> dict[str, Labels]:
    return {scheme.name: tiers_of(scheme, measured) for scheme in policy.tiers}


def test_each_tier_is_served_as_fast_as_printed(shipped: Policy, measuring: Measuring) -> None:
    spend = [500_000, 100_000, 0, 1_000 * WAN, 100 * WAN, NAN]
    measured = measuring(spend_364d=spend, returned_amount_364d=0, is_b2b=[0, 0, 0, 1, 1, 0])
    found = [shipped.service_levels[k] for k in service_levels_of(shipped, tiers(shipped, measured), 6)]
    assert [(level.answer_hours, level.solve_hours) for level in found] == [
        (2, 48),
        (24, 72),
        (24, 72),
        (2, 48),
        (24, 72),
        (24, 72),
    ]
    assert [level.name for level in found][2] == "online_desk"
    assert found[2].open_hours == "7x12"
    assert found[5].default  # nothing is known of the last one


def test_without_levels_nobody_has_one(shipped: Policy, measuring: Measuring) -> None:
    policy = shipped.model_copy(update={"service_levels": ()})
    found = service_levels_of(policy, tiers(policy, measuring(is_b2b=0)), 1)
    assert found.tolist() == [NO_LEVEL]


def test_a_core_account_is_visited_called_and_asked(shipped: Policy, measuring: Measuring) -> None:
    measured = measuring(
        is_b2b=1,
        spend_364d=[120 * WAN, 80 * WAN, 30 * WAN],
        returned_amount_364d=0,
        sales_margin_share_364d=[0.25, 0.18, 0.08],
        potential_by_hand=[8, 5, 9],
    )
    found = cadences_of(shipped, tiers(shipped, measured), 3)
    said = [
        {
            (c.who, c.every_days)
            for c, holds in zip(shipped.cadences, row, strict=True)
            if holds and c.document == "[3]"
        }
        for row in found
    ]
    assert said == [
        {("executive", 91), ("sales", 30), ("service", 7)},
        {("sales", 91), ("service", 30)},
        {("sales", 61)},
    ]
