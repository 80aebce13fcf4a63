"""Frozen numbers: taken once, of each kind apart, and the same until the next release."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from decisions.behaviour import Behaviour, Kind, Signal, memberships, rank_of
from decisions.freezing import freeze, freeze_parts, frozen_for, inputs, stated, statistics
from decisions.frozen import Frozen, number_of, rank_values
from decisions.known import Known, Measured, names_known, written
from decisions.measure import LeadingShare, Quantile
from decisions.policy import Policy
from decisions.segment import measured_of, segments
from decisions.tier import tiers_of
from tables.refusal import Refused

NAN = float("nan")
Floats = Any
MOMENT = 1_790_000_000_000_000
amounts = arrays(np.float64, st.integers(1, 60), elements=st.integers(0, 1000).map(float))


def base(customers: int, seed: int) -> tuple[Known, Floats]:
    """A base with every column the shipped policy reads, and life-cycle states."""
    rng = np.random.default_rng(seed)
    orders = rng.poisson(rng.gamma(1.5, 4.0, customers)).astype(float)
    spend = np.round(orders * rng.gamma(2.0, 6_000, customers))
    columns = {name: rng.random(customers) for name in sorted(names_known() & WANTED)}
    columns |= {
        "is_b2b": (rng.random(customers) < 0.2).astype(float),
        "orders_364d": orders,
        "orders_ever": orders + rng.poisson(1.0, customers),
        "spend_364d": spend,
        "returned_amount_364d": np.zeros(customers),
        "churn_probability": np.where(orders > 0, rng.random(customers), NAN),
        "expected_value": np.where(orders > 0, spend / 10, NAN),
        "reviews_364d": rng.poisson(0.4, customers).astype(float),
        "categories_364d": np.minimum(orders, 5),
    }
    return Known(customers, columns), rng.integers(0, 4, customers).astype(np.int8)


WANTED: frozenset[str] = frozenset()


@pytest.fixture(scope="module", autouse=True)
def wanted(shipped: Policy) -> None:
    globals()["WANTED"] = frozenset(inputs(shipped))


@given(amounts, st.floats(0.05, 0.95))
def test_a_quantile_is_an_observed_value_that_so_many_do_not_exceed(values: Floats, share: float) -> None:
    found = number_of(values, Quantile(quantile=share))
    assert found in values
    assert (values <= found).mean() >= share - 1e-9
    assert (values < found).mean() < share + 1e-9


@given(amounts, st.floats(0.05, 0.95))
def test_a_leading_share_is_reached_by_the_largest_and_by_no_fewer(values: Floats, share: float) -> None:
    found = number_of(values, LeadingShare(leading_share=share))
    if values.sum() == 0:
        assert np.isnan(found)
        return
    assert values[values >= found].sum() >= share * values.sum() - 1e-6
    assert values[values > found].sum() < share * values.sum() + 1e-6


def test_thirty_per_cent_may_mean_customers_or_revenue() -> None:
    spend = np.array([1_000.0] * 9 + [9_000.0])
    assert number_of(spend, Quantile(quantile=0.7)) == 1_000
    assert number_of(spend, LeadingShare(leading_share=0.3)) == 9_000


@given(amounts)
def test_ranks_lie_between_0_and_1_and_rise_with_the_value(values: Floats) -> None:
    edges = np.array(rank_values(values))
    ranks = np.array([rank_of(value, edges) for value in np.sort(values)])
    assert ((ranks >= 0) & (ranks <= 1)).all()
    assert (np.diff(ranks) >= 0).all()


def test_equal_values_share_the_middle_of_their_ranks() -> None:
    edges = np.array(rank_values(np.array([0.0] * 80 + [1.0] * 20)))
    assert [rank_of(value, edges) for value in (0.0, 1.0, 0.5)] == [16 / 38, 35 / 38, 32 / 38]
    assert np.isnan(rank_of(NAN, edges))
    assert np.isnan(rank_of(1.0, edges[:0]))


def test_what_was_frozen_survives_json(shipped: Policy) -> None:
    known, stage = base(900, 1)
    frozen = freeze(shipped, known, stage, MOMENT)
    assert Frozen.model_validate(json.loads(json.dumps(frozen.model_dump(mode="json")))) == frozen


def test_every_statistic_is_frozen_and_every_tier_known(shipped: Policy) -> None:
    known, stage = base(3_000, 2)
    frozen = freeze(shipped, known, stage, MOMENT)
    assert len(frozen.numbers) == len(list(statistics(shipped))) > 10
    assert all(set(each) == {"person", "company"} for each in frozen.numbers.values())
    found = segments(shipped, known, frozen, stage)
    for scheme in shipped.tiers:
        assert (found.tiers[scheme.name].place != -1).all(), scheme.name
    assert (found.cell >= 0).all()


def test_the_same_customer_keeps_the_tier_though_others_buy_more(shipped: Policy) -> None:
    known, stage = base(2_000, 3)
    frozen = freeze(shipped, known, stage, MOMENT)
    richer = {name: column.copy() for name, column in known.columns.items()}
    for name in ("spend_364d", "expected_value", "orders_364d"):
        richer[name][1000:] *= 10
    scheme = shipped.scheme("value")
    before = tiers_of(scheme, measured_of(shipped, known, frozen)).place
    after = tiers_of(scheme, measured_of(shipped, Known(2_000, richer), frozen)).place
    np.testing.assert_array_equal(before[:1000], after[:1000])
    anew = freeze(shipped, Known(2_000, richer), stage, MOMENT)
    moved = tiers_of(scheme, measured_of(shipped, Known(2_000, richer), anew)).place
    assert (before[:1000] != moved[:1000]).any()


def test_a_kind_with_too_few_customers_has_no_threshold_and_says_so(shipped: Policy) -> None:
    known, stage = base(450, 4)  # about ninety companies
    frozen = freeze(shipped, known, stage, MOMENT)
    assert all(set(each) == {"person"} for each in frozen.numbers.values())
    found = tiers_of(shipped.scheme("value"), measured_of(shipped, known, frozen))
    staying = (known("is_b2b") == 1) & (known("orders_364d") > 0) & (known("churn_probability") < 0.65)
    said = {found.reasons[k][0] for k in found.why[staying]}
    assert said == {"not known: a threshold that is frozen for customers of this kind"}
    assert (found.place[known("is_b2b") == 0] >= 0).all()


def test_frozen_numbers_answer_the_policy_they_were_frozen_for(shipped: Policy) -> None:
    known, stage = base(900, 5)
    frozen = freeze(shipped, known, stage, MOMENT, "shop")
    other_budget = shipped.model_copy(update={"weekly_budget": 1, "name": "other"})
    other_tags = shipped.model_copy(update={"tags": shipped.tags[:1]})
    assert frozen_for(shipped, frozen, "shop") == frozen
    assert frozen_for(other_budget, frozen, "shop") == frozen
    assert frozen_for(other_tags, frozen, "shop") is None
    assert frozen_for(shipped, frozen, "another shop") is None
    assert stated(other_tags) != stated(shipped)


@pytest.mark.parametrize("borders", [[], [1], [700, 701], [300, 600, 900, 1_200]])
def test_how_the_base_is_parted_changes_no_number(shipped: Policy, borders: list[int]) -> None:
    known, stage = base(1_500, 8)
    parts = [(known.take(rows), stage[rows]) for rows in np.split(np.arange(1_500), borders)]
    assert freeze_parts(shipped, parts, MOMENT) == freeze(shipped, known, stage, MOMENT)


@given(st.integers(2, 12), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_however_many_signals_one_customer_gets_the_share_of_the_whole_base(
    signals: int, customers: int, seed: int
) -> None:
    """Sums of eight and more are where NumPy's order of adding depends on the shape."""
    names = [f"m{k}" for k in range(signals)]
    types = [Kind(name="one", chinese="一", signals=tuple(Signal(measure=name) for name in names))]
    types += [
        Kind(name=f"t{k}", chinese="二", signals=(Signal(measure=names[k]),)) for k in range(signals - 1)
    ]
    axis = Behaviour(name="behaviour", chinese="行为", types=tuple(types))
    rng = np.random.default_rng(seed)
    columns = {name: rng.random(customers) for name in names} | {"is_b2b": np.zeros(customers)}
    frozen = Frozen(ranks={name: {"person": rank_values(rng.random(500))} for name in names})
    by = written({}, {}, frozen, columns)
    whole = memberships(axis, Measured(Known(customers, columns), by, frozen)).soft
    for row in range(customers):
        alone = Known(customers, columns).take(np.array([row]))
        np.testing.assert_array_equal(memberships(axis, Measured(alone, by, frozen)).soft[0], whole[row])


def test_an_empty_base_freezes_nothing(shipped: Policy) -> None:
    with pytest.raises(Refused, match="nobody is in the base"):
        freeze(shipped, Known(0, {}), np.empty(0, np.int8), MOMENT)


def test_one_customer_gets_what_the_whole_base_gives_them(shipped: Policy) -> None:
    known, stage = base(1_500, 6)
    frozen = freeze(shipped, known, stage, MOMENT)
    together = segments(shipped, known, frozen, stage)
    for row in (0, 7, 1_499):
        alone = segments(shipped, known.take(np.array([row])), frozen, stage[[row]])
        for name, labels in together.tiers.items():
            assert labels.place[row] == alone.tiers[name].place[0]
        assert together.behaviour is not None
        assert alone.behaviour is not None
        np.testing.assert_array_equal(together.behaviour.soft[row], alone.behaviour.soft[0])
        assert together.plan[row] == alone.plan[0]
