"""Offers in a toy world: half of the customers can be persuaded, the others never; a third is held back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from models.contact import (
    EFFECT_DAYS,
    EFFECT_FACTS,
    OFFER_FACTS,
    OFFER_TERMS,
    ContactFrame,
    build_contact_frame,
    offer_facts,
    terms_of,
)
from models.effect import PREFERRED, OfferTraining, predict_offers, train_offer_models
from models.offer_past import LEAST_CONTACTS
from tables.history import Histories
from tables.moment import DAY
from tables.offer import Offer

CUSTOMERS = 3000
OFFERS = (Offer("ten", "coupon", "ten off", reward=1000, cost=800),)
TEST_AT, AS_OF = 300, 400
SPEND = 10_000
Base = Callable[..., Histories]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """Two contacts a customer, on days 200 and 320; those who visit can be persuaded to one more order."""

    histories: Histories
    start: int

    def train(self) -> OfferTraining:
        return train_offer_models(
            self.histories,
            OFFERS,
            self.start + TEST_AT * DAY,
            self.start + AS_OF * DAY,
            margin_rate=1.0,
            horizon_days=EFFECT_DAYS,
        )

    def scores(self, trained: OfferTraining) -> tuple[Floats, Floats]:
        """Response and uplift of the one offer for the customer of each contact."""
        told = predict_offers(trained.published, self.frame().facts.values, terms_of(OFFERS))
        return told[0][:, 0], told[1][:, 0]

    def frame(self) -> ContactFrame:
        return build_contact_frame(self.histories, OFFERS, self.start + AS_OF * DAY, margin_rate=1.0)


def world_of(base_of: Base, start: int, held_back: float) -> World:
    random = np.random.default_rng(13)
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("transactions", "interactions", "contacts", "responses")
    }
    for k in range(CUSTOMERS):
        who = {"customer_id": f"c{k:05d}"}
        persuadable = k % 2 == 0
        tables["transactions"].append(who | {"at": int(random.integers(100, 199)) * DAY, "amount": SPEND})
        for day in (200, 320):
            if persuadable:
                tables["interactions"].append(who | {"at": (day - 5) * DAY})
            held = bool(random.random() < held_back)
            contact = who | {"event_id": f"k{day}-{k}", "at": day * DAY}
            tables["contacts"].append(contact | {"kind": "held_back" if held else "sent"})
            if random.random() < 0.3:  # would have bought anyway
                tables["transactions"].append(who | {"at": (day + 3) * DAY, "amount": SPEND})
            if persuadable and not held:
                tables["transactions"].append(who | {"at": (day + 5) * DAY, "amount": SPEND})
                tables["responses"].append(who | {"contact_id": contact["event_id"], "at": (day + 5) * DAY})
    return World(base_of(**tables), start)


@pytest.fixture(scope="module")
def world(base_of: Base, start: int) -> World:
    return world_of(base_of, start, held_back=1 / 3)


@pytest.fixture(scope="module")
def trained(world: World) -> OfferTraining:
    return world.train()


def persuadable(world: World, frame: ContactFrame) -> npt.NDArray[np.bool_]:
    return np.array([int(name[1:]) % 2 == 0 for name in world.histories.ids[frame.facts.places]])


def test_those_who_can_be_persuaded_are_promised_more(world: World, trained: OfferTraining) -> None:
    frame = world.frame()
    response, uplift = world.scores(trained)
    can = persuadable(world, frame)
    assert np.median(uplift[can]) > 2 * abs(np.median(uplift[~can]))
    assert (uplift[can].min() > uplift[~can]).mean() > 0.95
    assert response[can].mean() > 0.9
    assert response[~can].mean() < 0.1


def test_the_mean_effect_lies_within_its_interval(trained: OfferTraining) -> None:
    found = trained.evaluation["value_added_all"]
    assert found.low < SPEND / 2 < found.high
    assert (
        trained.evaluation["value_added_upper_half"].low > trained.evaluation["value_added_lower_half"].high
    )
    assert trained.evaluation["response_auc"].low > 0.95


def test_what_is_promised_adds_up_to_what_contacting_adds(world: World, trained: OfferTraining) -> None:
    _, uplift = world.scores(trained)
    assert uplift.mean() == pytest.approx(SPEND / 2, rel=0.25)


def test_the_judged_models_have_seen_only_contacts_whose_effect_was_over(
    world: World, trained: OfferTraining
) -> None:
    alone = train_offer_models(
        world.histories,
        OFFERS,
        world.start,
        world.start + TEST_AT * DAY,
        margin_rate=1.0,
        horizon_days=EFFECT_DAYS,
    )
    judged, published = trained.evaluated, alone.published
    assert judged.response
    assert judged.uplift
    assert published.response
    assert published.uplift
    assert judged.response.model_to_string() == published.response.model_to_string()
    facts = world.frame().facts.values
    terms = terms_of(OFFERS)
    assert np.array_equal(judged.uplift.predict(facts, terms), published.uplift.predict(facts, terms))


def test_without_customers_held_back_no_effect_is_given_and_it_says_why(base_of: Base, start: int) -> None:
    world = world_of(base_of, start, held_back=0.0)
    trained = world.train()
    assert trained.held_back == 0
    assert trained.published.uplift is None
    assert f"0 customers were held back from a contact; without at least {LEAST_CONTACTS}" in (
        trained.published.why_not
    )
    response, uplift = world.scores(trained)
    assert np.isfinite(response).all()
    assert np.isnan(uplift).all()
    assert "value_added_all" not in trained.evaluation


def test_without_contacts_nothing_is_promised(base_of: Base, start: int) -> None:
    histories = base_of(transactions=[{"customer_id": "ann", "at": 0}])
    trained = train_offer_models(histories, OFFERS, start, start + AS_OF * DAY, margin_rate=1.0)
    assert trained.published.response is None
    assert "0 of 0 past contacts were redeemed" in trained.published.why_not
    response, uplift = predict_offers(trained.published, np.zeros((2, len(EFFECT_FACTS))), terms_of(OFFERS))
    assert np.isnan(response).all()
    assert np.isnan(uplift).all()


END = 100 + EFFECT_DAYS
# What came of a contact on day 100, and whether that counts as redeemed.
RESPONSES: dict[str, tuple[list[dict[str, Any]], float]] = {
    "nothing": ([], 0.0),
    "redeemed": ([{"at": 110}], 1.0),
    "redeemed at the end": ([{"at": END}], 1.0),
    "redeemed too late": ([{"at": END + 1}], 0.0),
    "redeemed in time, known too late": ([{"at": 110, "known_at": END + 1}], 0.0),
    "redeemed before the contact": ([{"at": 99}], 0.0),
    "only viewed": ([{"at": 110, "kind": "viewed"}], 0.0),
    "another's contact": ([{"at": 110, "contact_id": "other"}], 0.0),
    "withdrawn in time": (
        [{"at": 110, "event_id": "r"}, {"at": 110, "event_id": "r", "known_at": END, "deleted": True}],
        0.0,
    ),
    "withdrawn too late": (
        [{"at": 110, "event_id": "r"}, {"at": 110, "event_id": "r", "known_at": END + 1, "deleted": True}],
        1.0,
    ),
}


@pytest.mark.parametrize(("responses", "label"), RESPONSES.values(), ids=RESPONSES)
def test_a_redemption_counts_when_it_was_known_by_the_end_of_the_effect(
    base_of: Base, start: int, responses: list[dict[str, Any]], label: float
) -> None:
    who = {"customer_id": "ann"}
    told = [
        {"contact_id": "k"}
        | who
        | {key: v * DAY if key in ("at", "known_at") else v for key, v in row.items()}
        for row in responses
    ]
    histories = base_of(
        transactions=[who | {"at": 90 * DAY}],
        contacts=[who | {"event_id": "k", "at": 100 * DAY}],
        **({"responses": told} if told else {}),
    )
    frame = build_contact_frame(histories, OFFERS, start + 300 * DAY, margin_rate=1.0)
    assert frame.redeemed.tolist() == [label]


@pytest.mark.parametrize(("day", "contacts"), [(END - 1, 0), (END, 1)])
def test_a_contact_teaches_only_once_its_effect_is_over(
    base_of: Base, start: int, day: int, contacts: int
) -> None:
    histories = base_of(
        transactions=[{"customer_id": "ann", "at": 90 * DAY}],
        contacts=[{"customer_id": "ann", "at": 100 * DAY}],
    )
    assert len(build_contact_frame(histories, OFFERS, start + day * DAY, margin_rate=1.0)) == contacts


def test_the_facts_of_a_contact_are_those_just_before_it(base_of: Base, start: int) -> None:
    histories = base_of(
        transactions=[{"customer_id": "ann", "at": day * DAY} for day in (90, 100)],
        contacts=[{"customer_id": "ann", "at": 100 * DAY}],
    )
    frame = build_contact_frame(histories, OFFERS, start + 300 * DAY, margin_rate=1.0)
    assert frame.facts.column("orders_91d").tolist() == [1.0]
    assert frame.facts.moments.tolist() == [start + 100 * DAY - 1]


@pytest.mark.parametrize(("usual", "expected"), [(500.0, 2.0), (0.0, np.nan), (np.nan, np.nan)])
def test_a_reward_is_compared_with_the_usual_order_where_there_is_one(usual: float, expected: float) -> None:
    own = np.zeros((1, len(EFFECT_FACTS)))
    own[0, EFFECT_FACTS.index("spend_per_order_364d")] = usual
    told = offer_facts(own, terms_of(OFFERS))
    assert told.shape == (1, 1, len(OFFER_FACTS))
    assert told[0, 0, OFFER_FACTS.index("offer_reward_per_usual_order")] == pytest.approx(
        expected, nan_ok=True
    )


def test_offers_are_told_by_their_terms_alike_for_one_customer_and_for_each_its_own() -> None:
    offers = [*OFFERS, Offer("gift", "gift", "", reward=500, cost=400, minimum_spend=2000)]
    own = np.random.default_rng(1).gamma(1.0, 100.0, (5, len(EFFECT_FACTS)))
    terms = terms_of(offers)
    every = offer_facts(own, terms)
    for k in range(2):
        each = offer_facts(own, np.broadcast_to(terms[k], (5, 1, len(OFFER_TERMS))))
        assert np.array_equal(each[:, 0], every[:, k])
    assert terms[:, OFFER_TERMS.index("offer_is_coupon")].tolist() == [1.0, 0.0]
    assert terms[1, OFFER_TERMS.index("offer_minimum_spend")] == 2000
    assert terms_of([]).shape == (0, len(OFFER_TERMS))


def test_age_gender_and_region_are_no_facts_of_offer_models(trained: OfferTraining) -> None:
    protected = ("age", "gender", "birth", "region", "sex")
    told = {*EFFECT_FACTS, *OFFER_FACTS}
    for models in (trained.evaluated, trained.published):
        assert models.response
        assert models.uplift
        told |= {*models.response.feature_name(), *models.uplift.names, *models.uplift.offer_names}
    for name in told:
        assert not any(word in name.split("_") for word in protected), name


def test_every_learner_is_compared_before_the_test(trained: OfferTraining) -> None:
    assert trained.learner == PREFERRED
    assert trained.overlap is not None
    assert trained.overlap.is_enough
