"""The week as the CRM gets it: one row a customer, in order, complete, in both languages."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from decisions.assess import IN_BASE, LAPSED, NEVER_BOUGHT
from decisions.why import WORDS, Why
from features.reader import read_facts
from releases.home import Home
from releases.policy import FrozenPolicy, read_frozen_policy
from releases.row import BEST_OFFERS, SCHEMA
from releases.week import WeekAbout, read_week_about, read_week_rows
from tables.history import Histories, read_histories

SCORED = ("churn_probability", "risk_band", "risk_band_zh", "expected_value", "reasons", "reasons_zh")


@pytest.fixture(scope="module")
def home(published: Path) -> Home:
    return Home(published)


@pytest.fixture(scope="module")
def histories(home: Home) -> Histories:
    return read_histories(home.current_base() / "histories")


@pytest.fixture(scope="module")
def about(home: Home) -> WeekAbout:
    return read_week_about(home.weeks / home.published().week, home.key())


@pytest.fixture(scope="module")
def frozen(home: Home) -> FrozenPolicy:
    return read_frozen_policy(home.policies / home.published().policy, home.key())


@pytest.fixture(scope="module")
def table(home: Home) -> pa.Table:
    return read_week_rows(home.weeks / home.published().week)


@pytest.fixture(scope="module")
def rows(table: pa.Table) -> list[dict[str, Any]]:
    return table.to_pylist()  # type: ignore[no-any-return]


def test_every_customer_has_one_row(table: pa.Table, histories: Histories, about: WeekAbout) -> None:
    assert table.schema.equals(SCHEMA)
    assert table["customer_id"].to_pylist() == histories.ids.tolist()
    assert len(set(table["customer_id"].to_pylist())) == about.customers == len(histories)


def test_every_row_names_its_bundle_policy_and_moment(
    table: pa.Table, home: Home, histories: Histories, about: WeekAbout
) -> None:
    now = home.published()
    assert set(table["bundle"].to_pylist()) == {now.bundle} == {about.bundle}
    assert set(table["policy"].to_pylist()) == {now.policy} == {about.policy}
    moments = set(table["moment"].cast(pa.int64()).to_pylist())
    assert moments == {about.moment} == {histories.last_at}


def test_customers_in_the_base_have_scores_and_the_others_none(
    rows: list[dict[str, Any]], about: WeekAbout
) -> None:
    assert {row["status"] for row in rows} == {IN_BASE, LAPSED, NEVER_BOUGHT}
    inside = [row for row in rows if row["status"] == IN_BASE]
    assert len(inside) == about.in_base
    for row in rows:
        known = row["status"] == IN_BASE
        for name in (
            "churn_probability",
            "risk_band",
            "risk_band_zh",
            "expected_value",
            "value_low",
            "value_high",
            "churn_probability_28d",
            "churn_probability_91d",
            "reasons",
            "reasons_zh",
        ):
            assert (row[name] is not None) == known
        if known:
            assert 0 < row["churn_probability"] < 1
            assert row["expected_value"] > 0
            assert row["value_low"] <= row["expected_value"] <= row["value_high"]
            assert row["churn_probability_28d"] >= row["churn_probability_91d"] == row["churn_probability"]
        else:
            assert row["chosen_offer"] is None


def test_reasons_are_five_in_both_languages(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if row["status"] == IN_BASE:
            assert len(set(row["reasons"])) == len(set(row["reasons_zh"])) == 5
            for english, chinese in zip(row["reasons"], row["reasons_zh"], strict=True):
                assert english.isascii()
                assert ("raises the risk" in english) == ("增加流失风险" in chinese)


def test_bands_follow_the_edges_of_the_policy(rows: list[dict[str, Any]], frozen: FrozenPolicy) -> None:
    chinese = {band.name: band.chinese for band in frozen.policy.risk_bands}
    for row in rows:
        if row["status"] == IN_BASE:
            below = [band.name for band in frozen.policy.risk_bands if row["churn_probability"] < band.below]
            assert row["risk_band"] == below[0]
            assert row["risk_band_zh"] == chinese[below[0]]
    assert len({row["risk_band"] for row in rows if row["risk_band"]}) > 1


def test_the_best_offers_come_best_first_and_the_chosen_one_before_all(
    rows: list[dict[str, Any]], frozen: FrozenPolicy
) -> None:
    ids = {offer.offer_id for offer in frozen.offers}
    words = dict(WORDS.values())
    for row in rows:
        offers = [row[f"offer_{k}"] for k in range(1, BEST_OFFERS + 1)]
        worth = [row[f"offer_{k}_net_value"] for k in range(1, BEST_OFFERS + 1)]
        whys = [row[f"offer_{k}_why"] for k in range(1, BEST_OFFERS + 1)]
        assert len(set(offers)) == BEST_OFFERS
        assert set(offers) <= ids
        assert [words[why] for why in whys] == [row[f"offer_{k}_why_zh"] for k in range(1, BEST_OFFERS + 1)]
        if row["chosen_offer"]:
            assert offers[0] == row["chosen_offer"]
            assert whys[0] == WORDS[Why.CHOSEN][0]
            assert worth[0] >= frozen.policy.minimum_net_value
        else:
            assert WORDS[Why.CHOSEN][0] not in whys
        following = worth[1:] if row["chosen_offer"] else worth
        if row["status"] == IN_BASE:
            assert following == sorted(following, reverse=True)
    assert any(row["chosen_offer"] for row in rows)


def test_a_chosen_offer_has_a_channel_of_its_own(rows: list[dict[str, Any]], frozen: FrozenPolicy) -> None:
    channels = {offer.offer_id: offer.channels for offer in frozen.offers}
    for row in rows:
        if row["chosen_offer"]:
            assert row["chosen_channel"] in channels[row["chosen_offer"]]
        else:
            assert row["chosen_channel"] is None


def test_customers_held_out_get_nothing(rows: list[dict[str, Any]]) -> None:
    held = [row for row in rows if row["held_out"]]
    assert 0.02 < len(held) / len(rows) < 0.09
    assert {row["chosen_offer"] for row in held} == {None}


def test_the_budget_holds_and_quantiles_are_those_of_the_scores(
    rows: list[dict[str, Any]], about: WeekAbout, frozen: FrozenPolicy
) -> None:
    budget = about.limits[0]
    assert (budget.name, budget.bound) == ("weekly_budget", frozen.policy.weekly_budget)
    assert 0 < budget.used <= budget.bound
    assert all(limit.used <= limit.bound and limit.price >= 0 for limit in about.limits)
    churn = [row["churn_probability"] for row in rows if row["churn_probability"] is not None]
    assert about.churn_quantiles[0] == min(churn)
    assert about.churn_quantiles[10] == pytest.approx(np.median(churn))
    assert about.churn_quantiles[-1] == max(churn)


def test_a_tier_by_spend_is_where_the_years_spend_lies(
    rows: list[dict[str, Any]], histories: Histories, about: WeekAbout
) -> None:
    facts = read_facts(histories, np.arange(len(histories)), about.moment)
    spend = np.maximum(0, facts.column("spend_364d") - facts.column("returned_amount_364d"))
    found = set()
    for row, spent, company in zip(rows, spend, facts.column("is_b2b"), strict=True):
        tiers = {each["scheme"]: each["tier"] for each in row["tiers"]}
        # Of whom it is not known, either scheme might hold, and no tier of it is known.
        assert ("b2b_purchases" in tiers) == (company != 0)
        assert ("b2c_spend" in tiers) == (company != 1)
        if np.isnan(company):
            assert tiers["b2b_purchases"] is tiers["b2c_spend"] is None
        if company == 0:
            tier = "core" if spent >= 500_000 else "important" if spent >= 100_000 else "basic"
            assert tiers["b2c_spend"] == tier
            found.add(tier)
            gaps = {each["scheme"]: each["lacking"] for each in row["next_tiers"]}
            lacking = {"core": None, "important": 500_000 - spent, "basic": 100_000 - spent}[tier]
            assert gaps.get("b2c_spend") == lacking
    assert found == {"core", "important", "basic"}


def test_the_best_by_value_are_held_against_the_published_number(
    rows: list[dict[str, Any]], frozen: FrozenPolicy, about: WeekAbout
) -> None:
    assert (frozen.frozen.source, frozen.frozen.moment) == ("simulator", about.moment)
    assert frozen.frozen.customers == about.customers
    number = frozen.frozen.numbers["value_ahead: quantile 0.8"]["person"]
    people = [row for row in rows if row["status"] == IN_BASE and row["tiers"][0]["scheme"] == "b2c_spend"]
    best = [row for row in people if row["churn_probability"] < 0.65 and row["expected_value"] >= number]
    assert best == [row for row in people if row["value_class"] == "high_value"]
    share = np.mean([row["expected_value"] < number for row in people])
    assert share == pytest.approx(0.8, abs=0.01)


def test_rows_can_be_read_for_some_customers_only(home: Home, table: pa.Table) -> None:
    some = table["customer_id"].to_pylist()[10:20:3]
    few = read_week_rows(home.weeks / home.published().week, some)
    assert few["customer_id"].to_pylist() == some
    assert read_week_rows(home.weeks / home.published().week, ["nobody"]).num_rows == 0
