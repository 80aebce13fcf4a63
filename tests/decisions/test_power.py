"""The power of a holdout: against a simulation, and against itself from both ends."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import nct
from scipy.stats import t as student

from decisions.power import least_effect, least_share


@pytest.mark.parametrize(("customers", "share"), [(8_000, 0.05), (4_000, 0.2), (600, 0.5)])
def test_the_effect_it_says_is_found_in_four_of_five_simulated_holdouts(customers: int, share: float) -> None:
    """What customers bring is skewed, as in a shop."""
    random = np.random.default_rng(7)
    spread, tries, found = 300.0, 1_500, 0
    effect = least_effect(spread, customers, share)
    held = int(customers * share)
    for _ in range(tries):
        value = random.gamma(1.0, spread, customers)
        value[held:] += effect
        none, some = value[:held], value[held:]
        error = math.sqrt(none.var(ddof=1) / len(none) + some.var(ddof=1) / len(some))
        found += abs(some.mean() - none.mean()) > 1.96 * error
    assert found / tries == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize(("customers", "share"), [(500, 0.1), (20_000, 0.05), (300_000, 0.01)])
def test_it_agrees_with_the_exact_power_of_students_test(customers: int, share: float) -> None:
    """The exact power is of the noncentral t distribution; the arms here are large enough for the normal."""
    held = customers * share
    arms = math.sqrt(1 / held + 1 / (customers - held))
    freedom = customers - 2
    limit = student.isf(0.025, freedom)

    def lacking(effect: float) -> float:
        return float(nct.sf(limit, freedom, effect / arms) - 0.8)

    exact = brentq(lacking, 1e-6, 3 * arms)
    assert least_effect(1.0, customers, share) == pytest.approx(exact, rel=0.01)


@settings(max_examples=100)
@given(
    spread=st.floats(1, 1e6),
    customers=st.integers(100, 3_000_000),
    share=st.floats(0.001, 0.5, exclude_max=True),
)
def test_the_share_that_sees_an_effect_is_the_one_whose_effect_it_is(
    spread: float, customers: int, share: float
) -> None:
    found = least_share(least_effect(spread, customers, share), spread, customers)
    assert found == pytest.approx(share, rel=1e-5, abs=1e-5)


def test_an_effect_that_half_the_base_cannot_show_needs_another_base() -> None:
    most = least_effect(100.0, 1_000, 0.5)
    assert least_share(most * 1.0001, 100.0, 1_000) == pytest.approx(0.5, abs=0.01)
    assert least_share(most * 0.9999, 100.0, 1_000) is None
    assert least_share(1.0, 100.0, 0) is None


def test_a_holdout_of_nobody_or_everybody_sees_nothing() -> None:
    assert least_effect(100.0, 1_000, 0.0) == math.inf
    assert least_effect(100.0, 1_000, 1.0) == math.inf
    with pytest.raises(ValueError, match="above 0, came 0"):
        least_share(0, 100.0, 1_000)
