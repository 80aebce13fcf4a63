"""Policies whose parts do not fit together: each mistake by its line, and what is there instead."""

import json
from pathlib import Path

import pytest

from decisions.policy import Policy, read_policy
from tables.refusal import Refused
from tables.sealed import canonical_json

# What stands in the shipped policy, what stands there instead, and what is said of that line.
MISTAKES: dict[str, tuple[str, str, str]] = {
    "an unknown tier of a benefit": (
        "tiers: [important]\n    group: birthday",
        "tiers: [importent]\n    group: birthday",
        r"b2c_spend: b2c_spend has no tier 'importent'; there is core, important, basic",
    ),
    "an unknown tier of a service level": (
        "tiers: {b2c_spend: [core], b2b_purchases: [core]}",
        "tiers: {b2c_spend: [gold], b2b_purchases: [core]}",
        "b2c_spend has no tier 'gold'",
    ),
    "an unknown scheme": (
        "tiers: {b2b_purchases: [core]}}",
        "tiers: {b2b: [core]}}",
        "no tier scheme is called 'b2b'; there is b2c_spend, b2b_purchases",
    ),
    "an unknown value scheme": (
        "  value: value\n",
        "  value: worth\n",
        r"matrix\.value: no tier scheme is called",
    ),
    "overlapping thresholds": (
        "when: {annual_spend: {at_least: 1_000_00, below: 5_000_00}}",
        "when: {annual_spend: {at_least: 1_000_00, below: 5_000_01}}",
        "core and important overlap where annual_spend = 500,000",
    ),
    "overlapping quantiles": (
        "value_ahead: {below: {quantile: 0.8}}\n          growth: {at_least",
        "value_ahead: {below: {quantile: 0.9}}\n          growth: {at_least",
        "high_value and potential overlap where .*quantile 0.8 = |high_value and potential overlap where",
    ),
    "an empty range": (
        "{at_least: 4, below: 5}",
        "{at_least: 5, below: 4}",
        "a range that nothing lies in",
    ),
    "a range without an end": (
        "membership_level: {below: 1}",
        "membership_level: {}",
        "at_least, above or below",
    ),
    "an unknown measure": (
        "when: {annual_orders: {at_least: 5}}",
        "when: {orders: {at_least: 5}}",
        "no measure",
    ),
    "an unknown fact": ("formula: orders_364d}", "formula: orders_365d}", "nothing is called 'orders_365d'"),
    "measures in a circle": (
        "formula: active_days_91d",
        "formula: engagement_level",
        r"measures\.interaction_days: read from itself in the end: .*interaction_days",
    ),
    "age in a formula": (
        "formula: active_days_91d",
        "formula: age_years",
        "age_years says who the customer is, and never drives price or terms",
    ),
    "a formula that is none": ("formula: active_days_91d", "formula: active_days_91d **", "not a formula"),
    "edges that fall": (
        "bands_of: annual_spend, edges: [{quantile: 0.5}, {quantile: 0.8}]",
        "bands_of: annual_spend, edges: [{quantile: 0.8}, {quantile: 0.5}]",
        "edges must rise",
    ),
    "a budget below zero": ("weekly: 300_000,", "weekly: -1,", r"budgets\.0\.weekly: .* came -1"),
    "a cap of zero": (
        "{name: week, contacts: 2",
        "{name: week, contacts: 0",
        r"caps\.0\.contacts: .* came 0",
    ),
    "a benefit without cost": ("    cost: {amount: 30_00}\n", "", r"benefits\.\d+\.cost: Field required"),
    "a cost that is none": (
        "cost: {amount: 30_00}",
        "cost: {times_a_year: 2}",
        "an amount .* or a share_of_spend",
    ),
    "a channel nobody has": ("{name: email,", "{name: pigeon,", r"channels\.0\.name: .* came 'pigeon'"),
    "a channel the business lacks": (
        "  - {name: community, chinese: 社群与小程序, cost: 1}\n",
        "",
        r"strategies\.7\.channels: the business has no channel 'community'",
    ),
    "a cap on a channel the business lacks": (
        "  - {name: visit, chinese: 拜访, cost: 200_00}\n",
        "",
        r"caps\.3\.channels: the business has no channel 'visit'; there is email",
    ),
    "two schemes that drive a person's benefits": (
        "    chinese: 会员等级\n    customers: person\n",
        "    chinese: 会员等级\n    customers: person\n    drives_benefits: true\n",
        "membership_level and b2c_spend both drive a person's benefits",
    ),
    "two tiers of one name": (
        "{name: silver, chinese: 白银",
        "{name: gold, chinese: 白银",
        "gold names two tiers",
    ),
    "a strategy for no class": ("of: mature", "of: grown_up", "the stage axis has no class 'grown_up'"),
    "two strategies for a class": ("of: mature", "of: growing", "stage growing has a strategy already"),
    "an unknown stage": ("stages: [lost]", "stages: [gone]", r"eligibility\.0\.stages: there is no 'gone'"),
    "an unknown benefit": ("benefits: [welcome_gift]", "benefits: [gift]", "no benefit is called 'gift'"),
    "an offer by a forecast that reads age": (
        "{kinds: [win_back], stages: [lost]}",
        "{kinds: [win_back], tiers: {value: [at_risk]}}",
        r"eligibility\.0\.tiers\.value: value goes by churn_probability, expected_value, which models ",
    ),
    "an unknown tier of an offer's rule": (
        "{kinds: [win_back], stages: [lost]}",
        "{kinds: [win_back], tiers: {b2c_spend: [gold]}}",
        r"eligibility\.0\.tiers\.b2c_spend: b2c_spend has no tier 'gold'; there is core, important, basic",
    ),
    "a slot by an unknown measure": (
        "preference: evening_orders",
        "preference: evenings",
        r"slots\.2\.preference: no measure is called 'evenings'",
    ),
    "a slot by age": (
        "unit: share, formula: evening_order_share_364d",
        "unit: share, formula: age_years",
        "age_years says who the customer is, and never drives price or terms",
    ),
    "a slot that ends before it begins": (
        'begin: "18:00", end: "21:00"',
        'begin: "18:00", end: "17:00"',
        r"slots\.2: .*a slot ends after it begins",
    ),
    "a lot too rare to weigh": (
        "exploration: {share: 0.03",
        "exploration: {share: 0.003",
        "share / among is 0.001, below least_propensity 0.005",
    ),
    "age bands that fall": (
        "  most_difference: 0.25\n",
        "  most_difference: 0.25\n  age_bands: [40, 30]\n",
        "age_bands must rise from above 0",
    ),
    "terms compared over something else": (
        "compared_over: [tier, region, age]",
        "compared_over: [tier, shoe_size]",
        r"equal_terms\.compared_over\.1: .* came 'shoe_size'",
    ),
    "hours that are none": ('begin: "21:00"', 'begin: "24:00"', r"quiet_hours\.0\.begin: .* came '24:00'"),
    "an answer after the solution": ("answer_hours: 2\n", "answer_hours: 72\n", "answer_hours is not longer"),
    "a name that is no word": (
        "{name: small_gift",
        '{name: "Small gift"',
        r"points\.gifts\.0\.name: .*pattern",
    ),
}


