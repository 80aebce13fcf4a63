"""Segments, protected groups and looking at many, on rows one can count and on draws."""

import numpy as np
import pytest

from models.segment import chance_of, clustered_error, holm, judge_segments
from models.treatment import Fare, judge_treatments


def test_a_segment_is_its_mean_promise_beside_what_happened() -> None:
    predicted = np.array([0.2, 0.4, 0.6, 0.8])
    happened = np.array([0.0, 1.0, 1.0, 1.0])
    members = {"first": np.array([True, True, False, False]), "few": np.array([False, False, False, True])}
    found, small = judge_segments(predicted, happened, np.arange(4), members, least=2)
    (first,) = found
    assert (first.customers, first.promised, first.happened) == (2, pytest.approx(0.3), 0.5)
    assert first.gap == pytest.approx(-0.2)
    assert small == ("few (1)",)


def test_a_customer_seen_at_three_moments_is_one_customer() -> None:
    random = np.random.default_rng(1)
    off = random.normal(size=200)
    customer = np.arange(200)
    once = clustered_error(off - off.mean(), customer)
    thrice = clustered_error(np.tile(off - off.mean(), 3), np.tile(customer, 3))
    assert thrice == pytest.approx(once)
    assert once == pytest.approx(off.std() / np.sqrt(200))


def test_holm_steps_down_and_stops_at_the_first_that_is_not_sure() -> None:
    assert holm([0.001, 0.04, 0.02], 0.05) == [True, True, True]
    assert holm([0.001, 0.04, 0.03], 0.05) == [True, False, False]
    assert holm([0.02, 0.9], 0.05) == [True, False]
    assert holm([], 0.05) == []
    assert holm([float("nan"), 0.001], 0.05) == [False, True]


def test_good_promises_are_blamed_in_one_of_twenty_looks_at_many_segments_at_most() -> None:
    """At the bound exactly in all of twenty segments, which is the worst that is allowed."""
    random = np.random.default_rng(2)
    blamed = []
    for _ in range(400):
        gaps = 0.08 + random.normal(0, 0.02, 20)
        blamed.append(any(holm([chance_of(gap, 0.08, 0.02) for gap in gaps], 0.05)))
    assert 0.02 <= np.mean(blamed) <= 0.08


def test_without_an_error_only_what_is_beyond_is_blamed() -> None:
    assert (chance_of(0.1, 0.08, 0.0), chance_of(0.05, 0.08, 0.0)) == (0.0, 1.0)


def fare(offered: list[float], reward: list[float], missed: list[float]) -> Fare:
    return Fare(np.array(offered), np.array(reward), np.array(missed))


def test_a_group_is_held_beside_everybody_else_whose_group_is_known() -> None:
    groups = np.array(["a", "a", "b", "b", "b", None], dtype=object)
    ours = fare([1, 0, 1, 1, 1, 0], [100, 0, 100, 200, 300, 0], [1, np.nan, 0, 1, np.nan, 1])
    found, small = judge_treatments(ours, None, np.arange(6), {"region": groups}, least=1)
    told = {(each.group, each.measure): each for each in found}
    assert told["a", "offered"].worse == pytest.approx(0.5)
    assert told["a", "reward"].worse == pytest.approx(1 - 50 / 200)
    assert told["b", "reward"].worse == pytest.approx(1 - 200 / 50)
    assert told["a", "missed"].worse == pytest.approx(0.5)
    assert told["a", "missed"].change is None
    assert small == ()


def test_a_change_from_the_champion_is_paired() -> None:
    random = np.random.default_rng(3)
    n = 3000
    groups = np.where(random.random(n) < 0.4, "a", "b").astype(object)
    before = (random.random(n) < 0.5).astype(float)
    after = np.where((groups == "a") & (random.random(n) < 0.2), 0.0, before)
    nothing = np.full(n, np.nan)
    found, _ = judge_treatments(
        Fare(after, after * 100, nothing),
        Fare(before, before * 100, nothing),
        np.arange(n),
        {"x": groups},
        50,
    )
    (told,) = [each for each in found if (each.group, each.measure) == ("a", "offered")]
    assert told.change == pytest.approx(0.2, abs=0.05)
    assert told.change_error is not None
    assert told.change_error < told.error
    same, _ = judge_treatments(
        Fare(before, before, nothing), Fare(before, before, nothing), np.arange(n), {"x": groups}, 50
    )
    assert all((each.change, each.change_error) == (0, 0) for each in same)


def test_the_error_of_a_ratio_is_what_a_bootstrap_finds() -> None:
    random = np.random.default_rng(4)
    n = 2000
    groups = np.where(random.random(n) < 0.3, "a", "b").astype(object)
    offered = (random.random(n) < np.where(groups == "a", 0.3, 0.4)).astype(float)
    nothing = np.full(n, np.nan)
    found, _ = judge_treatments(Fare(offered, offered, nothing), None, np.arange(n), {"x": groups}, 50)
    (told,) = [each for each in found if (each.group, each.measure) == ("a", "offered")]
    draws = []
    for _ in range(400):
        rows = random.integers(n, size=n)
        mine = groups[rows] == "a"
        draws.append(1 - offered[rows][mine].mean() / offered[rows][~mine].mean())
    assert told.error == pytest.approx(np.std(draws), rel=0.15)


def test_too_few_of_a_group_and_bases_of_one_group_are_not_judged() -> None:
    groups = np.array(["a"] * 5 + ["b"] * 95, dtype=object)
    ours = Fare(np.ones(100), np.ones(100), np.full(100, np.nan))
    found, small = judge_treatments(ours, None, np.arange(100), {"x": groups}, 20)
    assert found == ()
    assert small == ("x a, offered (5)", "x a, reward (5)", "x b, offered (5)", "x b, reward (5)")
    assert judge_treatments(ours, None, np.arange(100), {"x": np.full(100, "a", object)}, 20) == ((), ())
