"""The census: sums that no order changes, offers that come and go, and parts that are stored."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.census import Census
from models.drift import bins_of
from models.scorer import Scores
from tables.offer import Offer
from tables.refusal import Refused

FACTS = ("orders", "spend")
SCORES = ("churn", "value", "response:ten", "uplift:ten")
TEN = Offer("ten", "coupon", "ten", reward=1, cost=1)
NEW = Offer("new", "coupon", "new", reward=1, cost=1)


def empty() -> Census:
    random = np.random.default_rng(3)
    return Census.empty(
        bins_of(FACTS, random.gamma(1, 10, (500, 2))), bins_of(SCORES, random.random((500, 4)))
    )


def customers(count: int, seed: int, offers: int = 1) -> tuple[Any, Scores]:
    random = np.random.default_rng(seed)
    values = random.gamma(1, 10, (count, 2))
    response = random.random((count, offers))
    uplift = random.normal(0, 1e4, (count, offers))
    return values, Scores(random.random(count), random.gamma(1, 1e5, count), response, uplift)


@settings(deadline=None)
@given(st.integers(0, 200), st.lists(st.integers(0, 200), max_size=4), st.randoms())
def test_whatever_way_customers_are_divided_the_census_is_the_same(
    n: int, cuts: list[int], random: Any
) -> None:
    values, scores = customers(n, n)
    whole = empty()
    whole.add(values, FACTS, scores, (TEN,))
    edges = sorted({0, n, *(min(cut, n) for cut in cuts)})
    parts = []
    for begin, end in pairwise(edges):
        part = empty()
        part.add(values[begin:end], FACTS, Scores(*(each[begin:end] for each in scores)), (TEN,))
        parts.append(empty().with_arrays({k: v.tolist() for k, v in part.arrays().items()}))
    random.shuffle(parts)
    together = sum(parts, start=empty())
    for name, array in whole.arrays().items():
        assert np.array_equal(array, together.arrays()[name])
    assert whole.customers == n
    if n:
        assert whole.mean("churn") == pytest.approx(scores.churn.mean(), abs=1e-6)
        assert whole.mean("value") == pytest.approx(scores.value.mean(), abs=0.5)
        assert whole.mean("response:ten") == pytest.approx(scores.response.mean(), abs=1e-6)


def test_a_new_offer_is_passed_over_and_one_that_is_gone_is_not_counted() -> None:
    census = empty()
    values, scores = customers(50, 1, offers=2)
    census.add(values, FACTS, scores, (NEW, TEN))
    assert census.scores.of("response:ten").sum() == 50
    assert census.mean("response:ten") == pytest.approx(scores.response[:, 1].mean(), abs=1e-6)
    other = empty()
    other.add(values, FACTS, Scores(*scores[:2], scores.response[:, :0], scores.uplift[:, :0]), ())
    assert other.scores.of("response:ten").sum() == 0
    assert np.isnan(other.mean("uplift:ten"))
    assert other.customers == 50


def test_columns_are_taken_by_name() -> None:
    values, scores = customers(80, 2)
    one, other = empty(), empty()
    one.add(values, FACTS, scores, (TEN,))
    other.add(
        np.column_stack([values[:, 1], np.ones(80), values[:, 0]]), ("spend", "x", "orders"), scores, (TEN,)
    )
    assert np.array_equal(one.facts.counts, other.facts.counts)
    with pytest.raises(Refused, match="does not read: spend"):
        other.add(values, ("orders", "x"), scores, (TEN,))


def test_counts_kept_in_other_bins_are_not_taken_up() -> None:
    kept = {name: array.tolist() for name, array in empty().arrays().items()}
    kept["sums"] = kept["sums"][:2]
    with pytest.raises(ValueError, match="sums kept were counted in other bins"):
        empty().with_arrays(kept)


def test_a_census_comes_back_from_json() -> None:
    census = empty()
    values, scores = customers(30, 5)
    census.add(values, FACTS, scores, (TEN,))
    again = Census.from_json(census.as_json())
    assert again.as_json() == census.as_json()
    assert again.facts.bins.names == FACTS
