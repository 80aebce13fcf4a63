"""The offer model's file: what was written is read to the bit, what no training writes is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.basis import fit_basis
from models.contact import EFFECT_FACTS, OFFER_TERMS, terms_of
from models.shared_effect import SharedEffect
from releases.effect_file import FILE, read_effect, write_effect
from tables.offer import Offer
from tables.refusal import Refused

OFFERS = terms_of([Offer(f"o{k}", "coupon", "", reward=100 * k, cost=50 * k) for k in range(1, 4)])


@pytest.fixture(scope="module")
def facts() -> Any:
    random = np.random.default_rng(1)
    values = random.gamma(1.0, 10.0, (300, len(EFFECT_FACTS)))
    values[random.random(values.shape) < 0.2] = np.nan
    return values


@pytest.fixture(scope="module")
def model(facts: Any) -> SharedEffect:
    random, basis = np.random.default_rng(2), fit_basis(facts)
    terms = len(OFFER_TERMS)
    return SharedEffect(
        names=EFFECT_FACTS, offer_names=OFFER_TERMS, basis=basis, centre=OFFERS.mean(axis=0),
        scale=np.ones(terms), common=random.normal(size=basis.width),
        by_term=random.normal(size=(terms, basis.width)), own_terms=OFFERS[:2],
        own=random.normal(size=(2, basis.width)),
    )  # fmt: skip


def test_a_shared_model_comes_back_to_the_bit(tmp_path: Path, model: SharedEffect, facts: Any) -> None:
    write_effect(tmp_path, model)
    again = read_effect(tmp_path, "here")
    assert again
    assert np.array_equal(again.predict(facts, OFFERS), model.predict(facts, OFFERS))
    assert np.isfinite(model.predict(facts, OFFERS)).all()


def test_an_offers_own_effect_is_its_own(model: SharedEffect) -> None:
    borrowed = model.coefficients(OFFERS + np.eye(len(OFFER_TERMS))[10])  # other terms: nobody's own
    own = model.coefficients(OFFERS) - borrowed + model.by_term[10]
    assert own[:2] == pytest.approx(model.own)
    assert own[2] == pytest.approx(0.0, abs=1e-9)


def test_no_file_is_no_effect(tmp_path: Path) -> None:
    assert read_effect(tmp_path, "here") is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda told: told.update(facts=told["facts"][::-1]), "trained on other facts"),
        (lambda told: told.update(learner="magic", terms=[]), "names no learner"),
        (lambda told: told["common"].__setitem__(0, float("inf")), "numbers that no training writes"),
        (lambda told: told["knots"][0].reverse(), "numbers that no training writes"),
        (lambda told: told.update(missing=[99, *told["missing"][1:]]), "numbers that no training writes"),
    ],
    ids=["facts", "learner", "infinite", "knots", "missing"],
)
def test_what_no_training_writes_is_refused(
    tmp_path: Path, model: SharedEffect, change: Callable[[Any], None], says: str
) -> None:
    write_effect(tmp_path, model)
    told = json.loads((tmp_path / FILE).read_text())
    change(told)
    (tmp_path / FILE).write_text(json.dumps(told))
    with pytest.raises(Refused, match=says):
        read_effect(tmp_path, "here")
