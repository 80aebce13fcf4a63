"""Models at work: one customer alone gets what it gets among all, and reasons add up and can be said."""

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalogue import FAMILIES
from features.reader import facts_of, names_of
from models.calibration import Calibration, log_odds, sigmoid
from models.contact import CONTACT_NAMES, EFFECT_FACTS, OFFER_TERMS
from models.effect import OfferModels
from models.learner import boost, fit
from models.reason import NO_FACT, STRONGEST, Money, reasons, strongest, texts
from models.scorer import Scorer
from models.season import Season
from models.uplift_learner import BoostedEffect, Term
from tables.offer import Offer
from tables.refusal import Refused

NAMES = names_of()
OFFERS = tuple(Offer(f"o{k}", "coupon", "", reward=100 * k, cost=50 * k) for k in range(3))
EUR = Money("EUR", 100)


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


def kin_of(name: str) -> str:
    (fact,) = [fact for fact in facts_of(FAMILIES) if fact.name == name]
    return name.removesuffix(f"_{fact.window}d") if fact.window else name


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_the_strongest_reasons_are_those_of_a_plain_loop(seed: int) -> None:
    random = np.random.default_rng(seed)
    told = random.normal(size=(4, len(NAMES))) * (random.uniform(size=(4, len(NAMES))) < 0.2)
    words = strongest(told, NAMES)
    for row in range(4):
        families: dict[str, list[int]] = {}
        for place, name in enumerate(NAMES):
            families.setdefault(KIN[name], []).append(place)
        weights = {kin: told[row, places].sum() for kin, places in families.items()}
        best = sorted(weights, key=lambda kin: -abs(weights[kin]))[:STRONGEST]
        assert [KIN[NAMES[place]] for place in words.fact[row]] == best
        assert words.effect[row] == pytest.approx([weights[kin] for kin in best])
        for place, kin in zip(words.fact[row], best, strict=True):
            assert abs(told[row, place]) == np.abs(told[row, families[kin]]).max()


KIN = {name: kin_of(name) for name in NAMES}


def test_windows_of_one_quantity_speak_with_one_voice_through_the_heaviest() -> None:
    told = np.zeros((1, len(NAMES)))
    for name, weight in (("orders_7d", 0.2), ("orders_91d", 0.5), ("orders_364d", -0.1)):
        told[0, NAMES.index(name)] = weight
    told[0, NAMES.index("days_since_last_order")] = 0.55
    words = strongest(told, NAMES)
    assert [NAMES[place] for place in words.fact[0, :2]] == ["orders_91d", "days_since_last_order"]
    assert words.effect[0, :2] == pytest.approx([0.6, 0.55])


def say(name: str, value: float, effect: float = 1.0) -> tuple[str, str]:
    told = np.zeros((1, len(NAMES)))
    told[0, NAMES.index(name)] = effect
    values = np.full((1, len(NAMES)), np.nan)
    values[0, NAMES.index(name)] = value
    reason = reasons(strongest(told, NAMES), values, NAMES, EUR)[0][0]
    assert (reason.fact, reason.effect) == (name, effect)
    return reason.english, reason.chinese


def test_an_amount_is_said_in_units_of_money() -> None:
    english, chinese = say("spend_91d", 123456.0)
    assert english == "Spend in the last 91 days: 1,234.56 EUR (raises the risk)"
    assert chinese == "近91天消费额：1,234.56 EUR（增加流失风险）"


def test_what_is_missing_is_said_to_be_unknown() -> None:
    english, chinese = say("days_since_last_order", float("nan"), -1.0)
    assert english == "Days since the last order: unknown (lowers the risk)"
    assert chinese == "距上次下单天数：未知（降低流失风险）"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("orders_91d", 3.0, ": 3 ("),
        ("discount_share_91d", 0.257, ": 26% ("),
        ("days_since_last_order", 4.257, ": 4.26 ("),
        ("days_since_last_order", 1234.6, ": 1,235 ("),
    ],
)
def test_a_number_is_said_with_as_many_digits_as_it_needs(name: str, value: float, said: str) -> None:
    assert said in say(name, value)[0]


@pytest.mark.parametrize("value", [float("nan"), 0.0, 0.5, 12345.0])
def test_every_fact_can_be_said_in_both_languages(value: float) -> None:
    for name in NAMES:
        english, chinese = say(name, value)
        assert english.isascii()
        assert not chinese.isascii()


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


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_all_at_once_are_told_what_each_is_told_alone(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = (30, len(NAMES))
    told = random.normal(size=shape) * (random.uniform(size=shape) < random.uniform(0, 0.1))
    scale = random.choice([0.1, 1.0, 10.0, 1e6], size=shape)
    values = random.normal(size=shape) * scale
    values = np.where(random.uniform(size=shape) < 0.5, np.rint(values), values)
    values[random.uniform(size=shape) < 0.2] = np.nan
    words = strongest(told, NAMES)
    together = texts(words, values, NAMES, EUR)
    for row in range(30):
        one = slice(row, row + 1)
        (alone,) = reasons(strongest(told[one], NAMES), values[one], NAMES, EUR)
        assert [reason.english for reason in alone] == together.english[row].as_py()
        assert [reason.chinese for reason in alone] == together.chinese[row].as_py()


def test_a_customer_whom_nothing_moves_is_given_no_reasons() -> None:
    told = np.zeros((3, len(NAMES)))
    told[1, NAMES.index("orders_7d")], told[1, NAMES.index("orders_91d")] = 0.3, -0.3
    told[2, NAMES.index("days_since_last_order")] = -0.2
    words = strongest(told, NAMES)
    assert [len(each) for each in reasons(words, told, NAMES, EUR)] == [0, 0, 1]
    assert texts(words, told, NAMES, EUR).english[0].as_py() == []
    assert np.isnan(words.effect[:2]).all()
    assert (words.fact[:2] == NO_FACT).all()


def test_a_number_of_next_to_nothing_is_said_without_a_sign() -> None:
    assert ": 0% (" in say("discount_share_91d", -0.001)[0]
    assert ": 0.00 (" in say("days_since_last_order", -0.001)[0]


def test_nobody_is_told_nothing() -> None:
    nobody = np.empty((0, len(NAMES)))
    words = strongest(nobody, NAMES)
    assert reasons(words, nobody, NAMES, EUR) == []
    assert len(texts(words, nobody, NAMES, EUR).english) == 0
