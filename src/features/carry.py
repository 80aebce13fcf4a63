"""The carry-over: what a customer with very many old events is reduced to before facts are read.

No fact looks at single events older than LONGEST days but for the few that its summary names. Of a customer
who has more than HEAVY of them in a table, those few rows stay, in their order, and the rest is carried over
as totals, which the facts that need them begin with. What is left out is gone for all families alike, and
facts are equal to the bit: whole numbers add up in any order, and the one sum of floats is carried as far as
it had come. tests/features/test_carry.py holds every fact against the whole history.

This happens to what is visible at the moment, after versions, withdrawals and mergers were followed
(features.sight): a row that comes later needs no carried total to be mended.
"""

from typing import Any, NamedTuple

import numpy as np

from features.family import LONGEST, inner
from features.window import first_within, is_new_order
from tables.contract import INTERACTION_KINDS, Contacts, Points, Responses, Surveys
from tables.history import MISSING_NUMBER
from tables.moment import DAY, FOREVER

HEAVY = 10_000  # a table's rows older than LONGEST days; fewer are looked at as they are
EARNED, SPENT, EXPIRED = (Points.kind.choices.index(kind) + 1 for kind in ("earned", "spent", "expired"))
REVIEW = INTERACTION_KINDS.index("review") + 1
KINDS = 1 + max(
    len(INTERACTION_KINDS), *(len(table.kind.choices) for table in (Points, Contacts, Responses, Surveys))
)


class CarriedLines(NamedTuple):
    """Totals of the order lines left out. The first order and the last return are those of all old lines."""

    orders: int
    spend: int
    purchase_days: int
    repeat_orders: int  # later than the first order
    repeat_spend: int
    repeat_day_spend: int  # on days after the first order's
    orders_in_first_91d: int
    orders_since_return: int
    returned_at: int


class CarriedPoints(NamedTuple):
    """Totals of the movements left out; lapsed: of those earned, what has lapsed by its own date."""

    earned: int
    spent: int
    expired: int
    lapsed: int


class CarriedReviews(NamedTuple):
    """Rated reviews left out, all before those that stay: how many, and their stars, summed in time order."""

    ratings: int
    stars: float


class Carried(NamedTuple):
    """first_at: the first event of all tables that were cut."""

    lines: CarriedLines
    points: CarriedPoints
    reviews: CarriedReviews
    first_at: int


@inner
def no_lines() -> CarriedLines:
    return CarriedLines(0, 0, 0, 0, 0, 0, 0, 0, -1)


@inner
def no_points() -> CarriedPoints:
    return CarriedPoints(0, 0, 0, 0)


@inner
def no_reviews() -> CarriedReviews:
    return CarriedReviews(0, 0.0)


def nothing_carried() -> Carried:
    """For whoever looks at a family in plain Python."""
    return Carried(
        CarriedLines(0, 0, 0, 0, 0, 0, 0, 0, -1), CarriedPoints(0, 0, 0, 0), CarriedReviews(0, 0.0), FOREVER
    )


@inner
def old_rows(rows: Any, t: int, heavy: int) -> int:
    """How many rows are older than LONGEST days; 0 where they are too few to be carried over."""
    end: int = first_within(rows, t, LONGEST)
    return end if end > heavy else 0


@inner
def without(rows: Any, end: int, keep: Any) -> Any:
    """The rows, of the first `end` only those to keep; they are moved up in place."""
    to = end
    for i in range(end - 1, -1, -1):
        if keep[i]:
            to -= 1
            if to > i:
                rows[to] = rows[i]
    return rows[to:]


@inner
def keep_last(rows: Any, end: int, keep: Any, most: int) -> None:
    """Mark the last rows of each kind among the first `end`."""
    kept = np.zeros(KINDS, np.int64)
    for i in range(end - 1, -1, -1):
        if kept[rows[i].kind] < most:
            kept[rows[i].kind] += 1
            keep[i] = True


