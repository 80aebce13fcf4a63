"""Weeks after a world's end: the world's own laws, whoever is contacted, and the same luck for all."""

from dataclasses import fields

import numpy as np
import pytest
from scipy.stats import poisson

from simulator import World
from simulator.dynamics import (
    ANSWERED_LATE,
    COMPLAINING,
    PURCHASING,
    VIEWING,
    hurt,
    purchase_rate,
    transition,
)
from simulator.future import LASTS, Lived, Sent, begin, counts, live, nothing_sent
from simulator.future_rows import week_rows
from simulator.past import Past, past_of
from simulator.population import draw_population
from simulator.walk import walk

WEEKS = 6


@pytest.fixture(scope="module")
def past() -> Past:
    """1,500 customers in two chunks, at the end of a year and a half."""
    return past_of(World(customers=1_500, chunk=1_000, weeks=78), WEEKS)


def told(past: Past, week: int, customer: np.ndarray, offer: int) -> Sent:
    at = past.calendar.day_starts[7 * week] + 9 * 3_600_000_000
    n = len(customer)
    whole = np.full(n, 1)
    return Sent(customer, offer * whole, 0 * whole, at * whole, np.ones(n, bool), np.ones(n))


def lives(past: Past, contacted: np.ndarray, every: int, offer: int = 4) -> list[Lived]:
    life = begin(past)
    return [
        live(past, life, week, told(past, week, contacted, offer) if k % every == 0 else nothing_sent())
        for k, week in enumerate(range(past.week, past.week + WEEKS))
    ]


def test_the_past_is_the_one_that_was_simulated(past: Past) -> None:
    world = World(customers=1_500, chunk=1_000, weeks=78)
    people = draw_population(world, 1)
    lived = walk(world, people, world.stream(1, "walk"), range(78))
    assert past.people.number.tolist() == list(range(1_500))
    np.testing.assert_array_equal(past.state[1_000:], lived.states[-1])
    np.testing.assert_array_equal(past.people.rate[1_000:], people.rate)


def test_numbers_of_orders_are_poissons_quantiles() -> None:
    rng = np.random.default_rng(1)
    uniform, rate = rng.random(20_000), rng.gamma(0.5, 2.0, 20_000)
    rate[:50] = 0
    np.testing.assert_array_equal(counts(uniform, rate), np.maximum(poisson.ppf(uniform, rate), 0))


def test_without_contacts_orders_come_as_the_hidden_chain_says(past: Past) -> None:
    people, expected = past.people, 0.0
    share = np.eye(3)[past.state]
    late = people.complaints[:, None] * (COMPLAINING * ANSWERED_LATE)[:3]
    harmed = late[:, :, None] * hurt(people) + (1 - late)[:, :, None] * np.eye(3)
    for week in range(past.week, past.week + WEEKS):
        expected += float((purchase_rate(past.calendar, people, week) * (share @ PURCHASING[:3])).sum())
        share = np.einsum("is,ist->it", share, harmed @ transition(people, week))
    came = sum(len(week.orders.at) for week in lives(past, np.zeros(0, np.int64), 1))
    assert abs(came - expected) < 4 * np.sqrt(1.5 * expected)
    assert expected > 500


def test_a_viewed_offer_acts_as_its_law_says(past: Past) -> None:
    offer, people = 4, past.people
    everybody = np.arange(len(people))
    first = lives(past, everybody, WEEKS, offer)[0]
    view = past.what.view[:, offer] * VIEWING[past.state]
    jumped = past.what.jump[everybody, offer, past.state] @ PURCHASING[:3]
    rate = purchase_rate(past.calendar, people, past.week)
    active = view * past.what.multiplier[:, offer] * jumped + (1 - view) * PURCHASING[past.state]
    for came, expected in ((first.viewed.sum(), view.sum()), (len(first.orders.at), (rate * active).sum())):
        assert abs(came - expected) < 4 * np.sqrt(2 * expected)


