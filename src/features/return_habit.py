"""Whether a customer who sends things back buys again."""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import Fact, family
from features.window import first_within, is_new_order, ratio
from tables.history import History


class ReturnHabitFacts(NamedTuple):
    """Lines returned against lines bought, and orders after a return."""

    returned_line_share_364d: Annotated[
        float,
        Fact("Lines returned over lines bought in the last {days} days", "近{days}天退货行占比", "share"),
    ]
    orders_since_last_return: Annotated[
        float,
        Fact(
            "Orders later than the last return; missing: never returned",
            "上次退货后的订单数",
            "orders",
            summary="the last return and the number of orders since",
        ),
    ]


@family(ReturnHabitFacts, sources=("transactions",), owner="commerce", since="0.2.0")
def return_habit(history: History, t: int) -> ReturnHabitFacts:
    lines = history.transactions
    last, orders = -1, 0
    for i in range(len(lines) - 1, -1, -1):
        if lines[i].quantity < 0:
            last = lines[i].at
            break
    if last >= 0:
        for i in range(len(lines) - 1, -1, -1):
            if lines[i].at <= last:
                break
            orders += is_new_order(lines, i)
        carried = history.carried.lines
        orders += carried.orders_since_return if last == carried.returned_at else 0
    bought, returned = 0, 0
    for i in range(first_within(lines, t, 364), len(lines)):
        if lines[i].quantity < 0:
            returned += 1
        else:
            bought += 1
    return ReturnHabitFacts(ratio(returned, bought), float(orders) if last >= 0 else np.nan)
