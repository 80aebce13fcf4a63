"""Whether a customer does more or less than in the window before."""

from typing import Annotated, Any, NamedTuple

from features.family import Fact, PerWindow, family, inner
from features.scratch import zeros
from features.window import CLASSES, is_new_order, ratio, windows, windows_before
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
def trends(sums: Any) -> PerWindow:
    """Of sums by age."""
    now, before = windows(sums), windows_before(sums)
    return (
        trend(now[0], before[0]),
        trend(now[1], before[1]),
        trend(now[2], before[2]),
        trend(now[3], before[3]),
        trend(now[4], before[4]),
    )


@inner
def trend(now: int, before: int) -> Any:
    return ratio(now - before, now + before)


@family(OrderTrendFacts, sources=("transactions",), owner="commerce", since="0.1.0")
def order_trend(history: History, t: int) -> OrderTrendFacts:
    orders, spend = zeros(CLASSES), zeros(CLASSES)
    lines = history.transactions
    for i in range(len(lines)):
        if lines[i].quantity > 0:
            orders[lines[i].age] += is_new_order(lines, i)
            spend[lines[i].age] += lines[i].amount
    return OrderTrendFacts(trends(orders), trends(spend))


@family(InteractionTrendFacts, sources=("interactions",), owner="marketing", since="0.1.0")
def interaction_trend(history: History, t: int) -> InteractionTrendFacts:
    counts = zeros(CLASSES)
    rows = history.interactions
    for i in range(len(rows)):
        counts[rows[i].age] += 1
    return InteractionTrendFacts(trends(counts))
