"""The truth against the world lived many times over from the same hidden state."""

import numpy as np
import pytest
from numpy.typing import NDArray

from simulator import World
from simulator.dynamics import STATES
from simulator.population import Floats, Integers, Population, draw_population
from simulator.purchase import fill_orders, place_orders, redemptions
from simulator.truth import Truth, action_probabilities, truth_at
from simulator.walk import NO_OFFER, States, sort_contacts, walk

# More complaints and drifting than by default, so that an error in either is seen.
WORLD = World(customers=1_500, complaint_rate=0.08, drift_hazard=0.03)
WEEK = WORLD.truth_weeks[0]
REPEATS = 4_000
BY_POLICY = None
PLACES = {offer.offer_id: place for place, offer in enumerate(WORLD.offers)}
FIRST = {
    "nothing": NO_OFFER,
    "coupon": PLACES["o-coupon-40"],
    "care": PLACES["o-care"],
    "win back": PLACES["o-win-back"],
    "community": PLACES["o-community"],
    "logging policy": BY_POLICY,
}


@pytest.fixture(scope="module")
def some() -> tuple[Population, States]:
    """Ten customers of each hidden state at the first truth moment, all with consent, one without."""
    people = draw_population(WORLD, 0)
    states = walk(WORLD, people, WORLD.stream(0, "walk"), range(WEEK)).states[WEEK]
    consents = people.may_be_contacted(WEEK)
    chosen = [np.flatnonzero((states == state) & consents)[:10] for state in range(STATES)]
    chosen.append(np.flatnonzero((states == 0) & ~consents)[:1])
    index = np.concatenate(chosen)
    assert len(index) == 31
    return people.take(index), states[index]


def lived(people: Population, state: States, first_offer: int | None) -> dict[str, NDArray[np.float64]]:
    """Outcomes over 13 weeks, shape (customers, REPEATS), with lines, returns and costs as recorded."""
    n = len(people)
    many = people.take(np.repeat(np.arange(n), REPEATS))
    rng = np.random.default_rng(7)
    weeks = range(WEEK, WEEK + 13)
    path = walk(WORLD, many, rng, weeks, np.repeat(state, REPEATS), first_offer)
    orders = place_orders(WORLD, many, path.order_customer, path.order_week, rng)
    lines = fill_orders(many, orders, rng)
    contacts = sort_contacts(path.contacts)
    redeemed, _ = redemptions(WORLD, contacts, orders)

    def total(customer: Integers, amount: Floats | None = None) -> Floats:
        return np.bincount(customer, amount, n * REPEATS).reshape(n, REPEATS)

    gained = (lines.amount - lines.cost) * ~lines.is_returned
    cost = np.array([offer.cost for offer in WORLD.offers])
    told = np.array([offer.contact_cost for offer in WORLD.offers])
    offer = contacts.offer
    now = contacts.week == WEEK
    count = total(orders.customer)
    return {
        "viewed": total(contacts.customer[now & contacts.is_viewed]),
        "accepted": total(contacts.customer[now & contacts.is_accepted]),
        "redeemed": total(contacts.customer[redeemed[now[redeemed]]]),
        "churn": (count == 0).astype(float),
        "orders": count,
        "net_value": total(orders.customer[lines.order], gained.astype(float))
        - total(contacts.customer[redeemed], cost[offer[redeemed]].astype(float))
        - total(contacts.customer, told[offer] * contacts.is_sent.astype(float)),
    }


def deviations(truth: Truth, seen: dict[str, Floats], column: int | None) -> dict[str, Floats]:
    """(mean seen - expected) in standard errors, for each outcome and customer."""
    found = {}
    for name, values in seen.items():
        expected = getattr(truth, name) if column is None else getattr(truth, name)[:, column]
        # A rare event may not have been seen at all: its error is that of one in the repeats.
        error = np.maximum(values.std(axis=1) / np.sqrt(REPEATS), 1 / REPEATS)
        found[name] = (values.mean(axis=1) - expected) / error
    return found


@pytest.mark.parametrize("first", FIRST)
def test_the_truth_is_what_customers_do_when_lived_many_times(
    first: str, some: tuple[Population, States]
) -> None:
    truth, first_offer, column = truth_at(WORLD, *some, WEEK), FIRST[first], None
    if first_offer is BY_POLICY:
        truth = truth.of_policy(action_probabilities(WORLD, some[0], WEEK))
    else:
        column = first_offer + 1
    for name, z in deviations(truth, lived(*some, first_offer), column).items():
        assert np.abs(z).max() < 4, (name, z.round(1))
        # A small bias shared by all customers shows in their sum before it shows in one of them.
        assert abs(z.sum()) / np.sqrt(len(z)) < 4, (name, z.round(1))


def test_the_comparison_notices_the_truth_of_another_offer(some: tuple[Population, States]) -> None:
    truth = truth_at(WORLD, *some, WEEK)
    z = deviations(truth, lived(*some, FIRST["coupon"]), FIRST["nothing"] + 1)
    assert all(np.abs(z[name]).max() > 8 for name in ("churn", "orders", "redeemed", "net_value"))


def test_offers_help_some_and_harm_others(some: tuple[Population, States]) -> None:
    people = draw_population(WORLD, 0)
    truth = truth_at(WORLD, people, np.zeros(len(people), np.int8), WEEK)
    uplift = truth.churn[:, 1:] - truth.churn[:, :1]
    assert (uplift < -0.01).mean(axis=0).max() > 0.2
    assert (uplift > 0.01).mean(axis=0).max() > 0.1
    assert (np.abs(uplift) < 0.01).mean() > 0.2


def test_the_truth_is_refused_between_waves(some: tuple[Population, States]) -> None:
    with pytest.raises(ValueError, match="week 92 must be a wave"):
        truth_at(WORLD, *some, 92)
