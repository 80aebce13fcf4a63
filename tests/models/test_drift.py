"""Bins, tallies, the index and the distance, against SciPy, NumPy and hands."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy, wasserstein_distance

from models.drift import MOST_BINS, SMOOTHING, Tally, bins_of, by_chance, moved, psi, rose, shares

VALUES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, np.nan, np.inf, -np.inf, 1e300, 5e-324]), st.floats(-1e6, 1e6)
)
COUNTS = st.lists(st.integers(0, 1000), min_size=3, max_size=12).filter(lambda each: sum(each[:-1]) > 0)


def table(*columns: Any) -> Any:
    return np.column_stack([np.asarray(each, np.float64) for each in columns])


def test_ten_tenths_and_the_missing_apart() -> None:
    values = np.r_[np.arange(1000.0), [np.nan] * 7]
    tally = bins_of(("x",), values[:, None]).tally()
    tally.add(values[:, None])
    assert tally.of("x").tolist() == [100] * 10 + [7]


def test_a_heavy_value_stands_alone() -> None:
    values = np.r_[np.zeros(500), np.arange(1.0, 501.0), -np.arange(1.0, 3.0)]
    tally = bins_of(("x",), values[:, None]).tally()
    tally.add(np.array([[0.0], [-0.0], [-1e-300], [1e-300]]))
    counts = tally.of("x")
    assert counts.max() == 2  # the two zeros; what is a hair below or above is elsewhere
    assert counts.sum() == 4


def test_what_training_never_saw_is_seen() -> None:
    constant = np.ones((100, 1))
    tally = bins_of(("x",), constant).tally()
    tally.add(constant)
    other = bins_of(("x",), constant).tally()
    other.add(constant + 1)
    assert psi(tally.of("x"), other.of("x")) > 5


def test_a_column_without_any_value_has_one_bin_and_the_missing() -> None:
    nothing = np.full((5, 1), np.nan)
    tally = bins_of(("x",), nothing).tally()
    tally.add(nothing)
    assert tally.of("x").tolist() == [0, 5]


@settings(deadline=None)  # the first example compiles
@given(arrays(np.float64, st.tuples(st.integers(0, 60), st.just(3)), elements=VALUES), st.data())
def test_every_customer_is_counted_once_and_where_search_finds_the_bin(values: Any, data: Any) -> None:
    bins = bins_of(("a", "b", "c"), values)
    assert bins.edges.shape[1] <= 2 * MOST_BINS
    asked = data.draw(arrays(np.float64, st.tuples(st.integers(1, 30), st.just(3)), elements=VALUES))
    tally = bins.tally()
    tally.add(asked)
    assert (tally.counts.sum(1) == len(asked)).all()
    for k, name in enumerate(bins.names):
        edges = bins.edges[k][np.isfinite(bins.edges[k])]
        known = asked[:, k][~np.isnan(asked[:, k])]
        expected = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
        assert tally.of(name).tolist() == [*expected.tolist(), int(np.isnan(asked[:, k]).sum())]


@settings(deadline=None)  # the first example compiles
@given(arrays(np.float64, st.tuples(st.integers(1, 60), st.just(2)), elements=VALUES), st.integers(0, 60))
def test_tallies_of_parts_add_up_to_the_tally_of_all(values: Any, cut: int) -> None:
    bins = bins_of(("a", "b"), values)
    whole, first, second = bins.tally(), bins.tally(), bins.tally()
    whole.add(values)
    first.add(values[:cut])
    second.add(values[cut:])
    assert np.array_equal((first + second).counts, whole.counts)
    assert np.array_equal((second + first).counts, whole.counts)


@settings(deadline=None)  # the first example compiles
@given(arrays(np.float64, st.tuples(st.integers(1, 40), st.just(3)), elements=VALUES))
def test_a_tally_comes_back_from_json_as_it_was(values: Any) -> None:
    tally = bins_of(("a", "b", "c"), values).tally()
    tally.add(values)
    again = Tally.from_json(tally.as_json())
    assert np.array_equal(again.counts, tally.counts)
    assert np.array_equal(again.bins.edges, tally.bins.edges)


def test_counts_that_do_not_fit_their_bins_are_refused() -> None:
    tally = bins_of(("a",), table(np.arange(100))).tally()
    said = tally.as_json()
    said["counts"][0].append(1)
    with pytest.raises(ValueError, match="a: 12 counts"):
        Tally.from_json(said)


def test_tallies_of_other_bins_are_not_added() -> None:
    one, other = bins_of(("a",), table([1, 2])), bins_of(("a",), table([1, 3]))
    with pytest.raises(ValueError, match="other bins"):
        one.tally() + other.tally()
    with pytest.raises(ValueError, match="expected 1 columns"):
        one.tally().add(np.zeros((1, 2)))


def test_the_index_by_hand() -> None:
    """Half and half becomes three quarters and a quarter: a quarter of ln 1.5 and of ln 2."""
    by_hand = 0.25 * math.log(0.75 / 0.5) + 0.25 * math.log(0.5 / 0.25)
    assert psi([500, 500, 0], [750, 250, 0]) == pytest.approx(by_hand, rel=2e-3)


@given(COUNTS, st.data())
def test_the_index_is_the_divergence_both_ways_and_symmetric(before: list[int], data: Any) -> None:
    now = data.draw(st.lists(st.integers(0, 1000), min_size=len(before), max_size=len(before)))
    if sum(now) == 0:
        return
    p, q = shares(before) + SMOOTHING, shares(now) + SMOOTHING
    assert psi(before, now) == pytest.approx(entropy(p, q) + entropy(q, p), abs=1e-12)
    assert psi(before, now) == pytest.approx(psi(now, before))
    assert psi(before, now) >= 0
    assert psi(before, [3 * each for each in before]) == pytest.approx(0, abs=1e-12)


@given(COUNTS, st.data())
def test_the_distance_is_wassersteins_on_the_ranks_of_training(training: list[int], data: Any) -> None:
    same = st.lists(st.integers(0, 1000), min_size=len(training), max_size=len(training))
    before, now = data.draw(same), data.draw(same)
    if min(sum(before[:-1]), sum(now[:-1])) == 0:
        return
    share = shares(training[:-1])
    ranks = np.cumsum(share) - share / 2
    expected = wasserstein_distance(ranks, ranks, before[:-1], now[:-1])
    assert moved(before, now, training) == pytest.approx(expected, abs=1e-9)
    assert moved(now, before, training) == pytest.approx(expected, abs=1e-9)
    assert 0 <= moved(before, now, training) <= 1
    assert abs(rose(before, now, training)) <= expected + 1e-9


def test_everybody_a_tenth_higher_moved_by_a_tenth() -> None:
    before, now = [100] * 10 + [0], [0] + [100] * 8 + [200] + [0]
    assert moved(before, now, before) == pytest.approx(0.09)
    assert rose(before, now, before) == pytest.approx(0.09)
    assert rose(now, before, before) == pytest.approx(-0.09)


def test_without_values_nothing_moved_but_the_index_speaks() -> None:
    assert np.isnan(moved([5, 5, 0], [0, 0, 10], [5, 5, 0]))
    assert psi([5, 5, 0], [0, 0, 10]) > 5


def test_chance_explains_a_small_base_and_nothing_in_a_large_one() -> None:
    random = np.random.default_rng(5)
    within = 0
    for _ in range(200):
        before, now = random.multinomial(400, [0.1] * 10), random.multinomial(300, [0.1] * 10)
        within += psi([*before, 0], [*now, 0]) <= by_chance([*before, 0], [*now, 0], 1)
    assert within >= 193  # 99 in 100, give or take three standard errors
    assert by_chance([3 * 10**5] * 10, [3 * 10**5] * 10, 280) < 1e-4
    assert by_chance([6] * 10, [6] * 10, 280) > 0.5