@inner
def keep_lines(lines: Any, end: int, keep: Any) -> Any:
    """Mark the lines that facts ask for one by one; return where the first one bought and the last return
    stand (-1: none)."""
    first, second, opening, bought, before, begun = -1, -1, -1, -1, -1, -1
    full_price, discounted, returned = -1, -1, -1
    for i in range(end):
        if lines[i].quantity < 0:
            returned = i
            continue
        if first < 0:
            first = i
        elif second < 0 and is_new_order(lines, i):
            second = i
        if is_new_order(lines, i):
            opening = i
        if bought < 0 or lines[i].local_day != lines[bought].local_day:
            # A clock set back may lead from a day to the one before: which day went before matters.
            before, begun = bought, i
        bought = i
        has_discount = lines[i].discount != MISSING_NUMBER and lines[i].discount > 0
        if not has_discount:
            full_price = i
        elif discounted < 0 and lines[i].at == lines[first].at:
            discounted = i
    for i in (first, second, opening, bought, before, begun, full_price, discounted, returned):
        if i >= 0:
            keep[i] = True
    return first, returned


@inner
def carry_lines(lines: Any, t: int, heavy: int) -> Any:
    """Order lines and their totals; lines as features.sight shows them, in time order."""
    end = old_rows(lines, t, heavy)
    if end == 0:
        return lines, no_lines()
    keep = np.zeros(end, np.bool_)
    first, last_return = keep_lines(lines, end, keep)
    returned_at = lines[last_return].at if last_return >= 0 else -1
    orders, spend, days, kept_days = 0, 0, 0, 0
    repeat_orders, repeat_spend, repeat_day_spend, early, since_return = 0, 0, 0, 0, 0
    day, kept_day = -1, -1
    for i in range(max(first, 0), end):
        if lines[i].quantity < 0:
            continue
        at, today, amount, opens = lines[i].at, lines[i].local_day, lines[i].amount, is_new_order(lines, i)
        days += day < 0 or today != lines[day].local_day
        day = i
        if keep[i]:
            kept_days += kept_day < 0 or today != lines[kept_day].local_day
            kept_day = i
            continue
        orders += opens
        spend += amount
        if at > lines[first].at:
            repeat_orders += opens
            repeat_spend += amount
        repeat_day_spend += amount if today > lines[first].local_day else 0
        early += opens and at < lines[first].at + 91 * DAY
        since_return += opens and at > returned_at
    totals = CarriedLines(
        orders=orders,
        spend=spend,
        purchase_days=days - kept_days,
        repeat_orders=repeat_orders,
        repeat_spend=repeat_spend,
        repeat_day_spend=repeat_day_spend,
        orders_in_first_91d=early,
        orders_since_return=since_return,
        returned_at=returned_at,
    )
    return without(lines, end, keep), totals


@inner
def carry_points(rows: Any, t: int, heavy: int) -> Any:
    """Movements of points and their totals; what was earned and lapses later stays, row by row."""
    end = old_rows(rows, t, heavy)
    if end == 0:
        return rows, no_points()
    keep = np.zeros(end, np.bool_)
    keep_last(rows, end, keep, 1)
    earned, spent, expired, lapsed = 0, 0, 0, 0
    for i in range(end):
        amount, expires_at = rows[i].points, rows[i].expires_at
        keep[i] |= rows[i].kind == EARNED and expires_at > t
        if keep[i]:
            continue
        if rows[i].kind == EARNED:
            earned += amount
            lapsed += amount if expires_at != MISSING_NUMBER else 0
        elif rows[i].kind == SPENT:
            spent += amount
        else:
            expired += amount
    return without(rows, end, keep), CarriedPoints(earned, spent, expired, lapsed)


@inner
def carry_interactions(rows: Any, t: int, heavy: int) -> Any:
    """Interactions, and the totals of rated reviews before the last one."""
    end = old_rows(rows, t, heavy)
    if end == 0:
        return rows, no_reviews()
    keep = np.zeros(end, np.bool_)
    keep_last(rows, end, keep, 1)
    for i in range(end - 1, -1, -1):
        if rows[i].kind == REVIEW and not np.isnan(rows[i].rating):
            keep[i] = True
            break
    ratings, stars = 0, 0.0
    for i in range(end):
        if not keep[i] and rows[i].kind == REVIEW and not np.isnan(rows[i].rating):
            ratings += 1
            stars += rows[i].rating
    return without(rows, end, keep), CarriedReviews(ratings, stars)


@inner
def carry_kinds(rows: Any, t: int, heavy: int) -> Any:
    """Contacts, responses or surveys: the last two of each kind."""
    end = old_rows(rows, t, heavy)
    if end == 0:
        return rows
    keep = np.zeros(end, np.bool_)
    keep_last(rows, end, keep, 2)
    return without(rows, end, keep)
