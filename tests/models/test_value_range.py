"""The interval of a value: it holds what it says, widens with the value, and holds the value."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.value_range import SHARE, ValueRange, fit_value_range

Floats = npt.NDArray[np.float64]
AMOUNTS = st.lists(st.floats(0, 1e9), min_size=2, max_size=300)


def world(seed: int, rows: int, leaving: float) -> tuple[Floats, Floats]:
    """Expected values, and what came: nothing for those who left, else a heavy tail around the rest."""
    random = np.random.default_rng(seed)
    expected = random.gamma(1.5, 5000, rows)
    stays = random.uniform(size=rows) >= leaving
    return expected, np.where(stays, expected / (1 - leaving) * random.lognormal(-0.5, 1, rows), 0.0)


@pytest.mark.parametrize("leaving", [0.0, 0.05, 0.4, 0.7])
def test_of_new_customers_the_share_stated_lies_within(leaving: float) -> None:
    """However many bring nothing: from the 10th to the 90th of a hundred there would be 90 of them."""
    within = fit_value_range(*world(1, 20_000, leaving))
    expected, came = world(2, 20_000, leaving)
    low, high = within(expected)
    for part in (expected > 0, expected < 3000, expected > 12_000):
        share = np.mean((came >= low)[part] & (came <= high)[part])
        assert SHARE - 0.02 < share < SHARE + 0.03


@settings(max_examples=50, deadline=None)
@given(AMOUNTS, st.integers(0, 1000))
def test_a_larger_value_never_has_a_lower_end_and_lies_within(amounts: list[float], seed: int) -> None:
    expected = np.array(amounts)
    came = np.random.default_rng(seed).normal(expected, 1 + expected) * (expected % 2 < 1)
    within = fit_value_range(expected, came)
    asked = np.sort(np.append(expected, [0.0, 1.0, 2 * expected.max() + 1]))
    low, high = within(asked)
    assert (low <= asked).all()
    assert (asked <= high).all()
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) >= 0).all()
    assert np.isfinite(low).all()
    assert np.isfinite(high).all()


def test_few_customers_get_the_widest_interval_there_is() -> None:
    low, high = fit_value_range(np.ones(4), np.array([0.0, 5.0, 1.0, 2.0]))(np.array([1.0]))
    assert (low[0], high[0]) == (0.0, 5.0)


def test_one_alone_gets_what_it_gets_among_all() -> None:
    expected, came = world(3, 2000, 0.3)
    within = fit_value_range(expected, came)
    together = within(expected)
    for k in range(50):
        alone = within(expected[k : k + 1])
        assert (alone[0][0], alone[1][0]) == (together[0][k], together[1][k])


def test_beyond_the_largest_value_seen_the_interval_grows_in_proportion() -> None:
    within = ValueRange((10.0, 100.0), (0.0, 20.0), (30.0, 300.0))
    low, high = within(np.array([100.0, 1000.0]))
    assert low.tolist() == [20.0, 200.0]
    assert high.tolist() == [300.0, 3000.0]
