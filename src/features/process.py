"""What models of the purchase process are fitted to, and what is worth telling people too.

For BG/NBD over orders, x is orders_ever - 1, t_x is days_since_first_order - days_since_last_order and T is
days_since_first_order; over days, all orders of one local day are one purchase, made at the first of them.
"""

from typing import Annotated, NamedTuple

from features.family import Fact, family
from features.window import is_new_order, ratio
from tables.history import History
from tables.moment import DAY


class ProcessFacts(NamedTuple):
    """Repeat purchases and what they bring: the sufficient statistics of BG/NBD and gamma-gamma models."""

    mean_repeat_order_spend: Annotated[
        float,
        Fact(
            "Mean spend of the orders later than the first",
            "首单之后的平均订单金额",
            "minor units per order",
            summary="number and spend of orders, and of those at the first moment",
        ),
    ]
    repeat_purchase_days: Annotated[
        float,
        Fact(
            "Days with an order after the first such day (x, one purchase a day)",
            "首个下单日之后的下单日数",
            "days",
            summary="the number of purchase days and the last of them",
        ),
    ]
    days_from_first_to_last_purchase: Annotated[
        float,
        Fact(
            "Days from the first order to the first order of the last day with one (t_x, one purchase a day)",
            "首次下单至最近下单日的天数",
            "days",
            summary="the first order; the last purchase day and its first order",
        ),
    ]
    mean_repeat_day_spend: Annotated[
        float,
        Fact(
            "Mean spend of a day with an order after the first such day",
            "首个下单日之后的日均消费额",
            "minor units per day",
            summary="the number of purchase days, the first and the last; spend, and that of the first day",
        ),
    ]


@family(ProcessFacts, sources=("transactions",), owner="commerce", since="0.2.0")
def process(history: History, t: int) -> ProcessFacts:
    carried = history.carried.lines
    first, first_day, last, last_day, days = -1, 0, -1, 0, carried.purchase_days
    orders, order_spend = carried.repeat_orders, carried.repeat_spend
    day_spend = carried.repeat_day_spend
    lines = history.transactions
    for i in range(len(lines)):
        if lines[i].quantity < 0:
            continue
        at, day = lines[i].at, lines[i].local_day
        if first < 0:
            first, first_day = at, day
        if last < 0 or day != last_day:
            last, last_day = at, day
            days += 1
        if at > first:
            order_spend += lines[i].amount
            orders += is_new_order(lines, i)
        if day > first_day:
            day_spend += lines[i].amount
    return ProcessFacts(
        mean_repeat_order_spend=ratio(order_spend, orders),
        repeat_purchase_days=float(max(days - 1, 0)),
        days_from_first_to_last_purchase=(last - first) / DAY,
        mean_repeat_day_spend=ratio(day_spend, days - 1 if days else 0),
    )
