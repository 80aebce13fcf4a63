"""The assortment at a moment: how popular each item is, what it costs, and which others go with it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from models.purchase import Purchases
from tables.moment import DAY

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
YEAR, QUARTER, MONTH = 364, 91, 28
# An item that fewer bought within a year is nobody's neighbour, and no list's.
LEAST_BUYERS = 5
MOST_ITEMS = 5_000
# So many neighbours are kept of each item; the rest is noise and memory.
NEIGHBOURS = 50
# A cosine of few common buyers leans on none: as if so many more had bought one of the two only.
SHRINKAGE = 10.0
ITEMS_AT_ONCE = 512
ITEM_FACTS = (
    "item_buyers_28d",
    "item_buyers_91d",
    "item_buyers_364d",
    "item_trend_28d",
    "item_buyers_next_28d_a_year_before",
    "item_trend_next_28d_a_year_before",
    "item_repeat_share",
    "item_is_on_sale_for_days",
)


@dataclass(frozen=True)
class Assortment:
    """Items known at a moment, the most popular of the last 91 days first; shape (items,).

    items: codes; category: the code of each one's category, 0 where unknown; facts: ITEM_FACTS, (items,
    facts), buyers as shares of the year's; price: of a piece, minor units, nan where none is known;
    neighbours: cosines, (items, items), 0 on the diagonal, each row's strongest.
    """

    at: int
    items: Int64s
    category: Int64s
    facts: Floats
    price: Floats
    neighbours: sparse.csr_array

    def __len__(self) -> int:
        return len(self.items)

    def place_of(self, codes: Int64s) -> Int64s:
        """Where items stand; -1 for those that are not in the assortment."""
        if not len(self.items):
            return np.full(len(codes), -1, np.int64)
        order = np.argsort(self.items)
        found = np.minimum(np.searchsorted(self.items, codes, sorter=order), len(order) - 1)
        place = order[found]
        return np.where(self.items[place] == codes, place, -1).astype(np.int64)


def assortment_of(purchases: Purchases, t: int) -> Assortment:
    """purchases: of whom it shall speak, as known at t, of two years."""
    year = purchases.within(t, YEAR)
    codes, item = np.unique(year.item, return_inverse=True)
    buyers = _buyers(year.place, item, len(codes))
    recent = _buyers_within(year, item, len(codes), t, QUARTER)
    there = np.flatnonzero(buyers >= LEAST_BUYERS)
    # Codes are hashes: of items equally popular the order is arbitrary and always the same.
    order = np.lexsort([codes[there], -buyers[there], -recent[there]])
    chosen = there[order][:MOST_ITEMS]
    unsorted = Assortment(
        t, codes[chosen], np.zeros(0, np.int64), np.zeros((0, 0)), np.zeros(0), sparse.csr_array((0, 0))
    )
    place = unsorted.place_of(purchases.item)
    known = purchases.rows(place >= 0)
    item = place[place >= 0]
    return Assortment(
        at=t,
        items=unsorted.items,
        category=_last_of(known.category, item, known.at, len(chosen)),
        facts=_facts(known, item, len(chosen), t),
        price=_prices(known, item, len(chosen), t),
        neighbours=neighbours_of(*bought_by(known.within(t, YEAR), unsorted)),
    )


def bought_by(purchases: Purchases, assortment: Assortment) -> tuple[Int64s, Int64s, int, int]:
    """Each (customer, item) once: (customers from 0, items, how many customers, how many items)."""
    place = assortment.place_of(purchases.item)
    customers, member = np.unique(purchases.place[place >= 0], return_inverse=True)
    pair = np.unique(member * max(len(assortment), 1) + place[place >= 0])
    customer, item = np.divmod(pair, max(len(assortment), 1))
    return customer, item, len(customers), len(assortment)


def neighbours_of(customer: Int64s, item: Int64s, customers: int, items: int) -> sparse.csr_array:
    """Cosine of the items' buyers, customers who bought both over the root of both numbers, shrunk towards 0
    where few did (Deshpande & Karypis 2004); of each item (row) the NEIGHBOURS strongest, itself left out."""
    bought = sparse.csc_array((np.ones(len(item)), (customer, item)), shape=(customers, items))
    count = np.asarray(bought.sum(axis=0), dtype=np.float64).reshape(-1)
    rows, columns, values = [], [], []
    for start in range(0, items, ITEMS_AT_ONCE):
        both = (bought[:, start : start + ITEMS_AT_ONCE].T @ bought).toarray()
        mine = np.arange(start, start + len(both))
        both[np.arange(len(both)), mine] = 0.0
        root = np.sqrt(np.outer(count[mine], count))
        cosine = both / np.maximum(root + SHRINKAGE, 1.0)
        kept = min(NEIGHBOURS, items)
        # Stable: of equal cosines the more popular item is kept.
        strongest = np.argsort(-cosine, axis=1, kind="stable")[:, :kept]
        strength = np.take_along_axis(cosine, strongest, axis=1)
        row, column = np.nonzero(strength)
        rows.append(mine[row])
        columns.append(strongest[row, column])
        values.append(strength[row, column])
    if not rows:
        return sparse.csr_array((items, items))
    where = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_array((np.concatenate(values), where), shape=(items, items))


def _buyers(place: Int64s, item: Int64s, items: int) -> Floats:
    """How many customers bought each item."""
    span = int(place.max()) + 1 if len(place) else 1
    return np.bincount(np.unique(item * span + place) // span, minlength=items).astype(np.float64)


def _buyers_within(purchases: Purchases, item: Int64s, items: int, end: int, days: int) -> Floats:
    inside = (purchases.at > end - days * DAY) & (purchases.at <= end)
    return _buyers(purchases.place[inside], item[inside], items)


def _facts(known: Purchases, item: Int64s, items: int, t: int) -> Floats:
    """ITEM_FACTS; what lies before the first purchase known is missing."""
    everybody = max(len(np.unique(known.within(t, YEAR).place)), 1)
    month, quarter, year = (_buyers_within(known, item, items, t, days) for days in (MONTH, QUARTER, YEAR))
    before = t - (YEAR - MONTH) * DAY
    then = _buyers_within(known, item, items, before, MONTH)
    just_before = _buyers_within(known, item, items, before - MONTH * DAY, MONTH)
    first = np.full(items, np.inf)
    np.minimum.at(first, item, known.at.astype(np.float64))
    if not len(known.at) or known.at.min() > before - 2 * MONTH * DAY:
        then, just_before = np.full(items, np.nan), np.full(items, np.nan)
    return np.column_stack(
        [
            month / everybody,
            quarter / everybody,
            year / everybody,
            # As if one more had bought in each: of nothing no trend is told.
            (month + 1) / (quarter * (MONTH / QUARTER) + 1),
            then / everybody,
            (then + 1) / (just_before + 1),
            _repeat_share(known, item, items),
            (t - np.minimum(first, t)) / DAY,
        ]
    )


def _repeat_share(known: Purchases, item: Int64s, items: int) -> Floats:
    """Of an item's buyers, those who bought it on two days or more; leans on one half of two buyers."""
    if not len(item):
        return np.full(items, 0.5)
    span, first = int(known.place.max()) + 1, int(known.day.min())
    days = int(known.day.max()) - first + 1
    bought = np.unique((item * span + known.place) * days + known.day - first) // days
    pair, number = np.unique(bought, return_counts=True)
    owner = pair // span
    again = np.bincount(owner, number > 1, items)
    return np.asarray((again + 1) / (np.bincount(owner, minlength=items) + 2))


def _prices(known: Purchases, item: Int64s, items: int, t: int) -> Floats:
    """Mean price of a piece in the last year; nan where all were free."""
    inside = known.at > t - YEAR * DAY
    paid = np.bincount(item[inside], known.amount[inside], items)
    pieces = np.bincount(item[inside], known.pieces[inside], items)
    return np.asarray(np.divide(paid, pieces, out=np.full(items, np.nan), where=paid > 0))


def _last_of(value: Int64s, item: Int64s, at: Int64s, items: int) -> Int64s:
    """The value of each item's latest line."""
    order = np.lexsort([value, at])
    last = np.zeros(items, np.int64)
    last[item[order]] = value[order]
    return last
