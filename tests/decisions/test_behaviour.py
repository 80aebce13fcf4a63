"""The behaviour axis: memberships that sum to 1, labels, and how stable they are."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from decisions.behaviour import Behaviour, Membership, memberships
from decisions.freezing import freeze
from decisions.known import Known
from decisions.policy import Policy
from decisions.segment import measured_of
from decisions.stability import agreement, stability

NAN = float("nan")
# Signal -> whether it speaks for its type (1) or against it (-1).
TYPES = (
    {"discount_share_364d": 1, "price_to_list_364d": -1},
    {"spend_per_order_364d": 1, "mean_list_price_364d": 1, "reviews_364d": 1},
    {"service_contacts_364d": 1},
    {"shares_364d": 1, "referrals_364d": 1},
)


@pytest.fixture(scope="module")
def only_behaviour(shipped: Policy) -> Policy:
    return shipped.model_copy(update={"tiers": (), "tags": (), "matrix": None, "benefits": ()})


def customers(count: int, seed: int, clear: float = 3.0) -> tuple[Known, Any]:
    """Customers of whom a hidden type shows in its signals; the type's place too."""
    rng = np.random.default_rng(seed)
    hidden = rng.integers(0, 4, count)
    columns = {"is_b2b": np.zeros(count), "orders_364d": np.ones(count)}
    for place, signals in enumerate(TYPES):
        for name, direction in signals.items():
            columns[name] = direction * (rng.normal(size=count) + clear * (hidden == place))
    return Known(count, columns), hidden


def seen(policy: Policy, known: Known) -> Membership:
    stage = np.zeros(known.customers, np.int8)
    frozen = freeze(policy, known, stage, 0)
    assert policy.behaviour is not None
    return memberships(policy.behaviour, measured_of(policy, known, frozen))


def test_memberships_sum_to_one_and_the_largest_is_the_label(only_behaviour: Policy) -> None:
    found = seen(only_behaviour, customers(500, 1)[0])
    np.testing.assert_allclose(found.soft.sum(axis=1), 1)
    assert (found.soft > 0).all()
    np.testing.assert_array_equal(found.soft.argmax(axis=1), found.labels.place)
    np.testing.assert_array_equal(found.is_clear, found.soft.max(axis=1) >= 0.5)


def test_a_type_that_shows_is_found(only_behaviour: Policy) -> None:
    known, hidden = customers(2_000, 2)
    assert (seen(only_behaviour, known).labels.place == hidden).mean() > 0.9


def test_signals_that_mean_nothing_find_nothing(only_behaviour: Policy) -> None:
    known, hidden = customers(2_000, 3, clear=0.0)
    assert abs(agreement(seen(only_behaviour, known).labels.place, hidden).rand) < 0.02


def test_who_does_more_of_everything_is_of_no_type_more_than_of_another(only_behaviour: Policy) -> None:
    known, _ = customers(2_000, 4)
    columns = {name: column.copy() for name, column in known.columns.items()}
    for name, direction in (signal for signals in TYPES for signal in signals.items()):
        columns[name][0], columns[name][1] = 100.0 * direction, -100.0 * direction
    found = seen(only_behaviour, Known(2_000, columns))
    np.testing.assert_allclose(found.soft[:2], 0.25, atol=1e-9)


def test_a_signal_may_speak_against_a_type(only_behaviour: Policy) -> None:
    axis = only_behaviour.behaviour
    assert axis is not None
    known, hidden = customers(300, 5)
    turned = axis.model_dump()
    for signal in turned["types"][0]["signals"]:
        signal["direction"] = {"low": "high", "high": "low"}[signal["direction"]]
    policy = only_behaviour.model_copy(update={"behaviour": Behaviour.model_validate(turned)})
    plain, other = seen(only_behaviour, known).soft[:, 0], seen(policy, known).soft[:, 0]
    assert plain[hidden == 0].mean() > 0.5
    assert other[hidden == 0].mean() < 0.15  # a quarter would say nothing


def test_who_lacks_all_signals_of_one_type_has_no_type_and_the_reason(only_behaviour: Policy) -> None:
    known, _ = customers(300, 6)
    columns = {name: column.copy() for name, column in known.columns.items()}
    for name in TYPES[3]:
        columns[name][:5] = NAN
    columns["mean_list_price_364d"][5] = NAN  # one of two: the other speaks
    found = seen(only_behaviour, Known(300, columns))
    assert (found.labels.place[:5] == -1).all()
    assert np.isnan(found.soft[:5]).all()
    (said,) = {found.labels.reasons[k] for k in found.labels.why[:5]}
    assert said[0] == "not known: shares_364d, referrals_364d"
    assert (found.labels.place[5:] >= 0).all()


labels = st.lists(st.integers(0, 4), min_size=1, max_size=40)


@given(labels, st.integers(0, 10**6))
def test_the_adjusted_rand_index_is_scikit_learns(one: list[int], seed: int) -> None:
    other = np.random.default_rng(seed).integers(0, 3, len(one))
    found = agreement(one, other)
    assert found.rand == pytest.approx(adjusted_rand_score(one, other), abs=1e-9)
    assert found.customers == len(one)


def test_agreement_is_of_those_who_have_a_label_both_times() -> None:
    assert agreement([0, 1, -1, 2], [0, 2, 1, -1]) == (agreement([0, 1], [0, 2]).rand, 0.5, 2)
    assert agreement([-1], [0]).customers == 0


def test_a_type_that_shows_is_stable_and_noise_is_not(only_behaviour: Policy) -> None:
    stage = np.zeros(800, np.int8)
    now, later = (customers(800, seed)[0] for seed in (7, 8))
    (same,) = [
        each
        for each in stability(only_behaviour, (now, stage), (now, stage), 0, draws=4)
        if each.name == "behaviour"
    ]
    assert same.week == (1.0, 0.0, 800)
    assert 0.8 < same.worst <= same.resampled.rand <= 1
    (strangers,) = [
        each
        for each in stability(only_behaviour, (now, stage), (later, stage), 0, draws=4)
        if each.name == "behaviour"
    ]
    assert abs(strangers.week.rand) < 0.05
