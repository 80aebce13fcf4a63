"""Rows of the till: order lines, returns and points."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator.catalogue import product_ids
from simulator.identity import Identities
from simulator.population import Integers, Population
from simulator.purchase import Lines, Orders
from simulator.record import Columns, decoded, event_ids, padded
from simulator.world import DAY, MINUTE

CHANNELS = ("store", "web", "app", "phone", "partner")
STORES = tuple(f"store-{number:02d}" for number in range(24))
POINT = 100  # minor units a point
POINTS_DAYS = 365


def transaction_rows(
    people: Population,
    identities: Identities,
    orders: Orders,
    lines: Lines,
    rng: np.random.Generator,
) -> Columns:
    """Bought lines, then the lines of returns, which name the line they return."""
    customer, at = orders.customer[lines.order], orders.at[lines.order]
    event_id = event_ids("t", customer, padded("", people.number, 7))
    habit = rng.choice(len(CHANNELS), len(people), p=(0.35, 0.2, 0.3, 0.05, 0.1))
    is_habitual = rng.random(len(orders.at)) < 0.75
    channel = np.where(is_habitual, habit[orders.customer], rng.integers(0, len(CHANNELS), len(orders.at)))
    store = people.region[orders.customer] * 3 + rng.integers(0, 3, len(orders.at))
    store = np.where(channel == 0, store, -1)
    order_id = event_ids("r", orders.customer, padded("", people.number, 7))
    back = np.flatnonzero(lines.is_returned)
    returned_at = at[back] + rng.integers(2 * DAY, 20 * DAY, len(back)) // MINUTE * MINUTE
    line = np.concatenate([np.arange(len(at)), back])
    is_return = np.arange(len(line)) >= len(at)
    sign = np.where(is_return, -1, 1)
    order = lines.order[line]
    at = np.concatenate([at, returned_at])
    original = decoded(np.where(is_return, line, -1), event_id)
    own = decoded(line, event_id)
    return {
        "event_id": pc.if_else(pa.array(is_return), pc.binary_join_element_wise(own, "r", ""), own),
        "at": at,
        "customer_id": identities.of(customer[line], at),
        "order_id": decoded(order, order_id),
        "quantity": sign * lines.quantity[line],
        "amount": sign * lines.amount[line],
        "product_id": product_ids(lines.product[line]),
        "discount": np.where(is_return, 0, lines.discount[line]),
        "channel": decoded(channel[order], CHANNELS),
        "store_id": decoded(store[order], STORES),
        "returns_event_id": original,
    }


def point_rows(
    people: Population, identities: Identities, orders: Orders, rng: np.random.Generator
) -> Columns:
    """One point a yuan, spent in full or half at the customer's next order, or lapsed after a year.

    Each lot is followed by itself, so that no balance is ever negative.
    """
    n = len(orders.at)
    earned = orders.amount // POINT
    spends = np.array([0.0, 0.5, 1.0])[rng.choice(3, n, p=(0.7, 0.15, 0.15))]
    has_next = np.append(orders.customer[1:] == orders.customer[:-1], False)
    next_at = np.append(orders.at[1:], 0) + MINUTE
    expires_at = orders.at + POINTS_DAYS * DAY
    spent = np.where(has_next & (next_at < expires_at), earned * spends, 0).astype(np.int64)
    parts: list[tuple[Integers, Integers, Integers]] = [
        (orders.at, earned, expires_at),
        (next_at, spent, np.full(n, -1)),
        (expires_at, earned - spent, np.full(n, -1)),
    ]
    customer = np.tile(orders.customer, 3)
    kind = np.repeat(np.arange(3), n)
    at, points, expires = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((kind, at, customer))
    order = order[points[order] > 0]
    customer, kind, at, points, expires = (column[order] for column in (customer, kind, at, points, expires))
    return {
        "event_id": event_ids("b", customer, padded("", people.number, 7)),
        "at": at,
        "customer_id": identities.of(customer, at),
        "kind": decoded(kind, ("earned", "spent", "expired")),
        "points": points,
        "expires_at": pa.array(expires, mask=expires < 0),
    }
