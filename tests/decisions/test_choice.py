"""The choice: a hand-made case for every reason, and a plain loop as the oracle for all of them together."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.choice import NOTHING, WORDS, Choices, Why, choose
from decisions.policy import Policy
from models.scorer import Scores
from tables.contract import CONTACT_CHANNELS
from tables.offer import Offer

NOW = 1_000
EMAIL, SMS = CONTACT_CHANNELS.index("email"), CONTACT_CHANNELS.index("sms")
EVERYTHING = float(2 ** len(CONTACT_CHANNELS) - 1)
Make = Callable[..., Any]


@pytest.fixture
def decide(policy_of: Make, offer_of: Make, scores_of: Make) -> Callable[..., Choices]:
    """Choose for one customer among offers a (adds 300, costs 50) and b (adds 200, costs 50)."""

    def run(
        *,
        uplift: tuple[float, ...] = (300, 200),
        consent: float = EVERYTHING,
        held_out: bool = False,
        price: float = 0.0,
        offer: dict[str, Any] | None = None,
        **policy: Any,
    ) -> Choices:
        offers = (offer_of("a", **(offer or {})), offer_of("b"))
        scores = scores_of([[0.5, 0.5]], [uplift])
        return choose(
            scores, offers, np.array([consent]), np.array([held_out]), policy_of(**policy), NOW, price
        )

    return run


NAN = float("nan")
# What is asked, and the reasons for offers a and b.
CASES: dict[str, tuple[dict[str, Any], Why, Why]] = {
    "the best is chosen, the other outranked": ({}, Why.CHOSEN, Why.OUTRANKED),
    "not valid yet": ({"offer": {"starts_at": NOW + 1}}, Why.NOT_VALID, Why.CHOSEN),
    "valid from this moment on": ({"offer": {"starts_at": NOW}}, Why.CHOSEN, Why.OUTRANKED),
    "valid until this moment": ({"offer": {"ends_at": NOW}}, Why.CHOSEN, Why.OUTRANKED),
    "not valid any more": ({"offer": {"ends_at": NOW - 1}}, Why.NOT_VALID, Why.CHOSEN),
    "consent unknown": ({"consent": NAN}, Why.CONSENT_UNKNOWN, Why.CONSENT_UNKNOWN),
    "no consent at all": ({"consent": 0.0}, Why.NO_CONSENT, Why.NO_CONSENT),
    "no consent for its channel": (
        {"consent": 2.0**SMS, "offer": {"channels": ("email",)}},
        Why.NO_CONSENT,
        Why.CHOSEN,
    ),
    "held out": ({"held_out": True}, Why.HELD_OUT, Why.HELD_OUT),
    "effect unknown": ({"uplift": (NAN, 200)}, Why.EFFECT_UNKNOWN, Why.CHOSEN),
    "adds less than it costs": ({"uplift": (40, 200)}, Why.NOT_WORTH_IT, Why.CHOSEN),
    "harms": ({"uplift": (-500, 200)}, Why.NOT_WORTH_IT, Why.CHOSEN),
    "adds less than the least": ({"uplift": (99, 200)}, Why.NOT_WORTH_IT, Why.CHOSEN),
    "adds just the least": ({"uplift": (100, 99)}, Why.CHOSEN, Why.NOT_WORTH_IT),
    "money is worth more elsewhere": ({"price": 4.0}, Why.CHOSEN, Why.OVER_BUDGET),
    "money is worth more elsewhere than both": ({"price": 5.0}, Why.OVER_BUDGET, Why.OVER_BUDGET),
}


@pytest.mark.parametrize(("asked", "first", "second"), CASES.values(), ids=CASES)
def test_each_reason_has_its_case(
    decide: Callable[..., Choices], asked: dict[str, Any], first: Why, second: Why
) -> None:
    choices = decide(**asked)
    assert choices.why[0].tolist() == [first, second]
    places = [place for place, why in enumerate((first, second)) if why == Why.CHOSEN]
    assert choices.chosen.tolist() == (places or [NOTHING])


def test_every_reason_has_a_case_and_words_in_both_languages() -> None:
    assert {why for _, *both in CASES.values() for why in both} == set(Why)
    assert all(english.isascii() and not chinese.isascii() for english, chinese in WORDS.values())
    assert set(WORDS) == set(Why)


# Each case breaks one rule more than the one before it, from the last rule to the first.
LADDER: list[tuple[dict[str, Any], Why]] = [
    ({"price": 9.0}, Why.OVER_BUDGET),
    ({"uplift": (60, 200)}, Why.NOT_WORTH_IT),
    ({"uplift": (NAN, 200)}, Why.EFFECT_UNKNOWN),
    ({"held_out": True}, Why.HELD_OUT),
    ({"consent": 0.0}, Why.NO_CONSENT),
    ({"consent": NAN, "offer": {"channels": ()}}, Why.CONSENT_UNKNOWN),
    ({"offer": {"channels": (), "ends_at": 0}}, Why.NOT_VALID),
]


@pytest.mark.parametrize("rung", range(len(LADDER)))
def test_of_several_reasons_the_first_rule_stands(decide: Callable[..., Choices], rung: int) -> None:
    asked: dict[str, Any] = {}
    for each, _ in LADDER[: rung + 1]:
        asked |= each
    assert decide(**asked).why[0, 0] == LADDER[rung][1]


def test_unknown_consent_is_allowed_only_where_the_policy_says_so(decide: Callable[..., Choices]) -> None:
    assert decide(consent=NAN, unknown_consent="allow").why[0, 0] == Why.CHOSEN
    assert decide(consent=NAN).chosen[0] == NOTHING


def test_the_channel_is_the_offers_first_that_the_customer_agreed_to(decide: Callable[..., Choices]) -> None:
    offer = {"channels": ("sms", "email")}
    assert decide(offer=offer).channel[0, 0] == SMS
    assert decide(offer=offer, consent=2.0**EMAIL).channel[0, 0] == EMAIL
    assert decide(offer=offer, consent=0.0).channel[0, 0] == NOTHING


def test_without_offers_nothing_is_chosen(policy_of: Make, scores_of: Make) -> None:
    scores = scores_of(np.empty((3, 0)), np.empty((3, 0)))
    choices = choose(scores, (), np.full(3, EVERYTHING), np.zeros(3, bool), policy_of(), NOW, price=0.0)
    assert choices.chosen.tolist() == [NOTHING] * 3
    assert choices.why.shape == (3, 0)


def test_without_customers_nothing_is_chosen(policy_of: Make, offer_of: Make, scores_of: Make) -> None:
    scores = scores_of(np.empty((0, 1)), np.empty((0, 1)))
    choices = choose(scores, (offer_of(),), np.empty(0), np.empty(0, bool), policy_of(), NOW, price=0.0)
    assert choices.chosen.shape == (0,)


Case = tuple[Scores, tuple[Offer, ...], Any, Any, float, str, int]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    customers, offers = draw(st.integers(0, 6)), draw(st.integers(0, 4))

    def table(values: st.SearchStrategy[float]) -> Any:
        rows = draw(
            st.lists(
                st.lists(values, min_size=offers, max_size=offers), min_size=customers, max_size=customers
            )
        )
        return np.array(rows, dtype=float).reshape(customers, offers)

    response = table(st.floats(0, 1) | st.just(NAN))
    uplift = table(st.sampled_from([NAN, -50.0, 0.0, 60.0, 100.0]) | st.floats(-1e4, 1e4))
    made = tuple(
        Offer(
            f"o{k}",
            "coupon",
            "",
            reward=0,
            cost=draw(st.integers(0, 300)),
            contact_cost=draw(st.integers(0, 20)),
            starts_at=draw(st.sampled_from([0, NOW, NOW + 1])),
            ends_at=draw(st.sampled_from([NOW - 1, NOW, 2 * NOW])),
            channels=tuple(draw(st.lists(st.sampled_from(CONTACT_CHANNELS), unique=True, max_size=3))),
        )
        for k in range(offers)
    )
    consent = st.just(NAN) | st.integers(0, int(EVERYTHING)).map(float)
    consents = np.array(draw(st.lists(consent, min_size=customers, max_size=customers)), dtype=float)
    held = np.array(draw(st.lists(st.booleans(), min_size=customers, max_size=customers)), dtype=bool)
    scores = Scores(np.zeros(customers), np.zeros(customers), response, uplift)
    price = draw(st.sampled_from([0.0, 0.5, 3.0]) | st.floats(0, 100))
    return (
        scores,
        made,
        consents,
        held,
        price,
        draw(st.sampled_from(["refuse", "allow"])),
        draw(st.integers(0, 99)),
    )


def allowed(case: Case, row: int, k: int) -> bool:
    scores, offers, consents, held, price, unknown, least = case
    offer = offers[k]
    cost = scores.response[row, k] * offer.cost + offer.contact_cost
    net = scores.uplift[row, k] - cost
    bits = consents[row]
    if np.isnan(bits):
        agreed = unknown == "allow" and bool(offer.channels)
    else:
        agreed = any(int(bits) & 1 << CONTACT_CHANNELS.index(name) for name in offer.channels)
    return bool(
        offer.starts_at <= NOW <= offer.ends_at
        and agreed
        and not held[row]
        and np.isfinite(net)
        and net >= least
        and net > price * cost
    )


@given(cases())
def test_the_chosen_offer_is_the_best_of_those_that_are_allowed(policy_of: Make, case: Case) -> None:
    scores, offers, consents, held, price, unknown, least = case
    policy: Policy = policy_of(unknown_consent=unknown, minimum_net_value=least)
    choices = choose(scores, offers, consents, held, policy, NOW, price)
    for row in range(len(consents)):
        worth = {
            k: choices.net_value[row, k] - price * choices.cost[row, k]
            for k in range(len(offers))
            if allowed(case, row, k)
        }
        if worth:
            assert choices.chosen[row] in worth
            assert worth[int(choices.chosen[row])] == max(worth.values())
            assert choices.why[row].tolist().count(Why.CHOSEN) == 1
            assert choices.channel[row, choices.chosen[row]] != NOTHING
        else:
            assert choices.chosen[row] == NOTHING
            assert Why.CHOSEN not in choices.why[row]
        refused = {k for k, why in enumerate(choices.why[row]) if why not in (Why.CHOSEN, Why.OUTRANKED)}
        assert refused == set(range(len(offers))) - set(worth)


@given(cases())
def test_one_customer_alone_gets_what_it_gets_among_all(policy_of: Make, case: Case) -> None:
    scores, offers, consents, held, price, unknown, least = case
    policy: Policy = policy_of(unknown_consent=unknown, minimum_net_value=least)
    together = choose(scores, offers, consents, held, policy, NOW, price)
    for row in range(len(consents)):
        one = slice(row, row + 1)
        alone = choose(
            Scores(*(part[one] for part in scores)), offers, consents[one], held[one], policy, NOW, price
        )
        for part, whole in zip(alone, together, strict=True):
            assert np.array_equal(part, whole[one], equal_nan=part.dtype.kind == "f")
