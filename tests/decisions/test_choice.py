"""The choice: a hand-made case for every reason, and a plain loop as the oracle for all of them together."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.arbitration import Block, arbitrate, tariff_of
from decisions.choice import NOTHING, Choices, Market, Reserved, choose, free_market, taken
from decisions.circumstance import Circumstances
from decisions.limit import charges
from decisions.option import held_from, options
from decisions.policy import Policy
from decisions.why import WORDS, Why
from models.scorer import Scores
from tables.contract import CONTACT_CHANNELS
from tables.moment import DAY
from tables.offer import Offer

NOW = 1_000
EMAIL, SMS, PHONE = (CONTACT_CHANNELS.index(name) for name in ("email", "sms", "phone"))
Make = Callable[..., Any]
NAN = float("nan")


@pytest.fixture
def decide(policy_of: Make, offer_of: Make, scores_of: Make, who_of: Make) -> Callable[..., Choices]:
    """Choose for one customer among offers a (adds 300, costs 50) and b (adds 200, costs 50)."""

    def run(
        *,
        uplift: tuple[float, ...] = (300, 200),
        price: float = 0.0,
        left: float = np.inf,
        reserved: tuple[int, int] | None = None,
        offer: dict[str, Any] | None = None,
        who: dict[str, Any] | None = None,
        **words: Any,
    ) -> Choices:
        policy = policy_of(**words)
        offers = (offer_of("a", **(offer or {})), offer_of("b"))
        market = free_market(policy, offers)
        market = market.at(np.full(len(market.prices), price), np.full(len(market.prices), left))
        told = Reserved(*(np.array([each]) for each in reserved)) if reserved else None
        scores = scores_of([[0.5, 0.5]], [uplift])
        return choose(scores, offers, who_of(policy=policy, **(who or {})), None, policy, NOW, market, told)

    return run


CHANNELS = [{"name": name, "chinese": "渠道"} for name in CONTACT_CHANNELS]
CAPS = [{"name": "week", "contacts": 2, "days": 7}]
SMS_CAP = [{"name": "texts", "contacts": 1, "days": 7, "channels": ["sms"]}]
DAY_OF = {"name": "birthday", "chinese": "生日", "day": "birthday", "offers": ["a"], "worth": 400}
EVENING = {"name": "evening", "chinese": "晚上", "begin": "18:00", "end": "21:00"}
REST = {"unanswered": 3, "days": 28}
LOST = {
    "states": [{"name": "new", "chinese": "新"}, {"name": "lost", "chinese": "失"}],
    "transitions": [{"leave": ["new"], "enter": "lost", "quiet_days": 182}],
}
ONLY_LOST = {"life_cycle": LOST, "eligibility": [{"offers": ["a"], "stages": ["lost"]}]}
# What is asked, and the reasons for offers a and b.
CASES: dict[str, tuple[dict[str, Any], Why, Why]] = {
    "the best is chosen, the other outranked": ({}, Why.CHOSEN, Why.OUTRANKED),
    "not valid yet": ({"offer": {"starts_at": NOW + 1}}, Why.NOT_VALID, Why.CHOSEN),
    "valid from this moment on": ({"offer": {"starts_at": NOW}}, Why.CHOSEN, Why.OUTRANKED),
    "valid until this moment": ({"offer": {"ends_at": NOW}}, Why.CHOSEN, Why.OUTRANKED),
    "not valid any more": ({"offer": {"ends_at": NOW - 1}}, Why.NOT_VALID, Why.CHOSEN),
    "consent unknown": ({"who": {"consents": NAN}}, Why.CONSENT_UNKNOWN, Why.CONSENT_UNKNOWN),
    "no consent at all": ({"who": {"consents": 0}}, Why.NO_CONSENT, Why.NO_CONSENT),
    "no consent for its channel": (
        {"who": {"consents": 2**SMS}, "offer": {"channels": ("email",)}},
        Why.NO_CONSENT,
        Why.CHOSEN,
    ),
    "asked for choices without their data": (
        {"who": {"is_personalised": 0}},
        Why.OPTED_OUT,
        Why.OPTED_OUT,
    ),
    "the offer for those who asked that": (
        {"who": {"is_personalised": 0}, "for_everybody": {"offer": "b", "worth": 300}},
        Why.OPTED_OUT,
        Why.CHOSEN,
    ),
    "held out": ({"who": {"held_out": True}}, Why.HELD_OUT, Why.HELD_OUT),
    "held out of the offer": (
        {"holdout": {"share": 0, "salt": "1", "by_offer": 0.5}},
        Why.HELD_OUT_OF_OFFER,
        Why.CHOSEN,
    ),
    "not the day": ({"occasions": [DAY_OF], "who": {"days_to": 8}}, Why.NOT_THE_DAY, Why.CHOSEN),
    "birthday not known": ({"occasions": [DAY_OF]}, Why.NOT_THE_DAY, Why.CHOSEN),
    "the day": ({"occasions": [DAY_OF], "who": {"days_to": 7}}, Why.CHOSEN, Why.OUTRANKED),
    "worth what the business says where the effect is not known": (
        {"occasions": [DAY_OF], "who": {"days_to": 0}, "uplift": (NAN, 200)},
        Why.CHOSEN,
        Why.OUTRANKED,
    ),
    "not for this stage": (ONLY_LOST, Why.NOT_ELIGIBLE, Why.CHOSEN),
    "for this stage": (ONLY_LOST | {"who": {"stage": 1}}, Why.CHOSEN, Why.OUTRANKED),
    "a complaint is open": ({"who": {"open_complaints": 1}}, Why.COMPLAINT_OPEN, Why.COMPLAINT_OPEN),
    "care goes on while a complaint is open": (
        {"who": {"open_complaints": 1}, "offer": {"kind": "care"}},
        Why.CHOSEN,
        Why.COMPLAINT_OPEN,
    ),
    "tired": (
        {"rest": REST, "who": {"unanswered": 3, "days_since_contact": 27.9}},
        Why.RESTING,
        Why.RESTING,
    ),
    "rested": (
        {"rest": REST, "who": {"unanswered": 3, "days_since_contact": 28}},
        Why.CHOSEN,
        Why.OUTRANKED,
    ),
    "contacts not known": ({"caps": CAPS, "who": {"contacts": NAN}}, Why.CAP_UNKNOWN, Why.CAP_UNKNOWN),
    "capped": ({"caps": CAPS, "who": {"contacts": 2}}, Why.CAPPED, Why.CAPPED),
    "one contact below the cap": ({"caps": CAPS, "who": {"contacts": 1}}, Why.CHOSEN, Why.OUTRANKED),
    "capped on its only channel": (
        {"channels": CHANNELS, "caps": SMS_CAP, "who": {"contacts": 1}, "offer": {"channels": ("sms",)}},
        Why.CAPPED,
        Why.CHOSEN,
    ),
    "its channel is silent": (
        {
            "channels": CHANNELS,
            "slots": [EVENING],
            "quiet_hours": [{"begin": "20:00", "end": "09:00", "channels": ["phone"]}],
            "offer": {"channels": ("phone",)},
        },
        Why.QUIET_HOURS,
        Why.CHOSEN,
    ),
    "effect unknown": ({"uplift": (NAN, 200)}, Why.EFFECT_UNKNOWN, Why.CHOSEN),
    "harms": ({"uplift": (-500, 200)}, Why.HARMS, Why.CHOSEN),
    "adds less than it costs": ({"uplift": (40, 200)}, Why.NOT_WORTH_IT, Why.CHOSEN),
    "adds less than the least": ({"uplift": (99, 200)}, Why.NOT_WORTH_IT, Why.CHOSEN),
    "adds just the least": ({"uplift": (100, 99)}, Why.CHOSEN, Why.NOT_WORTH_IT),
    "money is worth more elsewhere": ({"price": 4.0}, Why.CHOSEN, Why.OVER_BUDGET),
    "money is worth more elsewhere than both": ({"price": 5.0}, Why.OVER_BUDGET, Why.OVER_BUDGET),
    "what is left reaches": ({"left": 50.0}, Why.CHOSEN, Why.OUTRANKED),
    "what is left does not reach": ({"left": 49.0}, Why.SPENT, Why.SPENT),
    "the dearer one does not fit, the cheaper does": (
        {"left": 50.0, "offer": {"cost": 200}, "uplift": (500, 200)},
        Why.SPENT,
        Why.CHOSEN,
    ),
    "limits cannot be checked": ({"left": NAN}, Why.COUNTERS_DOWN, Why.COUNTERS_DOWN),
    "limits cannot be checked, and it was reserved": (
        {"left": NAN, "price": 5.0, "reserved": (1, SMS)},
        Why.OVER_BUDGET,
        Why.COUNTERS_DOWN,
    ),
    "limits cannot be checked, and another rule refuses it": (
        {"left": NAN, "offer": {"ends_at": NOW - 1}},
        Why.NOT_VALID,
        Why.COUNTERS_DOWN,
    ),
    "what was reserved stays": ({"reserved": (1, SMS), "left": 0.0}, Why.OUTRANKED, Why.CHOSEN),
    "what was reserved and is refused now": (
        {"reserved": (0, SMS), "offer": {"ends_at": NOW - 1}},
        Why.NOT_VALID,
        Why.CHOSEN,
    ),
}


@pytest.mark.parametrize(("asked", "first", "second"), CASES.values(), ids=CASES)
def test_each_reason_has_its_case(
    decide: Callable[..., Choices], asked: dict[str, Any], first: Why, second: Why
) -> None:
    choices = decide(**asked)
    assert [Why(each) for each in choices.why[0]] == [first, second]
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
    ({"uplift": (-60, 200)}, Why.HARMS),
    ({"uplift": (NAN, 200)}, Why.EFFECT_UNKNOWN),
    ({"caps": CAPS, "who": {"contacts": 2}}, Why.CAPPED),
    ({"rest": REST, "who": {"unanswered": 3, "days_since_contact": 1}}, Why.RESTING),
    ({"who": {"open_complaints": 2}}, Why.COMPLAINT_OPEN),
    (ONLY_LOST, Why.NOT_ELIGIBLE),
    ({"occasions": [DAY_OF]}, Why.NOT_THE_DAY),
    ({"who": {"held_out": True}}, Why.HELD_OUT),
    ({"who": {"is_personalised": 0}}, Why.OPTED_OUT),
    ({"who": {"consents": 0}}, Why.NO_CONSENT),
    ({"who": {"consents": NAN}, "offer": {"channels": ()}}, Why.CONSENT_UNKNOWN),
    ({"offer": {"channels": (), "ends_at": 0}}, Why.NOT_VALID),
]


@pytest.mark.parametrize("rung", range(len(LADDER)))
def test_of_several_reasons_the_first_rule_stands(decide: Callable[..., Choices], rung: int) -> None:
    asked: dict[str, Any] = {}
    for each, _ in LADDER[: rung + 1]:
        asked |= each | {"who": asked.get("who", {}) | each.get("who", {})}
    assert Why(decide(**asked).why[0, 0]) == LADDER[rung][1]


def test_unknown_consent_is_allowed_only_where_the_policy_says_so(decide: Callable[..., Choices]) -> None:
    assert decide(who={"consents": NAN}, unknown_consent="allow").why[0, 0] == Why.CHOSEN
    assert decide(who={"consents": NAN}).chosen[0] == NOTHING


def test_the_channel_is_the_cheapest_that_is_open(decide: Callable[..., Choices]) -> None:
    channels = [
        {"name": "sms", "chinese": "短信", "cost": 5},
        {"name": "phone", "chinese": "电话", "cost": 90},
    ]
    assert decide(channels=channels).channel[0, 0] == SMS
    assert decide(channels=channels, who={"consents": 2**PHONE}).channel[0, 0] == PHONE
    assert decide(channels=channels, who={"consents": 2**EMAIL}).channel[0, 0] == NOTHING
    phone = decide(channels=channels, who={"consents": 2**PHONE})
    assert (phone.cost[0, 0], phone.net_value[0, 0]) == (140.0, 160.0)


def test_what_the_holdout_withholds_is_what_it_would_have_got(decide: Callable[..., Choices]) -> None:
    held = decide(who={"held_out": True})
    assert (held.chosen[0], held.held_back[0]) == (NOTHING, 0)
    assert held.propensity[0] == 0.05
    assert decide().propensity[0] == 0.95


def test_where_limits_cannot_be_checked_nothing_is_held_back_either(decide: Callable[..., Choices]) -> None:
    held = decide(who={"held_out": True}, left=NAN)
    assert (held.chosen[0], held.held_back[0]) == (NOTHING, NOTHING)


def test_what_was_given_is_no_longer_reserved() -> None:
    reserved = Reserved(np.array([1, 0]), np.array([SMS, EMAIL])).without(np.array([True, False]))
    assert [part.tolist() for part in reserved] == [[NOTHING, 0], [NOTHING, EMAIL]]


def test_who_asked_for_it_gets_the_same_whatever_is_known_of_them(
    decide: Callable[..., Choices],
) -> None:
    words: dict[str, Any] = {"for_everybody": {"offer": "b", "worth": 300}, **ONLY_LOST}
    told = [
        decide(uplift=uplift, who={"is_personalised": 0, "stage": stage}, **words)
        for uplift in ((300, 200), (NAN, NAN), (9000, -9000))
        for stage in (0, 1)
    ]
    assert {each.chosen[0] for each in told} == {1}
    assert {each.net_value[0, 1] for each in told} == {200.0}


def test_without_offers_nothing_is_chosen(policy_of: Make, scores_of: Make, who_of: Make) -> None:
    scores = scores_of(np.empty((3, 0)), np.empty((3, 0)))
    choices = choose(scores, (), who_of(3), None, policy_of(), NOW, free_market(policy_of(), ()))
    assert choices.chosen.tolist() == [NOTHING] * 3
    assert choices.why.shape == (3, 0)


def test_without_customers_nothing_is_chosen(
    policy_of: Make, offer_of: Make, scores_of: Make, who_of: Make
) -> None:
    scores = scores_of(np.empty((0, 1)), np.empty((0, 1)))
    market = free_market(policy_of(), (offer_of(),))
    assert choose(scores, (offer_of(),), who_of(0), None, policy_of(), NOW, market).chosen.shape == (0,)


class Case:
    """A random policy, offers, customers and prices."""

    def __init__(self, draw: st.DrawFn, policy_of: Make, who_of: Make) -> None:
        random = np.random.default_rng(draw(st.integers(0, 2**32)))
        self.customers, count = draw(st.integers(1, 7)), draw(st.integers(1, 4))
        shape = (self.customers, count)
        self.offers = tuple(
            Offer(
                f"o{k}",
                str(random.choice(["coupon", "care", "gift"])),
                "",
                reward=0,
                cost=int(random.integers(0, 300)),
                contact_cost=int(random.integers(0, 20)),
                starts_at=int(random.choice([0, NOW, NOW + 1], p=[0.8, 0.1, 0.1])),
                channels=tuple(random.permutation(CONTACT_CHANNELS)[: random.integers(1, 9)].tolist()),
            )
            for k in range(count)
        )
        self.policy: Policy = policy_of(
            minimum_net_value=int(random.integers(0, 100)),
            caps=[{"name": "all", "contacts": 2, "days": 7}, *SMS_CAP],
            channels=[
                {"name": name, "chinese": name, "cost": int(random.integers(0, 60))}
                for name in CONTACT_CHANNELS
            ],
            budgets=[
                {"name": "calls", "chinese": "外呼", "of": "contacts", "weekly": 3, "channels": ["phone"]},
                {"name": "care", "chinese": "关怀", "weekly": 50, "kinds": ["care"]},
            ],
            rest=REST if draw(st.booleans()) else None,
            exploration={"share": 0.5, "among": 2} if draw(st.booleans()) else None,
        )
        uplift = random.normal(150, 250, shape)
        uplift[random.random(shape) < 0.15] = NAN
        self.scores = Scores(np.zeros(len(uplift)), np.zeros(len(uplift)), random.random(shape), uplift)
        self.who: Circumstances = who_of(
            self.customers,
            self.policy,
            consents=random.choice([NAN, 255, *range(0, 256, 7)], self.customers),
            held_out=random.random(self.customers) < 0.2,
            open_complaints=random.choice([0, 0, 0, 1, NAN], self.customers),
            unanswered=random.integers(0, 6, self.customers),
            days_since_contact=random.choice([NAN, 3, 40], self.customers),
            contacts=random.integers(0, 3, (self.customers, 2)),
        )
        market = free_market(self.policy, self.offers)
        prices = random.choice([0.0, 0.0, 0.3, 2.0], len(market.prices))
        left = random.choice([np.inf, 0.0, 60.0, 1.0], len(market.prices))
        self.market: Market = market.at(prices, left)
        offered = random.integers(-1, count, self.customers)
        self.reserved = Reserved(offered, np.where(offered < 0, -1, random.integers(0, 8, self.customers)))

    def choose(self, rows: slice = slice(None), reserved: bool = True) -> Choices:
        scores = Scores(*(part[rows] for part in self.scores))
        who, told = self.who.rows(rows), self.reserved.rows(rows) if reserved else None
        return choose(scores, self.offers, who, None, self.policy, NOW, self.market, told)

    def worth(self, row: int) -> dict[tuple[int, int], float]:
        """The worth of each option that every rule allows, by the rules as a person would say them."""
        found = {}
        for j, offer in enumerate(self.offers):
            response, uplift = self.scores.response[row, j], self.scores.uplift[row, j]
            bits = self.who.consents[row]
            sells = offer.kind != "care"
            tired = (
                self.policy.rest and self.who.unanswered[row] >= 3 and self.who.days_since_contact[row] < 28
            )
            if offer.starts_at > NOW or np.isnan(bits) or np.isnan(uplift) or uplift < 0:
                continue
            if (sells and (tired or self.who.open_complaints[row] > 0)) or self.who.contacts[row, 0] >= 2:
                continue
            for c, name in enumerate(CONTACT_CHANNELS):
                if name not in offer.channels or not int(bits) >> c & 1:
                    continue
                if name == "sms" and self.who.contacts[row, 1] >= 1:
                    continue
                contact = offer.contact_cost + self.policy.channels[c].cost
                cost = contact + offer.cost * response
                charged = sum(
                    price * self.takes(name_, j, c, cost)
                    for name_, price in zip(self.market.limits.names, self.market.prices, strict=True)
                )
                if uplift - cost >= self.policy.minimum_net_value and uplift - cost - charged > 0:
                    found[j, c] = float(uplift - cost - charged)
        return found

    def takes(self, limit: str, j: int, c: int, cost: float) -> float:
        if limit == "weekly_budget":
            return cost
        if limit == "calls":
            return float(c == PHONE)
        assert limit == "care"
        return cost if self.offers[j].kind == "care" else 0.0

    def fits(self, row: int, option: tuple[int, int]) -> bool:
        j, c = option
        contact = self.offers[j].contact_cost + self.policy.channels[c].cost
        cost = contact + self.offers[j].cost * self.scores.response[row, j]
        named = zip(self.market.limits.names, self.market.remaining, strict=True)
        return all(self.takes(name, j, c, cost) <= left + 1e-9 for name, left in named)


@pytest.fixture(scope="session")
def case_of(policy_of: Make, who_of: Make) -> Callable[[st.DataObject], Case]:
    return lambda data: data.draw(st.composite(lambda draw: Case(draw, policy_of, who_of))())


@given(st.data())
@settings(max_examples=150)
def test_the_choice_is_what_a_plain_reading_of_the_rules_says(
    case_of: Callable[[st.DataObject], Case], data: st.DataObject
) -> None:
    case = case_of(data)
    choices = case.choose(reserved=False)
    for row in range(case.customers):
        worth = case.worth(row)
        held = bool(case.who.held_out[row])
        chosen = int(choices.held_back[row] if held else choices.chosen[row])
        assert (choices.chosen[row] == NOTHING) or not held
        # What is withheld takes nothing of any limit.
        fitting = {option: value for option, value in worth.items() if held or case.fits(row, option)}
        if chosen == NOTHING:
            assert not fitting
            continue
        option = chosen, int(choices.channel[row, chosen])
        assert option in fitting
        if case.policy.exploration is None:
            best = max(worth.values())
            assert fitting[option] == pytest.approx(max(fitting.values()), abs=1e-9)
            assert (Why.SPENT in choices.why[row]) <= (max(fitting.values()) < best or held)
        # Of one offer the best channel is taken, whether or not the lot chose the offer.
        own = [value for (j, _), value in fitting.items() if j == chosen]
        assert fitting[option] == pytest.approx(max(own), abs=1e-9)


@given(st.data())
@settings(max_examples=80)
def test_one_customer_alone_gets_what_it_gets_among_all(
    case_of: Callable[[st.DataObject], Case], data: st.DataObject
) -> None:
    case = case_of(data)
    together = case.choose()
    for row in range(case.customers):
        one = slice(row, row + 1)
        for part, whole in zip(case.choose(one), together, strict=True):
            assert np.array_equal(part, whole[one], equal_nan=part.dtype.kind == "f")


@given(st.data())
@settings(max_examples=80)
def test_the_solvers_kernel_and_the_choice_say_the_same(
    case_of: Callable[[st.DataObject], Case], data: st.DataObject
) -> None:
    case = case_of(data)
    policy = case.policy.model_copy(update={"exploration": None})
    market = case.market.at(case.market.prices, np.full(len(case.market.prices), np.inf))
    who = case.who.nobody_held_out()
    choices = choose(case.scores, case.offers, who, None, policy, NOW, market)
    may = options(case.scores, case.offers, who, None, policy, NOW)
    tariff = tariff_of(market.terms, charges(market.limits, market.prices))
    kernel = arbitrate(Block(may.uplift, may.response, may.allowed), tariff, policy.minimum_net_value)
    assert kernel.offer.tolist() == choices.chosen.tolist()
    rows = np.flatnonzero(choices.chosen != NOTHING)
    assert kernel.channel[rows].tolist() == choices.channel[rows, choices.chosen[rows]].tolist()


@given(st.data())
@settings(max_examples=60)
def test_what_is_reserved_is_given_unless_a_rule_refuses_it(
    case_of: Callable[[st.DataObject], Case], data: st.DataObject
) -> None:
    case = case_of(data)
    choices = case.choose()
    for row in range(case.customers):
        option = int(case.reserved.offer[row]), int(case.reserved.channel[row])
        free = dict.fromkeys(_at_no_price(case, row))
        if case.who.held_out[row]:
            assert not choices.is_reserved[row]
            continue
        assert choices.is_reserved[row] == (option in free)
        if choices.is_reserved[row]:
            assert (choices.chosen[row], choices.channel[row, choices.chosen[row]]) == option


def _at_no_price(case: Case, row: int) -> dict[tuple[int, int], float]:
    at = case.market
    case.market = at.at(np.zeros(len(at.prices)))
    try:
        return case.worth(row)
    finally:
        case.market = at


def test_what_choices_take_of_limits_is_summed_as_a_loop_would(
    policy_of: Make, offer_of: Make, scores_of: Make, who_of: Make
) -> None:
    policy = policy_of(
        channels=CHANNELS,
        budgets=[{"name": "calls", "chinese": "外呼", "of": "contacts", "weekly": 3, "channels": ["phone"]}],
    )
    offers = (offer_of("a", channels=("phone",), contact_cost=7), offer_of("b", channels=("sms",), stock=5))
    scores = scores_of([[0.5, 0.1], [0.2, 0.4], [0.3, 0.3]], [[300, 90], [80, 300], [10, 10]])
    market = free_market(policy, offers)
    choices = choose(scores, offers, who_of(3), None, policy, NOW, market)
    assert choices.chosen.tolist() == [0, 1, NOTHING]
    may = options(scores, offers, who_of(3), None, policy, NOW)
    assert market.limits.names == ("weekly_budget", "calls", "stock of b")
    assert taken(choices, may, market).tolist() == pytest.approx([57 + 40, 1, 0.4])


IDS = np.array([f"C{number:06d}" for number in range(40_000)], dtype=object)


def test_an_offers_own_holdout_is_a_fair_share_drawn_for_each_offer_apart(
    policy_of: Make, offer_of: Make
) -> None:
    policy = policy_of(holdout={"share": 0.05, "salt": "2026", "by_offer": 0.1})
    held = held_from(policy, (offer_of("a"), offer_of("b")), IDS, NOW)
    assert held.mean(axis=0) == pytest.approx([0.1, 0.1], abs=0.006)
    assert (held[:, 0] & held[:, 1]).mean() == pytest.approx(0.01, abs=0.002)


def test_a_holdout_is_drawn_anew_when_its_time_is_over(policy_of: Make) -> None:
    holdout = policy_of(holdout={"share": 0.1, "salt": "2026", "rotates_every_days": 28}).holdout
    assert holdout.salt_at(0) == holdout.salt_at(28 * DAY - 1) != holdout.salt_at(28 * DAY)
    assert policy_of().holdout.salt_at(0) == policy_of().holdout.salt_at(10**15) == "2026"
