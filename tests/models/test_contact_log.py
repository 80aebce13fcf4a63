"""The log of contacts as decisions, on small bases one can count."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from models.contact import EFFECT_FACTS
from models.contact_log import NOTHING, expected_rewards, read_contact_log
from models.off_policy import Log
from models.question import Question
from tables.history import Histories
from tables.moment import DAY
from tables.offer import Offer
from tables.refusal import Refused

Base = Callable[..., Histories]
OFFERS = (
    Offer("five", "coupon", "five", 5, 4, contact_cost=2),
    Offer("ten", "coupon", "ten", 10, 8, contact_cost=1),
)


def order(customer: str, day: float, amount: int = 100) -> dict[str, Any]:
    return {"customer_id": customer, "at": int(day * DAY), "amount": amount}


def contact(customer: str, day: float, **said: Any) -> dict[str, Any]:
    plain = {"customer_id": customer, "at": int(day * DAY), "kind": "sent", "propensity": 0.4}
    return plain | {"event_id": f"w-{customer}-{day}"} | said


def read(histories: Histories, start: int, begin: int = 0, end: int = 100, most: int = 1000) -> Any:
    return read_contact_log(
        histories,
        OFFERS,
        start + begin * DAY,
        start + end * DAY,
        Question(),
        margin_rate=0.5,
        most=most,
    )


@pytest.fixture
def histories(base_of: Base) -> Histories:
    return base_of(
        transactions=[
            *(order(name, 0) for name in ("ann", "bob", "cai", "dan")),
            order("ann", 15, 1000),
            order("ann", 50, 9000),  # after the offer's effect
            order("bob", 12, 500),
            order("eve", 60),  # had not bought before
        ],
        contacts=[
            contact("ann", 10),
            contact("bob", 10, kind="held_back", propensity=0.1),
            contact("cai", 11, offer_id="five", propensity=0.3),
            contact("dan", 20),
            contact("dan", 19, kind="held_back", propensity=0.1),
            contact("eve", 10),
            contact("ann", 90),  # its effect is not over at day 100
        ],
        responses=[
            {"customer_id": "ann", "at": 15 * DAY, "contact_id": "w-ann-10"},
            {"customer_id": "cai", "at": 80 * DAY, "contact_id": "w-cai-11"},  # too late
        ],
    )


def test_each_contact_is_a_decision_with_what_came_of_it(histories: Histories, start: int) -> None:
    told = read(histories, start)
    names = histories.ids[told.log.customer]
    rows = sorted(
        zip(names, ((told.at - start) // DAY).tolist(), told.log.action, told.log.reward, strict=True)
    )
    assert [row[:3] for row in rows] == [
        ("ann", 10, 2),
        ("bob", 10, NOTHING),
        ("cai", 11, 1),
        ("dan", 19, NOTHING),
        ("dan", 20, 2),
    ]
    # Half of what was spent within 28 days, less the contact and the redemption.
    assert [row[3] for row in rows] == [500 - 1 - 8, 250, -2, 0, -1]
    assert told.customers == 4


def test_nothings_propensity_is_the_share_held_back_in_its_week(histories: Histories, start: int) -> None:
    told = read(histories, start)
    held = told.log.action == NOTHING
    by_name = dict(zip(histories.ids[told.log.customer[held]], told.log.propensity[held], strict=True))
    assert by_name == {"bob": pytest.approx(1 / 3), "dan": pytest.approx(1 / 2)}
    assert sorted(told.log.propensity[~held].tolist()) == [0.3, 0.4, 0.4]


def test_contacts_before_the_time_asked_for_are_not_looked_at(histories: Histories, start: int) -> None:
    assert set(histories.ids[read(histories, start, begin=15).log.customer]) == {"dan"}


@pytest.mark.parametrize(
    ("contacts", "says"),
    [
        ([contact("ann", 95)], "no contact of this time is known"),
        ([contact("ann", 10, propensity=None)], "1 of 1 contacts have no logged propensity"),
        ([contact("ann", 10)], "of 1 contacts 0 were held back"),
        ([contact("ann", 10, kind="held_back")], "of 1 contacts 1 were held back"),
        ([contact("ann", 10, offer_id="other")], "1 contacts are of offers that are not known"),
    ],
)
def test_what_is_not_identified_is_refused_with_the_reason(
    base_of: Base, start: int, contacts: list[dict[str, Any]], says: str
) -> None:
    histories = base_of(transactions=[order("ann", 0)], contacts=contacts)
    with pytest.raises(Refused, match=says):
        read(histories, start)


def test_a_few_contacts_that_no_lot_decided_are_left_out_sent_or_held_back(base_of: Base, start: int) -> None:
    names = [f"c{k:02}" for k in range(50)]
    told = [contact(name, 10, kind="held_back" if k % 5 == 0 else "sent") for k, name in enumerate(names)]
    orders = [order(name, 0) for name in names]
    for unknown in (0, 1):  # one held back, one sent
        told[unknown]["propensity"] = None
    found = read(base_of(transactions=orders, contacts=told), start)
    assert found.left_out == 2
    assert found.customers == 48
    held = found.log.action == NOTHING
    assert found.log.propensity[held].tolist() == [pytest.approx(9 / 48)] * 9
    told[2]["propensity"] = None
    with pytest.raises(
        Refused, match="3 of 50 contacts have no logged propensity; at most 5% may be left out"
    ):
        read(base_of(transactions=orders, contacts=told), start)


def test_a_base_without_contacts_is_refused(base_of: Base, start: int) -> None:
    with pytest.raises(Refused, match="no contact of this time"):
        read(base_of(transactions=[order("ann", 0)]), start)


def test_the_expected_reward_knows_the_customer_and_what_an_offer_adds_but_not_the_row() -> None:
    random = np.random.default_rng(1)
    n = 3000
    values = np.full((n, len(EFFECT_FACTS)), np.nan)
    usual = random.uniform(50, 150, n)
    values[:, EFFECT_FACTS.index("spend_per_order_364d")] = usual
    action = random.integers(0, 2, n)
    reward = 3 * usual + 0.5 * usual * action + random.normal(0, 20, n)
    log = Log(np.arange(n), action, np.full(n, 0.5), reward)
    expected = expected_rewards(log, values, 3)
    added = expected[:, 1] - expected[:, 0]
    assert np.average(added / usual) == pytest.approx(0.5, abs=0.1)
    seen = expected[np.arange(n), action]
    assert np.corrcoef(seen, reward)[0, 1] > 0.95
    assert np.abs(np.corrcoef(reward - (3 + 0.5 * action) * usual, seen)[0, 1]) < 0.06
    assert (expected[:, 2] - expected.mean(axis=1) != 0).any()  # what was never done adds nothing of its own
