"""What an order holds: when, how much, which lines, which come back, which redeem an offer.

The amount is gamma with shape 3 about the customer's ticket (gamma-gamma, Fader & Hardie 2005), and
independent of how often the customer buys.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.catalogue import (
    CATEGORIES,
    COST_RATIO,
    LOWEST,
    PRODUCTS_IN_CATEGORY,
    STEP,
    list_price,
    rises,
)
from simulator.population import CLOSING, OPENING, Integers, Population
from simulator.walk import Contacts
from simulator.world import World

AMOUNT_SHAPE = 3.0
SMALLEST_ORDER = 100
FAVOURITE_SHARE = 0.6
PROMOTION_STEPS = 2
EVEN_STEPS = 16  # pieces of big lines are spread over this many whole steps of the price grid


@dataclass(frozen=True)
class Orders:
    """Orders sorted by customer and time; amounts in minor units, `at` in microseconds."""

    customer: Integers
    week: Integers
    at: Integers
    amount: Integers


@dataclass(frozen=True)
class Lines:
    """Lines sorted as their orders; `order` is the order's place, `cost` what the pieces cost us."""

    order: Integers
    product: Integers
    quantity: Integers
    amount: Integers
    discount: Integers
    cost: Integers
    is_returned: NDArray[np.bool_]


def place_orders(
    world: World,
    people: Population,
    customer: Integers,
    week: Integers,
    rng: np.random.Generator,
    at: Integers | None = None,
) -> Orders:
    """Give each order its time, between opening and closing on some day of the week, and its amount."""
    n = len(customer)
    day = rng.integers(0, 7, n)
    second = OPENING + ((CLOSING - OPENING) * rng.beta(2.0, 1.6, n)).astype(np.int64)
    drawn = rng.gamma(AMOUNT_SHAPE, people.ticket[customer] / AMOUNT_SHAPE)
    amount = np.maximum(np.rint(drawn), SMALLEST_ORDER).astype(np.int64)
    placed = Orders(customer, week, world.instant(week, day, second) if at is None else at, amount)
    return sort_orders(placed)


def sort_orders(*parts: Orders) -> Orders:
    columns = [
        np.concatenate([getattr(part, name) for part in parts]) for name in Orders.__dataclass_fields__
    ]
    order = np.lexsort((columns[2], columns[0]))
    return Orders(*(column[order] for column in columns))


def fill_orders(people: Population, orders: Orders, rng: np.random.Generator) -> Lines:
    """Split each order into lines and find, for each, a product on the price grid above its amount."""
    lines = 1 + rng.binomial(4, 0.27, len(orders.amount))
    order = np.repeat(np.arange(len(lines)), lines)
    customer = orders.customer[order]
    n = len(order)
    share = rng.gamma(4.0, 1.0, n)
    ends = np.cumsum(lines)
    running = np.cumsum(share)
    before = np.concatenate([[0.0], running[ends[:-1] - 1]])
    filled = (running - before[order]) / (running[ends - 1] - before)[order]
    filled[ends - 1] = 1.0
    # Round the running sum, so that the lines add up to the order.
    reached = np.rint(filled * orders.amount[order]).astype(np.int64)
    amount = np.diff(reached, prepend=0)
    amount[ends[:-1]] = reached[ends[:-1]]

    is_favourite = rng.random(n) < FAVOURITE_SHARE
    category = np.where(is_favourite, people.favourite[customer], rng.integers(0, len(CATEGORIES), n))
    wanted = 1 + (rng.random(n) < 0.25) + (rng.random(n) < 0.08)
    top = LOWEST * STEP ** (PRODUCTS_IN_CATEGORY - 1 - PROMOTION_STEPS)
    fewest = np.ceil(amount / (top * STEP ** (-EVEN_STEPS * rng.random(n))))
    quantity = np.where(amount > top * wanted, fewest, wanted).astype(np.int64)
    step = np.ceil(np.log(np.maximum(amount / quantity / LOWEST, 1e-9)) / np.log(STEP))
    step += PROMOTION_STEPS * (rng.random(n) < people.bargains[customer])
    risen = rises(category, orders.week[order])
    place = np.clip(step.astype(np.int64) - risen, 0, PRODUCTS_IN_CATEGORY - 1)
    price = list_price(place + risen)
    unit_cost = np.rint(price * COST_RATIO[category]).astype(np.int64)
    return Lines(
        order=order,
        product=category * PRODUCTS_IN_CATEGORY + place,
        quantity=quantity,
        amount=amount,
        discount=np.maximum(price * quantity - amount, 0),
        cost=unit_cost * quantity,
        is_returned=rng.random(n) < people.returning[customer],
    )


def redemptions(world: World, contacts: Contacts, orders: Orders) -> tuple[Integers, Integers]:
    """Which contacts were redeemed by which orders (places of both).

    An accepted offer is redeemed by the first order before the next wave that reaches its minimum.
    """
    if not len(contacts.customer) or not len(orders.customer):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    block = np.array([world.wave_before(week) for week in range(world.weeks + 1)])
    place = np.full((world.weeks + 1, int(contacts.customer.max()) + 1), -1)
    minimum = np.array([offer.minimum_spend or 0 for offer in world.offers])
    is_redeemable = np.array([offer.is_redeemable for offer in world.offers])
    usable = np.flatnonzero(contacts.is_accepted & is_redeemable[contacts.offer])
    place[contacts.week[usable], contacts.customer[usable]] = usable
    reachable = np.flatnonzero(orders.customer < place.shape[1])
    contact = place[block[orders.week[reachable]], orders.customer[reachable]]
    fits = (contact >= 0) & (orders.amount[reachable] >= minimum[contacts.offer[contact]])
    redeemed, first = np.unique(contact[fits], return_index=True)
    return redeemed, reachable[fits][first]
