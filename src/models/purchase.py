"""Who bought which item when: what affinity is learnt from, as it was visible at a moment."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.family import LONGEST
from features.reader import visible_rows
from tables.code import MISSING
from tables.history import Histories
from tables.moment import DAY
from tables.refusal import Refused

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
# What an item may be: a column of transactions.
CATEGORY, PRODUCT = "category", "product_id"
FIELDS = (CATEGORY, PRODUCT)
CUSTOMERS_AT_ONCE = 20_000


class Purchases(NamedTuple):
    """Lines bought, returns left out; shape (lines,), sorted by customer.

    place: the customer's, in histories.ids; item: its code; category: of the line, 0 where unknown; at:
    microseconds; day: the local day; amount: minor units; pieces.
    """

    place: Int64s
    item: Int64s
    category: Int64s
    at: Int64s
    day: Int64s
    amount: Floats
    pieces: Floats

    def rows(self, chosen: npt.NDArray[np.bool_] | slice) -> "Purchases":
        return Purchases._make(part[chosen] for part in self)

    def within(self, t: int, days: int) -> "Purchases":
        """Those in (t - days, t]."""
        return self.rows((self.at > t - days * DAY) & (self.at <= t))


def check_item(histories: Histories, field: str) -> None:
    """Raises Refused where the base cannot tell items of this kind apart."""
    if field not in FIELDS:
        raise Refused(f"an item is one of {', '.join(FIELDS)}; came {field!r}")
    if f"transactions.{field}" not in histories.present:
        raise Refused(
            f"this base has no transactions.{field}: affinity needs to know what was bought; deliver it, or "
            f"choose another item of {', '.join(FIELDS)}"
        )


def read_purchases(
    histories: Histories, places: Int64s, t: int, field: str, *, days: int = LONGEST
) -> Purchases:
    """What these customers bought in (t - days, t], as known at t; lines without an item are left out."""
    parts = [
        _read(histories, places[start : start + CUSTOMERS_AT_ONCE], t, field, days)
        for start in range(0, max(len(places), 1), CUSTOMERS_AT_ONCE)
    ]
    return Purchases._make(np.concatenate(each) for each in zip(*parts, strict=True))


def _read(histories: Histories, places: Int64s, t: int, field: str, days: int) -> Purchases:
    owner, rows = visible_rows(histories, "transactions", t, places)
    bought = (rows["quantity"] > 0) & (rows[field] != MISSING) & (rows["at"] > t - days * DAY)
    owner, rows = owner[bought], rows[bought]
    return Purchases(
        places[owner],
        rows[field].astype(np.int64),
        rows["category"].astype(np.int64),
        rows["at"].astype(np.int64),
        rows["local_day"].astype(np.int64),
        rows["amount"].astype(np.float64),
        rows["quantity"].astype(np.float64),
    )