def test_who_is_not_contacted_lives_the_same_life_to_the_bit(past: Past) -> None:
    some = np.arange(0, len(past.people), 2)
    others = np.arange(1, len(past.people), 2)
    differ = 0
    for one, other in zip(lives(past, some, 1), lives(past, np.zeros(0, np.int64), 1), strict=True):
        np.testing.assert_array_equal(one.after[others], other.after[others])
        np.testing.assert_array_equal(one.margin[others], other.margin[others])
        differ += int((one.margin[some] != other.margin[some]).sum())
    assert differ > 50


def test_the_same_contacts_make_the_same_weeks(past: Past) -> None:
    some = np.arange(0, len(past.people), 3)
    for one, other in zip(lives(past, some, 1), lives(past, some, 1), strict=True):
        for each in fields(one):
            if each.name not in ("sent", "orders", "lines"):
                np.testing.assert_array_equal(getattr(one, each.name), getattr(other, each.name))


def test_one_contact_in_four_weeks_tires_nobody_and_one_a_week_does(past: Past) -> None:
    everybody = np.arange(len(past.people))
    none, seldom, often = (
        lives(past, who, every) for who, every in ((everybody[:0], 1), (everybody, LASTS), (everybody, 1))
    )
    gone = [{int(c) for week in weeks for c in week.withdrew} for weeks in (none, seldom, often)]
    assert gone[0] == gone[1] < gone[2]
    assert often[-1].viewed.mean() < 0.75 * often[0].viewed.mean()


def test_an_offer_is_redeemed_once_by_a_later_order_that_reaches_its_minimum(
    past: Past,
) -> None:
    offer = 1  # 40 yuan off above 150
    life = begin(past)
    accepted: dict[int, int] = {}
    everybody, redeemed = np.arange(len(past.people)), 0
    for week in range(past.week, past.week + WEEKS):
        sent = told(past, week, everybody, offer) if week == past.week else nothing_sent()
        lived = live(past, life, week, sent)
        accepted |= {int(sent.customer[k]): int(lived.viewed_at[k]) for k in np.flatnonzero(lived.accepted)}
        for customer, order in zip(lived.redeemed.tolist(), lived.by_order.tolist(), strict=True):
            assert lived.orders.customer[order] == customer
            assert lived.orders.at[order] > accepted.pop(customer)  # a second time is a KeyError
            assert lived.orders.amount[order] >= 15_000
            assert week < past.week + LASTS
            redeemed += 1
    assert redeemed > 20


def test_a_customer_is_contacted_once_a_week_at_most(past: Past) -> None:
    with pytest.raises(ValueError, match="one contact a customer"):
        live(past, begin(past), past.week, told(past, past.week, np.array([3, 3]), 0))


def test_rows_have_names_of_their_own_and_tell_what_was_lived(past: Past) -> None:
    life = begin(past)
    names: set[tuple[str, str]] = set()
    some = np.arange(0, len(past.people), 2)
    for week in range(past.week, past.week + 3):
        lived = live(past, life, week, told(past, week, some, 4))
        rows = week_rows(past, life, lived)
        for name, table in rows.items():
            ids = {(name, each) for each in table["event_id"].to_pylist()}
            assert len(ids) == table.num_rows
            assert not ids & names
            names |= ids
        amount = np.asarray(rows["transactions"]["amount"])
        assert amount[amount > 0].sum() == lived.orders.amount.sum()
        assert rows["contacts"].num_rows == len(some)
        assert set(rows["responses"]["contact_id"].to_pylist()) <= {
            each for name, each in names if name == "contacts"
        }
        told_of = {int(each[2:]) for each in rows["customers"]["customer_id"].to_pylist()}
        assert told_of == {*lived.withdrew.tolist(), *lived.promoted.tolist()}
        gone = rows["customers"].slice(len(lived.promoted))
        assert set(gone["consents"].to_pylist()) <= {""}
