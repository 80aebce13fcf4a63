"""When and how often a customer buys, and for how much."""

from typing import Annotated, NamedTuple

from features.family import Fact, PerWindow, family
from features.scratch import zeros
from features.window import CLASSES, days_since, is_new_order, per_window, shares
from tables.history import History


class OrderFacts(NamedTuple):
    """Recency, frequency and money of orders; a return is not an order."""

    days_since_last_order: Annotated[
        float, Fact("Days since the last order", "距上次下单天数", "days", summary="the last order")
    ]
    days_since_first_order: Annotated[
        float, Fact("Days since the first order", "距首次下单天数", "days", summary="the first order")
    ]
    orders_ever: Annotated[
        float, Fact("Orders so far", "累计订单数", "orders", summary="the number of orders")
    ]
    spend_ever: Annotated[
        float, Fact("Spend so far", "累计消费额", "minor units", summary="the sum of spend")
    ]
    orders: Annotated[PerWindow, Fact("Orders in the last {days} days", "近{days}天订单数", "orders")]
    spend: Annotated[PerWindow, Fact("Spend in the last {days} days", "近{days}天消费额", "minor units")]
    spend_per_order: Annotated[
        PerWindow,
        Fact("Spend per order in the last {days} days", "近{days}天客单价", "minor units per order"),
    ]


@family(OrderFacts, sources=("transactions",), owner="commerce", since="0.1.0")
def order(history: History, t: int) -> OrderFacts:
    carried = history.carried.lines
    first, last, ever, spend_ever = -1, -1, carried.orders, carried.spend
    orders, spend = zeros(CLASSES), zeros(CLASSES)
    lines = history.transactions
    for i in range(len(lines)):
        if lines[i].quantity < 0:
            continue
        at, age = lines[i].at, lines[i].age
        if is_new_order(lines, i):
            first = at if first < 0 else first
            last = at
            ever += 1
            orders[age] += 1
        spend_ever += lines[i].amount
        spend[age] += lines[i].amount
    return OrderFacts(
        days_since_last_order=days_since(t, last),
        days_since_first_order=days_since(t, first),
        orders_ever=float(ever),
        spend_ever=float(spend_ever),
        orders=per_window(orders),
        spend=per_window(spend),
        spend_per_order=shares(spend, orders),
    )
