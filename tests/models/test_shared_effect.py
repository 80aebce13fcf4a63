"""The shared effect: offers borrow from their like, facts count as far as held-out customers say."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from models.basis import fit_basis
from models.shared_effect import SharedEffect, shared_learner
from models.trial import Trial
from models.uplift_learner import LEARNERS

Floats = npt.NDArray[np.float64]
ROWS = 8000
NAMES, TERMS = ("wants", "other", "seldom known"), ("is_coupon", "is_gift", "reward")
OFFERS = np.array([[1.0, 0, 10], [1, 0, 30], [1, 0, 50], [0, 1, 10], [0, 1, 30], [0, 1, 50]])


def effect_of(facts: Floats, terms: Floats) -> Floats:
    """Coupons work for those who want, the more the larger; gifts do nothing."""
    return facts[:, :1] * terms[:, 0] * terms[:, 2] / 30


@pytest.fixture(scope="module")
def trial() -> Trial:
    random = np.random.default_rng(3)
    facts = np.column_stack([random.random(ROWS), random.random(ROWS), random.random(ROWS)])
    facts[random.random(ROWS) < 0.5, 2] = np.nan
    offer = random.integers(len(OFFERS), size=ROWS)
    contacted = (random.random(ROWS) < 0.7).astype(np.float64)
    effect = effect_of(facts, OFFERS)[np.arange(ROWS), offer]
    outcome = 2 * facts[:, 1] + contacted * effect + random.normal(size=ROWS)
    return Trial(
        facts=facts, offer=offer, terms=OFFERS, contacted=contacted, outcome=outcome,
        chance=np.full(ROWS, 0.7), groups=np.arange(ROWS), periods=np.zeros(ROWS, np.int64),
        names=NAMES, offer_names=TERMS,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(trial: Trial) -> SharedEffect:
    return shared_learner(trial)


def test_the_effect_is_found_by_customer_and_offer(trial: Trial, model: SharedEffect) -> None:
    found, true = model.predict(trial.facts, OFFERS), effect_of(trial.facts, OFFERS)
    assert np.corrcoef(found.ravel(), true.ravel())[0, 1] > 0.95
    assert found.mean(axis=0) == pytest.approx(true.mean(axis=0), abs=0.12)


def test_an_offer_never_seen_gets_the_effect_of_its_like(trial: Trial) -> None:
    unseen = 1  # the coupon between the two others
    known = trial.rows(trial.offer != unseen)
    found = shared_learner(known).predict(trial.facts, OFFERS)
    true = effect_of(trial.facts, OFFERS)
    assert np.corrcoef(found[:, unseen], true[:, unseen])[0, 1] > 0.9
    assert found[:, unseen].mean() == pytest.approx(true[:, unseen].mean(), abs=0.15)
    assert found[:, unseen].mean() > found[:, 4].mean() + 0.25  # the gift of the same reward


@pytest.mark.parametrize("name", [name for name in LEARNERS if name != "shared"])
def test_boosted_learners_borrow_too(trial: Trial, name: str) -> None:
    unseen = 1
    found = LEARNERS[name](trial.rows(trial.offer != unseen)).predict(trial.facts, OFFERS)
    assert found[:, unseen].mean() > found[:, 4].mean() + 0.15
    wants = trial.facts[:, 0] > 0.5
    assert found[wants, 2].mean() > found[~wants, 2].mean()


def test_without_any_effect_next_to_none_is_promised(trial: Trial) -> None:
    random = np.random.default_rng(9)
    nothing = replace(trial, outcome=trial.facts[:, 1] + random.normal(size=ROWS))
    found = shared_learner(nothing).predict(trial.facts, OFFERS)
    assert np.abs(found).mean() < 0.1
    assert found.std() < 0.1


@pytest.mark.parametrize("name", LEARNERS)
def test_one_customer_alone_gets_to_the_bit_what_it_gets_among_all(trial: Trial, name: str) -> None:
    model = LEARNERS[name](trial.rows(np.arange(ROWS) < 2000))
    whole = model.predict(trial.facts[:50], OFFERS)
    for row in range(50):
        assert np.array_equal(model.predict(trial.facts[row : row + 1], OFFERS), whole[row : row + 1])


def test_the_basis_ranks_facts_and_names_what_is_missing(trial: Trial) -> None:
    basis = fit_basis(trial.facts)
    columns = basis(np.array([[0.5, -9.0, np.nan], [0.5, 9.0, 0.5]]))
    assert columns.shape == (5, 2)
    assert basis.missing == (2,)
    assert columns[:, 0] == pytest.approx([1, 0, -np.sqrt(3), 0, 1], abs=0.08)
    assert columns[:, 1] == pytest.approx([1, 0, np.sqrt(3), 0, 0], abs=0.08)


def test_a_fact_of_few_values_and_one_of_none_are_ranked() -> None:
    facts = np.column_stack([np.repeat([0.0, 1.0], [90, 10]), np.full(100, np.nan), np.full(100, 7.0)])
    columns = fit_basis(facts)(facts)
    assert np.isfinite(columns).all()
    assert columns[1, 0] < 0 < columns[1, -1]
    assert (columns[3] == 0).all()


def test_the_sum_over_columns_is_numpys_in_their_order(trial: Trial, model: SharedEffect) -> None:
    expected = np.zeros((ROWS, len(OFFERS)))
    for column, weight in zip(model.basis(trial.facts), model.coefficients(OFFERS).T, strict=True):
        expected += column[:, None] * weight
    assert np.array_equal(model.predict(trial.facts, OFFERS), expected)
    assert np.array_equal(model.predict(trial.facts[5:6], OFFERS), expected[5:6])