@pytest.mark.parametrize(("old", "new", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_by_its_line(tmp_path: Path, root: Path, old: str, new: str, says: str) -> None:
    text = (root / "config/policy.yaml").read_text(encoding="utf-8")
    assert text.count(old) >= 1
    path = tmp_path / "policy.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(Refused, match=says) as refused:
        read_policy(path)
    changed = text[: text.index(old)].count("\n") + 1
    span = max(old.count("\n"), new.count("\n")) + 1
    lines = [int(each.split(":")[1]) for each in str(refused.value).splitlines()]
    if new:  # what was left out is told where it is missed
        assert any(changed - 8 <= line <= changed + span for line in lines), (changed, str(refused.value))


def test_the_line_of_an_overlap_is_that_of_the_second_tier(tmp_path: Path, root: Path) -> None:
    text = (root / "config/policy.yaml").read_text(encoding="utf-8")
    old = "at_least: 1_000_00, below: 5_000_00"
    path = tmp_path / "policy.yaml"
    path.write_text(text.replace(old, "at_least: 1_000_00, below: 6_000_00"), encoding="utf-8")
    with pytest.raises(Refused) as refused:
        read_policy(path)
    line = text[: text.index(old)].count("\n") + 1
    assert str(refused.value).startswith(f"{path}:{line}: tiers.0.tiers.1.when: core and important overlap")


def test_a_published_policy_is_read_back_as_it_was(shipped: Policy) -> None:
    text = canonical_json(shipped.model_dump())
    assert Policy.model_validate(json.loads(text)) == shipped


def test_a_policy_of_before_decides_nothing_more_than_it_did(shipped: Policy) -> None:
    """Policies published before segments were stated stay valid, and give nobody a tier."""
    names = ("name", "margin_rate", "risk_bands", "weekly_budget", "minimum_net_value", "holdout")
    old = shipped.model_dump(include={*names, "unknown_consent"})
    policy = Policy.model_validate(json.loads(canonical_json(old)))
    assert (policy.tiers, policy.plans(), policy.classes()) == ((), (), ())
