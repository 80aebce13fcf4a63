"""How regular a customer is: over the year, over the week, and in having to do with us at all."""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import Fact, family
from features.scratch import zeros
from features.window import days_since, first_within, is_new_order, ratio
from tables.history import History
from tables.moment import DAY

PERIOD = 28 * DAY


class HabitFacts(NamedTuple):
    """Whether orders come in every month, and on which day of the week."""

    order_periods_364d: Annotated[
        float,
        Fact(
            "Four-week periods of the last {days} days with an order, of thirteen",
            "近{days}天有下单的四周期数（共13期）",
            "periods",
        ),
    ]
    top_weekday_share_364d: Annotated[
        float,
        Fact(
            "Share of orders of the last {days} days on their commonest day of the week",
            "近{days}天最常下单星期几的订单占比",
            "share",
        ),
    ]


class InteractionHabitFacts(NamedTuple):
    """The time since the last interaction against the usual gap between days with one."""

    interaction_lateness_364d: Annotated[
        float,
        Fact(
            "Days since the last interaction over the mean gap between days with one in {days} days",
            "距上次互动天数与近{days}天平均互动间隔之比",
            "ratio",
        ),
    ]


@family(HabitFacts, sources=("transactions",), owner="commerce", since="0.2.0")
def habit(history: History, t: int) -> HabitFacts:
    lines = history.transactions
    begin = first_within(lines, t, 364)
    if begin == len(lines):
        return HabitFacts(0.0, np.nan)
    weekdays = zeros(7)
    orders, periods, last_period = 0, 0, -1
    for i in range(begin, len(lines)):
        if not is_new_order(lines, i):
            continue
        orders += 1
        weekdays[lines[i].local_day % 7] += 1
        period = (t - lines[i].at) // PERIOD
        periods += period != last_period
        last_period = period
    return HabitFacts(float(periods), ratio(weekdays.max(), orders))


@family(InteractionHabitFacts, sources=("interactions",), owner="marketing", since="0.2.0")
def interaction_habit(history: History, t: int) -> InteractionHabitFacts:
    rows = history.interactions
    begin = first_within(rows, t, 364)
    if begin == len(rows):
        return InteractionHabitFacts(np.nan)
    gaps = 0
    for i in range(begin + 1, len(rows)):
        gaps += rows[i].local_day != rows[i - 1].local_day
    last = rows[len(rows) - 1]
    whole = last.local_day - rows[begin].local_day
    return InteractionHabitFacts(ratio(days_since(t, last.at), ratio(whole, gaps)))
