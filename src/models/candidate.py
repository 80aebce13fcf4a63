"""Candidates: of all items those a customer may buy next, and what is known of customer and item together.

Three sources: what the customer bought before (repeat), what goes with it (item-to-item neighbours) and what
is popular. Customers are worked through in blocks, so that memory is bounded by a block and not by the base.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.assortment import ITEM_FACTS, MONTH, QUARTER, YEAR, Assortment
from models.purchase import Purchases
from tables.moment import DAY

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
# Where there are no more items than this, all are candidates.
ALL_ITEMS = 40
OWN, NEXT_TO_OWN, POPULAR = 50, 40, 20
# A purchase counts half as much so many days later.
HALF_LIFE = 91.0
CELLS_AT_ONCE = 1_500_000
PAIR_FACTS = (
    "days_since_bought",
    "days_bought_28d",
    "days_bought_91d",
    "days_bought_364d",
    "days_bought_728d",
    "frequency_recency",
    "share_of_own_364d",
    "share_of_spend_364d",
    "days_between",
    "lateness",
    "neighbour_score",
    "neighbour_score_28d",
    "neighbour_score_to_highest",
    "neighbour_score_per_item",
    "category_share_364d",
    "days_since_category",
    "price_to_usual",
)
CUSTOMER_FACTS = (
    "days_since_order",
    "days_with_order_91d",
    "days_with_order_364d",
    "items_364d",
    "items_per_day_364d",
    "first_bought_share_91d",
)
NAMES = (*PAIR_FACTS, *ITEM_FACTS, *CUSTOMER_FACTS)


class Block(NamedTuple):
    """Some customers at one moment beside all items; dense, shape (customers, items) unless said otherwise.

    places: shape (customers,); own: bought in two years; by_habit: purchases that fade with HALF_LIFE;
    by_neighbours: cosines with what was bought in the year, summed; candidate: what a ranker is asked about;
    pair: PAIR_FACTS, (facts, customers, items); customer: CUSTOMER_FACTS, (customers, facts).
    """

    places: Int64s
    own: Flags
    by_habit: Floats
    by_neighbours: Floats
    candidate: Flags
    pair: npt.NDArray[np.float32]
    customer: Floats
    assortment: Assortment

    @property
    def own_364d(self) -> Flags:
        return np.asarray(self.pair[PAIR_FACTS.index("days_bought_364d")] > 0)

    def values(self, chosen: Flags) -> Floats:
        """NAMES of the chosen pairs, in the order of their rows and columns; shape (pairs, facts)."""
        customer, item = np.nonzero(chosen)
        pairs = self.pair[:, customer, item].T.astype(np.float64)
        return np.column_stack([pairs, self.assortment.facts[item], self.customer[customer]])


def blocks_of(purchases: Purchases, places: Int64s, assortment: Assortment) -> Iterator[Block]:
    """Blocks of customers; purchases: theirs (and perhaps others'), as known at the assortment's moment;
    places: ascending."""
    size = max(1, CELLS_AT_ONCE // max(len(assortment), 1))
    for start in range(0, len(places), size):
        part = places[start : start + size]
        first, end = np.searchsorted(purchases.place, [part[0], part[-1] + 1])
        mine = purchases.rows(slice(int(first), int(end)))
        yield _block(mine.rows(np.isin(mine.place, part)), part, assortment)


def _block(mine: Purchases, places: Int64s, assortment: Assortment) -> Block:
    t, items = assortment.at, len(assortment)
    item = assortment.place_of(mine.item)
    customer = np.searchsorted(places, mine.place)
    facts = _customer_facts(mine, customer, len(places), t)
    named = item >= 0
    bought, cell = mine.rows(named), customer[named] * items + item[named]
    shape = len(places), items

    def total(weight: Floats | None, chosen: Flags) -> Floats:
        told = np.bincount(cell[chosen], None if weight is None else weight[chosen], shape[0] * items)
        return told.reshape(shape).astype(np.float64)

    # Of several lines of a day one counts.
    order = np.lexsort([bought.day, cell])
    opens = np.ones(len(cell), dtype=bool)
    same = (cell[order][1:] == cell[order][:-1]) & (bought.day[order][1:] == bought.day[order][:-1])
    opens[order[1:][same]] = False
    age = (t - bought.at) / DAY
    days = total(None, opens)
    own = days > 0
    in_28d, in_91d, in_364d = (total(None, opens & (age < window)) for window in (MONTH, QUARTER, YEAR))
    habit = total(0.5 ** (age / HALF_LIFE), opens)
    last, first = np.full(shape[0] * items, np.nan), np.full(shape[0] * items, np.nan)
    np.fmin.at(last, cell, age)
    np.fmax.at(first, cell, age)
    last, first = last.reshape(shape), first.reshape(shape)
    between = np.divide(first - last, days - 1, out=np.full(shape, np.nan), where=days > 1)
    between[between == 0] = np.nan
    spend = total(bought.amount, age < YEAR)
    neighbours = assortment.neighbours
    by_neighbours = np.asarray((in_364d > 0).astype(np.float64) @ neighbours)
    nearest = np.where(own, 0.0, by_neighbours).max(axis=1, keepdims=True, initial=0.0)
    category_share, since_category = _by_category(in_364d, last, assortment.category)
    paid, pieces = (np.bincount(customer, each, shape[0]) for each in (mine.amount, mine.pieces))
    usual = np.divide(paid, pieces, out=np.full(shape[0], np.nan), where=paid > 0)
    with np.errstate(divide="ignore", invalid="ignore"):  # nan where nothing is known to divide by
        pair = np.stack(
            [
                last,
                in_28d,
                in_91d,
                in_364d,
                days,
                habit,
                in_364d / in_364d.sum(axis=1, keepdims=True),
                spend / spend.sum(axis=1, keepdims=True),
                between,
                last / between,
                by_neighbours,
                np.asarray((in_28d > 0).astype(np.float64) @ neighbours),
                by_neighbours / np.where(nearest > 0, nearest, np.nan),
                by_neighbours / (in_364d > 0).sum(axis=1, keepdims=True),
                category_share,
                since_category,
                np.log(assortment.price[None, :] / usual[:, None]),
            ],
            dtype=np.float32,
            casting="same_kind",
        )
    candidate = _candidates(own, habit, by_neighbours)
    return Block(places, own, habit, by_neighbours, candidate, pair, facts, assortment)


def _candidates(own: Flags, habit: Floats, by_neighbours: Floats) -> Flags:
    """Items stand by popularity, the most popular first."""
    if own.shape[1] <= ALL_ITEMS:
        return np.ones(own.shape, dtype=bool)
    found = np.zeros(own.shape, dtype=bool)
    found[:, :POPULAR] = True
    return found | _strongest(habit, OWN) | _strongest(np.where(own, 0.0, by_neighbours), NEXT_TO_OWN)


def _strongest(score: Floats, most: int) -> Flags:
    """So many of each row with the highest score above 0; of equal ones the more popular."""
    best = np.argsort(-score, axis=1, kind="stable")[:, :most]
    found = np.zeros(score.shape, dtype=bool)
    np.put_along_axis(found, best, np.take_along_axis(score, best, axis=1) > 0, axis=1)
    return found


def _by_category(in_364d: Floats, last: Floats, category: Int64s) -> tuple[Floats, Floats]:
    """What of a year was bought in each item's category, as a share, and how long ago any of it was; nan
    where items have no category, or where the items are the categories."""
    known, number = np.unique(category, return_inverse=True)
    share, since = np.full(last.shape, np.nan), np.full(last.shape, np.nan)
    if len(known) == len(category):
        return share, since
    whole = np.maximum(in_364d.sum(axis=1), 1.0)
    for k in np.flatnonzero(known != 0):
        members = np.flatnonzero(number == k)
        share[:, members] = (in_364d[:, members].sum(axis=1) / whole)[:, None]
        since[:, members] = np.fmin.reduce(last[:, members], axis=1)[:, None]
    return share, since


def _customer_facts(mine: Purchases, customer: Int64s, customers: int, t: int) -> Floats:
    """CUSTOMER_FACTS, of items outside the assortment too."""
    age = (t - mine.at) / DAY
    since = np.full(customers, np.nan)
    np.fmin.at(since, customer, age)
    span = int(mine.day.max()) + 1 if len(mine.day) else 1
    quarter, year = (
        np.bincount(
            np.unique(customer[age < days] * span + mine.day[age < days]) // span, minlength=customers
        )
        for days in (QUARTER, YEAR)
    )
    # Each item of a customer, the first line first.
    order = np.lexsort([mine.at, mine.item, customer])
    who, what, when = customer[order], mine.item[order], age[order]
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = (who[1:] != who[:-1]) | (what[1:] != what[:-1])
    ends = np.r_[opens[1:], True] if len(order) else opens
    items = np.bincount(who[ends & (when < YEAR)], minlength=customers)
    recent = np.bincount(who[ends & (when < QUARTER)], minlength=customers)
    new = np.bincount(who[opens & (when < QUARTER)], minlength=customers)
    item_days = np.maximum(year, 1)
    return np.column_stack(
        [
            since,
            quarter,
            year,
            items,
            items / item_days,
            np.divide(new, recent, out=np.full(customers, np.nan), where=recent > 0),
        ]
    )
