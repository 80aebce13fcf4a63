"""One customer's way through the life cycle, compiled: from the moments of orders to states with dates."""

from typing import Any

from tables.compiled import compiled

BY_ORDERS, BY_SILENCE, BY_FEWER = 0, 1, 2
EVER = 0  # in place of days: since the state was entered
NEVER = 2**62
NO_STATE = -1


@compiled
def _after(moments: Any, moment: int) -> int:
    """How many of the sorted moments are not later than this one."""
    low, high = 0, len(moments)
    while low < high:
        middle = (low + high) // 2
        if moments[middle] <= moment:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _when(
    kind: int, count: int, days: int, begin: int, since: int, now: int, orders: Any, day: int, never: int
) -> int:
    """The first moment from `now` on at which a rule holds; `never` where no order that is known makes it."""
    if kind == 0:  # orders reach the count
        first = _after(orders, now - 1)
        for k in range(first, len(orders)):
            from_ = since - 1 if days == 0 else orders[k] - days * day
            if _after(orders, orders[k]) - _after(orders, from_) >= count:
                return int(orders[k])
        return never
    if kind == 1:  # silence since the last order, or since the beginning
        k = _after(orders, now)
        last = orders[k - 1] if k > 0 else begin
        while k < len(orders) and orders[k] <= last + days * day:
            last = orders[k]
            k += 1
        return int(max(last + days * day, now))
    if _after(orders, now) - _after(orders, now - days * day) < count:
        return now
    # Orders fall below the count when one of those in the window leaves it.
    for k in range(_after(orders, now - days * day), len(orders)):
        moment = orders[k] + days * day
        if _after(orders, moment) - _after(orders, moment - days * day) < count:
            return int(moment)
    return never


@compiled
def pick_orders(owner: Any, quantity: Any, opens: Any, at: Any, offsets: Any, ordered_at: Any) -> None:
    """Of order lines that stand by customer, each order once: its moment, and in `offsets`, shape (customers
    + 1,), where each customer's begin."""
    row, n = 0, 0
    for customer in range(len(offsets) - 1):
        offsets[customer] = n
        while row < len(owner) and owner[row] == customer:
            if quantity[row] > 0 and opens[row] != 0:
                ordered_at[n] = at[row]
                n += 1
            row += 1
    offsets[len(offsets) - 1] = n


@compiled
def find_begins(
    owner: Any, at: Any, joined_at: Any, missing: int, ts: Any, offsets: Any, ordered_at: Any, begins: Any
) -> None:
    """Lower `begins` to when a customer joined (where that is `missing` or later than t: from when on the
    base knows them), or to the first order.

    owner, at, joined_at: of the rows of customers; ts, begins: shape (customers,).
    """
    for row in range(len(owner)):
        joined = joined_at[row]
        if joined == missing or joined > ts[owner[row]]:
            joined = at[row]
        begins[owner[row]] = min(begins[owner[row]], joined)
    for customer in range(len(begins)):
        if offsets[customer] < offsets[customer + 1]:
            begins[customer] = min(begins[customer], ordered_at[offsets[customer]])


@compiled
def walk_all(
    begins: Any,
    ordered_at: Any,
    offsets: Any,
    ts: Any,
    rules: Any,
    day: int,
    ends: Any,
    states: Any,
    moments: Any,
    last: Any,
    since_when: Any,
    next_state: Any,
    next_at: Any,
) -> None:
    """Every customer's states up to its t, the last of them, and what comes after it if no order does.

    The first call, without room in `states`, fills `ends`, shape (customers + 1,), with where each customer's
    states begin and the last one's end; the second fills states and moments. Whom nothing is visible of keeps
    what stands in `last`, `since_when`, `next_state` and `next_at`. Rules that lead round in a circle at one
    moment are left after one round.
    """
    never = 2**62
    place = 0
    ends[0] = 0
    for customer in range(len(begins)):
        begin, t = begins[customer], ts[customer]
        if begin <= t:
            orders = ordered_at[offsets[customer] : offsets[customer + 1]]
            state, since, now, here = 0, begin, begin, 0
            if len(states):
                states[place], moments[place] = state, since
            place += 1
            while True:
                best, enter = never, -1
                for r in range(len(rules)):
                    if rules[r, 0] == state:
                        kind, count, days = rules[r, 2], rules[r, 3], rules[r, 4]
                        moment = _when(kind, count, days, begin, since, now, orders, day, never)
                        if moment < best:
                            best, enter = moment, rules[r, 1]
                if best > t:
                    last[customer], since_when[customer] = state, since
                    next_state[customer], next_at[customer] = enter, best
                    break
                here = here + 1 if best == since else 0
                if here > len(rules):
                    now, here = best + 1, 0
                    continue
                state, since, now = enter, best, best
                if len(states):
                    states[place], moments[place] = state, since
                place += 1
        ends[customer + 1] = place
