"""Models at work: one customer alone gets what it gets among all."""

from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from features.reader import names_of
from models.calibration import Calibration, log_odds, sigmoid
from models.contact import CONTACT_NAMES, EFFECT_FACTS, OFFER_TERMS
from models.effect import OfferModels
from models.learner import boost, fit
from models.reason import Money, reasons, strongest
from models.scorer import Scorer
from models.season import Season
from models.topic import topics_of
from models.uplift_learner import BoostedEffect, Term
from tables.offer import Offer
from tables.refusal import Refused

NAMES = names_of()
PAST_ORDER = ("days_since_first_order", "days_from_first_to_last_purchase", "repeat_purchase_days")
OFFERS = tuple(Offer(f"o{k}", "coupon", "", reward=100 * k, cost=50 * k) for k in range(3))


def facts(rows: int, seed: int = 1) -> Any:
    random = np.random.default_rng(seed)
    values = random.gamma(1.0, 10.0, size=(rows, len(NAMES)))
    values[random.uniform(size=values.shape) < 0.2] = np.nan
    return values


def booster(names: tuple[str, ...], objective: str) -> lgb.Booster:
    random = np.random.default_rng(2)
    values = random.gamma(1.0, 10.0, size=(600, len(names)))
    target = (values[:, 0] + values[:, 1] > 20).astype(float)
    return boost(values, target, names, objective, trees=12)


def effect(names: tuple[str, ...] = EFFECT_FACTS) -> BoostedEffect:
    terms = (
        Term(booster((*names, *OFFER_TERMS), "regression"), 1.0),
        Term(booster(names, "regression"), -1.0),
    )
    return BoostedEffect(names, OFFER_TERMS, terms, "t")


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(
        names=NAMES,
        churn=booster(NAMES, "binary"),
        calibration=Calibration(0.8, -0.1),
        season=Season(),
        value=booster(NAMES, "tweedie"),
        value_season=Season(),
        offer=OfferModels(booster(CONTACT_NAMES, "binary"), effect(), 500.0, ""),
    )


def test_one_customer_alone_is_scored_to_the_bit_as_among_all(scorer: Scorer) -> None:
    values = facts(40)
    together = scorer.score(values, NAMES, OFFERS, 0)
    told = scorer.contributions(values, NAMES)
    for row in range(40):
        alone = scorer.score(values[row : row + 1], NAMES, OFFERS, 0)
        for part, whole in zip(alone, together, strict=True):
            assert np.array_equal(part, whole[row : row + 1])
        assert np.array_equal(scorer.contributions(values[row : row + 1], NAMES), told[row : row + 1])


def test_facts_in_another_order_or_among_others_give_the_same_scores(scorer: Scorer) -> None:
    values = facts(20)
    order = np.random.default_rng(3).permutation(len(NAMES))
    more = np.column_stack([values[:, order], np.zeros(20)])
    names = (*(NAMES[k] for k in order), "news")
    for part, again in zip(
        scorer.score(values, NAMES, OFFERS, 0), scorer.score(more, names, OFFERS, 0), strict=True
    ):
        assert np.array_equal(part, again)


def test_a_fact_that_is_not_read_any_more_is_named(scorer: Scorer) -> None:
    with pytest.raises(Refused, match="need a fact that this version does not read"):
        scorer.score(facts(2)[:, 1:], NAMES[1:], OFFERS, 0)


@pytest.mark.parametrize("which", ["churn", "value", "response", "uplift"])
def test_a_model_that_knows_its_columns_in_another_order_is_refused(scorer: Scorer, which: str) -> None:
    parts: dict[str, Any] = {name: getattr(scorer, name) for name in Scorer.__dataclass_fields__}
    if which in ("churn", "value"):
        parts[which] = booster(NAMES[::-1], "binary")
    else:
        wrong: Any = booster(CONTACT_NAMES[::-1], "binary")
        wrong = wrong if which == "response" else effect(EFFECT_FACTS[::-1])
        plain: dict[str, Any] = {"response": scorer.offer.response, "uplift": scorer.offer.uplift}
        parts["offer"] = OfferModels(**plain | {which: wrong}, usual_spend=500.0, why_not="")
    with pytest.raises(Refused, match="trained on other facts"):
        Scorer(**parts)


