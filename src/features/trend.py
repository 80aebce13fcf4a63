"""Whether a customer does more or less than in the window before."""

from typing import Annotated, Any, NamedTuple

import numpy as np

from features.family import WINDOWS, Fact, PerWindow, family, inner
from features.window import add, add_before, is_new_order, shares
from tables.history import History


class OrderTrendFacts(NamedTuple):
    """Change of orders and spend: (now - before) / (now + before), from -1 (stopped) to 1 (started)."""

    order_trend: Annotated[
        PerWindow,
        Fact(
            "Change of orders from the {days} days before to the last {days} days",
            "近{days}天订单数变化率",
            "share",
        ),
    ]
    spend_trend: Annotated[
        PerWindow,
        Fact(
            "Change of spend from the {days} days before to the last {days} days",
            "近{days}天消费额变化率",
            "share",
        ),
    ]


class InteractionTrendFacts(NamedTuple):
    """Change of interactions: (now - before) / (now + before), from -1 (stopped) to 1 (started)."""

    interaction_trend: Annotated[
        PerWindow,
        Fact(
            "Change of interactions from the {days} days before to the last {days} days",
            "近{days}天互动次数变化率",
            "share",
        ),
    ]


@inner
def trends(now: Any, before: Any) -> Any:
    return shares(now - before, now + before)


@family(OrderTrendFacts, sources=("transactions",), owner="commerce", since="0.1.0")
def order_trend(history: History, t: int) -> OrderTrendFacts:
    orders, orders_before = np.zeros(len(WINDOWS)), np.zeros(len(WINDOWS))
    spend, spend_before = np.zeros(len(WINDOWS)), np.zeros(len(WINDOWS))
    lines = history.transactions
    for i in range(len(lines)):
        if lines[i].quantity < 0:
            continue
        at = lines[i].at
        if is_new_order(lines, i):
            add(orders, t, at, 1.0)
            add_before(orders_before, t, at, 1.0)
        add(spend, t, at, lines[i].amount)
        add_before(spend_before, t, at, lines[i].amount)
    return OrderTrendFacts(trends(orders, orders_before), trends(spend, spend_before))


@family(InteractionTrendFacts, sources=("interactions",), owner="marketing", since="0.1.0")
def interaction_trend(history: History, t: int) -> InteractionTrendFacts:
    now, before = np.zeros(len(WINDOWS)), np.zeros(len(WINDOWS))
    rows = history.interactions
    for i in range(len(rows)):
        add(now, t, rows[i].at, 1.0)
        add_before(before, t, rows[i].at, 1.0)
    return InteractionTrendFacts(trends(now, before))
