"""Reasons: the strongest topics, the fact that speaks for each, and words that may be said aloud."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.reader import names_of
from models.reason import NO_FACT, STRONGEST, Money, Reason, reasons, strongest, texts
from models.topic import EVERYONE, FILE, SERVICE, audiences_of, topic_effects, topics_of

NAMES = names_of()
EUR = Money("EUR", 100)


def told_of(**effects: float) -> np.ndarray:
    told = np.zeros((1, len(NAMES)))
    for name, effect in effects.items():
        told[0, NAMES.index(name)] = effect
    return told


def reason_of(
    name: str, value: float, effect: float = 1.0, *, to_service: bool = False, money: Money = EUR
) -> Reason:
    values = np.full((1, len(NAMES)), np.nan)
    values[0, NAMES.index(name)] = value
    words = strongest(told_of(**{name: effect}), NAMES)
    (reason,) = reasons(words, values, NAMES, money, to_service=to_service)[0]
    assert (reason.fact, reason.effect) == (name, effect)
    return reason


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_the_strongest_reasons_are_those_of_a_plain_loop(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = (4, len(NAMES))
    told = random.normal(size=shape) * (random.uniform(size=shape) < random.uniform(0, 0.3))
    words, effects = strongest(told, NAMES), topic_effects(told, NAMES)
    audience, topics = audiences_of(NAMES), topics_of(NAMES)
    for row in range(4):
        best = sorted(effects[row][effects[row] != 0], key=lambda effect: -abs(effect))[:STRONGEST]
        assert words.effect[row, : len(best)].tolist() == best
        for place, effect in zip(words.fact[row], best, strict=False):
            kin = [k for k, topic in enumerate(topics) if topic is topics[place]]
            push = {k: told[row, k] * np.sign(effect) for k in kin if told[row, k] * effect > 0}
            aloud = {k: each for k, each in push.items() if audience[k] == EVERYONE}
            assert place == max(aloud or push, key=lambda k: (aloud or push)[k])


def test_facts_of_a_topic_speak_with_one_voice_that_pushes_their_way() -> None:
    told = told_of(orders_7d=0.2, orders_91d=0.5, orders_364d=-0.6, days_since_last_order=-0.05)
    words = strongest(told, NAMES)
    assert [NAMES[place] for place in words.fact[0, :2]] == ["orders_91d", "days_since_last_order"]
    assert words.effect[0, :2] == pytest.approx([0.1, -0.05])


def test_a_reason_is_the_topic_and_the_value_that_speaks_for_it() -> None:
    reason = reason_of("days_since_last_order", 96.2)
    assert reason.topic == "buying_rhythm"
    assert reason.english == "Buying rhythm: 96 days since the last order (raises the risk)"
    assert reason.chinese == "购买节奏：距上次下单天数为96（增加流失风险）"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("orders_91d", 3.0, "Number of orders: 3 orders in the last 91 days"),
        ("orders_91d", 1.0, "Number of orders: 1 order in the last 91 days"),
        ("orders_91d", 0.0, "Number of orders: no orders in the last 91 days"),
        ("free_deliveries_offered_91d", 1.0, "Offers received: 1 free delivery offered in the last 91 days"),
        ("points_multipliers_offered_91d", 1.0,
         "Offers received: 1 points multiplier offered in the last 91 days"),
        ("categories_91d", 1.0, "Range of products: 1 different category bought in the last 91 days"),
        ("pieces_per_order_91d", 4.257, "Size of the basket: 4.26 pieces per order in the last 91 days"),
        ("spend_91d", 123456.0, "Amount spent: spend in the last 91 days is 1,234.56 EUR"),
        ("discounted_line_share_91d", 0.257,
         "Prices and discounts: share of lines bought with a discount in the last 91 days is 26%"),
        ("has_discounted_first_order", 1.0, "Prices and discounts: first order had a discount: yes"),
        ("days_since_last_return", float("nan"), "Returns: days since the last return: none"),
        ("days_since_last_order", 0.2, "Buying rhythm: 0 days since the last order"),
        ("days_to_contract_end", -3.0, "Company and contract: -3 days to the contract's end"),
        ("order_trend_91d", -0.001,
         "Change in buying: change of orders from the 91 days before to the last 91 days is 0%"),
        ("order_lateness", 2.346,
         "Buying rhythm: time since the last order, counted in the usual gaps between orders, is 2.35"),
    ],
)  # fmt: skip
def test_a_value_is_said_as_one_says_it(name: str, value: float, said: str) -> None:
    assert reason_of(name, value).english == f"{said} (raises the risk)"


def test_an_amount_is_said_in_units_of_the_currency() -> None:
    assert "is 1,234.00 JPY" in reason_of("spend_91d", 1234.0, money=Money("JPY", 1)).english


@pytest.mark.parametrize(
    ("name", "aloud", "to_service", "audience"),
    [
        ("open_complaints", "Service and complaints (raises the risk)",
         "Service and complaints: 2 complaints of the last 728 days not solved yet (raises the risk)",
         SERVICE),
        ("last_nps", "Satisfaction (raises the risk)",
         "Satisfaction: last NPS answer is 2 (raises the risk)", SERVICE),
        ("age_years", "Personal details (raises the risk)",
         "Personal details: age is 2 (raises the risk)", FILE),
        ("sales_margin_91d", "Amount spent (raises the risk)",
         "Amount spent: margin of sales in the last 91 days is 0.02 EUR (raises the risk)", SERVICE),
    ],
)  # fmt: skip
def test_what_is_personal_or_told_in_confidence_is_named_but_its_value_not_said_aloud(
    name: str, aloud: str, to_service: str, audience: str
) -> None:
    reason = reason_of(name, 2.0)
    assert (reason.english, reason.audience) == (aloud, audience)
    assert not any(digit in reason.chinese for digit in "0123456789")
    assert reason_of(name, 2.0, to_service=True).english == to_service


def test_of_a_topic_what_may_be_said_speaks_before_what_may_not() -> None:
    words = strongest(told_of(sales_margin_91d=0.5, spend_91d=0.1, spend_364d=-0.1), NAMES)
    assert NAMES[words.fact[0, 0]] == "spend_91d"
    assert words.effect[0, 0] == pytest.approx(0.5)


@pytest.mark.parametrize("value", [float("nan"), 0.0, 0.5, 1.0, 12345.0])
def test_every_fact_can_be_said_in_both_languages(value: float) -> None:
    for name in NAMES:
        reason = reason_of(name, value, to_service=True)
        assert reason.english.isascii()
        assert not reason.chinese.isascii()
        for said in (reason.english, reason.chinese):
            assert not {"{", "}", ";", "；"} & set(said)


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
    told = np.vstack([told_of(), told_of(orders_7d=0.3, orders_91d=-0.3), told_of(orders_7d=-0.2)])
    words = strongest(told, NAMES)
    assert [len(each) for each in reasons(words, told, NAMES, EUR)] == [0, 0, 1]
    assert texts(words, told, NAMES, EUR).english[0].as_py() == []
    assert np.isnan(words.effect[:2]).all()
    assert (words.fact[:2] == NO_FACT).all()


def test_nobody_is_told_nothing() -> None:
    nobody = np.empty((0, len(NAMES)))
    words = strongest(nobody, NAMES)
    assert reasons(words, nobody, NAMES, EUR) == []
    assert len(texts(words, nobody, NAMES, EUR).english) == 0