def test_nobody_and_no_offers_can_be_scored(scorer: Scorer) -> None:
    nobody = scorer.score(facts(0), NAMES, OFFERS, 0)
    assert [part.shape for part in nobody] == [(0,), (0,), (0, 3), (0, 3)]
    assert scorer.contributions(facts(0), NAMES).shape == (0, len(NAMES))
    assert scorer.score(facts(2), NAMES, (), 0).uplift.shape == (2, 0)


def test_contributions_and_the_expected_value_add_up_to_the_log_odds(scorer: Scorer) -> None:
    values = facts(50)
    raw = np.asarray(scorer.churn.predict(values, raw_score=True))
    expected = np.asarray(scorer.churn.predict(values, pred_contrib=True))[:, -1]
    told = scorer.contributions(values, NAMES)
    assert told.sum(axis=1) + expected == pytest.approx(raw, abs=1e-9)
    churn = scorer.score(values, NAMES, OFFERS, 0).churn
    assert log_odds(churn) == pytest.approx(0.8 * raw - 0.1, abs=1e-6)
    assert churn == pytest.approx(sigmoid(0.8 * raw - 0.1), abs=1e-6)


def test_what_a_purchase_process_says_is_a_reason_too_and_adds_up(scorer: Scorer) -> None:
    """Of a promise that trees and process share, reasons make all but a constant."""
    mixed = Calibration(0.4, -0.1, share=0.6, days=91.0, r=0.3, alpha=30.0, a=0.8, b=2.5, usual=0.25)
    values = facts(50)
    first, last, again = (NAMES.index(name) for name in PAST_ORDER)
    values[:, first] = np.nan_to_num(values[:, first], nan=100.0) + 200.0
    values[:, last] = values[:, first] * np.linspace(0.0, 0.9, 50)
    values[:, again] = np.where(values[:, last] > 0, np.arange(50) % 7 + 1, 0)
    values[0, [first, last, again]] = np.nan  # who never bought
    both = replace(scorer, calibration=mixed)
    told, trees = both.contributions(values, NAMES), scorer.contributions(values, NAMES)
    expected = np.asarray(scorer.churn.predict(values, pred_contrib=True))[:, -1]
    churn = both.score(values, NAMES, OFFERS, 0).churn
    constant = 0.4 * expected + 0.6 * 0.25 - 0.1
    assert log_odds(churn) == pytest.approx(0.4 * told.sum(axis=1) + constant, abs=1e-6)
    moved = np.abs(told - trees)
    assert (moved[:, again] > 1e-3).sum() > 40
    assert np.delete(moved, again, axis=1).max() == 0
    assert topics_of(NAMES)[again].name == "usual_course"
    words = strongest(told, NAMES)
    said = reasons(words, values, NAMES, Money("EUR", 100))
    assert any(each.topic == "usual_course" for one in said for each in one)


def test_rows_of_one_customer_are_never_predicted_by_a_model_that_saw_the_customer() -> None:
    """Each customer has an outcome of its own that only memory can tell; a fair prediction knows nothing."""
    random = np.random.default_rng(5)
    groups = np.repeat(np.arange(300), 12)
    target = random.integers(0, 2, 300).astype(float)[groups]
    values = np.column_stack([groups.astype(float), random.normal(size=len(groups))])
    fitted = fit(
        values, target, groups, ("who", "noise"), "binary", trees=60,
        parameters={"min_data_in_leaf": 3, "num_leaves": 63, "feature_fraction": 1.0, "max_bin": 255},
    )  # fmt: skip
    inside = np.asarray(fitted.booster.predict(values))
    assert np.corrcoef(inside, target)[0, 1] > 0.7
    assert abs(np.corrcoef(fitted.out_of_fold, target)[0, 1]) < 0.2


def test_rows_that_are_not_to_be_learnt_from_teach_nothing() -> None:
    random = np.random.default_rng(6)
    values, groups = random.normal(size=(2000, 2)), np.arange(2000)
    target = (values[:, 0] > 0).astype(float)
    learn = np.arange(2000) % 2 == 0
    turned = np.where(learn, target, 1 - target)
    one, other = (
        fit(values, labels, groups, ("a", "b"), "binary", learn=learn, trees=20)
        for labels in (target, turned)
    )
    assert one.booster.model_to_string() == other.booster.model_to_string()
    assert np.array_equal(one.out_of_fold, other.out_of_fold)
