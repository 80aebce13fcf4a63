"""How regularly a customer orders, and how late the next order is by the customer's own habit."""

import math
from typing import Annotated, NamedTuple

import numpy as np

from features.family import LONGEST, Fact, family
from features.scratch import sort, zeros
from features.window import days_since, first_within, is_new_order, ratio
from tables.history import History
from tables.moment import DAY


class RhythmFacts(NamedTuple):
    """The gaps between consecutive orders of two years, and the time since the last one against them."""

    mean_days_between_orders: Annotated[
        float,
        Fact(
            "Mean gap between orders of the last {days} days", "近{days}天平均下单间隔天数", "days", LONGEST
        ),
    ]
    median_days_between_orders: Annotated[
        float,
        Fact(
            "Median gap between orders of the last {days} days",
            "近{days}天下单间隔天数中位数",
            "days",
            LONGEST,
        ),
    ]
    std_days_between_orders: Annotated[
        float,
        Fact(
            "Standard deviation of the gaps between orders of the last {days} days",
            "近{days}天下单间隔天数标准差",
            "days",
            LONGEST,
        ),
    ]
    max_days_between_orders: Annotated[
        float,
        Fact(
            "Longest gap between orders of the last {days} days",
            "近{days}天最长下单间隔天数",
            "days",
            LONGEST,
        ),
    ]
    last_days_between_orders: Annotated[
        float,
        Fact(
            "Gap between the last two orders of the last {days} days",
            "近{days}天最近一次下单间隔天数",
            "days",
            LONGEST,
        ),
    ]
    order_gap_variation: Annotated[
        float,
        Fact(
            "Coefficient of variation of the gaps between orders of the last {days} days",
            "近{days}天下单间隔变异系数",
            "ratio",
            LONGEST,
        ),
    ]
    order_gap_growth: Annotated[
        float,
        Fact(
            "Last gap between orders over the mean gap of the last {days} days",
            "最近间隔与近{days}天平均间隔之比",
            "ratio",
            LONGEST,
        ),
    ]
    order_lateness: Annotated[
        float,
        Fact(
            "Days since the last order over the mean gap of the last {days} days",
            "距上次下单天数与近{days}天平均间隔之比",
            "ratio",
            LONGEST,
        ),
    ]
    order_lateness_by_median: Annotated[
        float,
        Fact(
            "Days since the last order over the median gap of the last {days} days",
            "距上次下单天数与近{days}天间隔中位数之比",
            "ratio",
            LONGEST,
        ),
    ]
    order_lateness_rank: Annotated[
        float,
        Fact(
            "Share of the gaps of the last {days} days shorter than the time since the last order",
            "近{days}天短于当前间隔的历史间隔占比",
            "share",
            LONGEST,
        ),
    ]


@family(RhythmFacts, sources=("transactions",), owner="commerce", since="0.1.0")
def rhythm(history: History, t: int) -> RhythmFacts:
    lines = history.transactions
    begin = first_within(lines, t, LONGEST)
    gaps = zeros(len(lines) - begin)
    first, last, last_gap, count = -1, -1, -1, 0
    for i in range(begin, len(lines)):
        if not is_new_order(lines, i):
            continue
        if first < 0:
            first = lines[i].at
        else:
            last_gap = lines[i].at - last
            gaps[count] = last_gap
            count += 1
        last = lines[i].at
    now = days_since(t, last)
    if count == 0:
        missing = np.nan
        return RhythmFacts(
            missing, missing, missing, missing, missing, missing, missing, missing, missing, missing
        )
    gaps = gaps[:count]
    sort(gaps)
    mean = (last - first) / count / DAY
    median = (gaps[(count - 1) // 2] + gaps[count // 2]) / 2 / DAY
    squares, shorter = 0.0, 0
    for k in range(count):
        deviation = gaps[k] / DAY - mean
        squares += deviation * deviation
        if gaps[k] < t - last:
            shorter += 1
    std = math.sqrt(squares / count)
    return RhythmFacts(
        mean_days_between_orders=mean,
        median_days_between_orders=median,
        std_days_between_orders=std,
        max_days_between_orders=gaps[count - 1] / DAY,
        last_days_between_orders=last_gap / DAY,
        order_gap_variation=ratio(std, mean),
        order_gap_growth=ratio(last_gap / DAY, mean),
        order_lateness=ratio(now, mean),
        order_lateness_by_median=ratio(now, median),
        order_lateness_rank=shorter / count,
    )
