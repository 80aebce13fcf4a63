"""The products: eight categories, each with prices on one geometric grid."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.record import Columns, decoded, padded
from simulator.world import AFTER_ALL, DAY, World

CATEGORIES = ("bakery", "beauty", "coffee", "electronics", "home", "kids", "sports", "wine")
BRANDS = ("Aoyun", "Boya", "Chunfeng", "Donghai", "Ermei")
COST_RATIO = np.array([0.48, 0.40, 0.45, 0.62, 0.52, 0.50, 0.55, 0.58])
PRODUCTS_IN_CATEGORY = 64
STEP = 1.08
LOWEST = 200.0
# From these weeks on every product of the category costs one step more. A whole step keeps the grid, and
# with it the exact expectation of the distance between a price and the grid.
PRICE_RISES = {2: 35, 5: 60, 7: 80}
# Mean of (list price) / (amount) when the price is the next on the grid above an amount whose logarithm
# is spread evenly between two steps.
MEAN_MARKUP = (STEP - 1) / np.log(STEP)


def rises(category: NDArray[np.int64], week: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many steps the category's prices have risen by the week."""
    raised_in = np.array([PRICE_RISES.get(index, 1 << 30) for index in range(len(CATEGORIES))])
    risen: NDArray[np.int64] = (week >= raised_in[category]).astype(np.int64)
    return risen


def list_price(step: NDArray[np.int64]) -> NDArray[np.int64]:
    """The price in minor units at a step of the grid."""
    price: NDArray[np.int64] = np.rint(LOWEST * STEP ** step.astype(np.float64)).astype(np.int64)
    return price


def product_ids(product: NDArray[np.int64]) -> Any:
    """The identifiers of products, numbered by category and then by price."""
    known = np.arange(len(CATEGORIES) * PRODUCTS_IN_CATEGORY)
    return decoded(product, padded("p", known, 4))


def product_rows(world: World) -> Columns:
    """The products table: every product from before the start, and again when its price rises."""
    product = np.arange(len(CATEGORIES) * PRODUCTS_IN_CATEGORY)
    risen = np.concatenate([product[product // PRODUCTS_IN_CATEGORY == category] for category in PRICE_RISES])
    row = np.concatenate([product, risen])
    category = row // PRODUCTS_IN_CATEGORY
    is_rise = np.arange(len(row)) >= len(product)
    rise_week = np.array([PRICE_RISES.get(index, 0) for index in category])
    # A world shorter than the default ends before some rises; their rows are dropped as unknown.
    rise_at = world.day_starts[np.minimum(7 * rise_week, len(world.day_starts) - 1)]
    rise_at = np.where(rise_week < world.weeks, rise_at, AFTER_ALL)
    price = list_price(row % PRODUCTS_IN_CATEGORY + is_rise)
    brand = (row * 7) % len(BRANDS)
    names = [f"{BRANDS[b]} {CATEGORIES[c]} {p}" for b, c, p in zip(brand, category, row, strict=True)]
    return {
        "event_id": padded("v", np.arange(len(row)), 5),
        "at": np.where(is_rise, rise_at, world.day_starts[0] - 365 * DAY),
        "product_id": product_ids(row),
        "name": names,
        "category": decoded(category, CATEGORIES),
        "brand": decoded(brand, BRANDS),
        "list_price": price,
        "unit_cost": np.rint(price * COST_RATIO[category]).astype(np.int64),
    }
