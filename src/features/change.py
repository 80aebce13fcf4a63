"""When what a customer does changed most, and how far it is from its best."""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import Fact, family
from features.scratch import zeros
from features.window import first_within, is_new_order, ratio
from tables.history import History
from tables.moment import DAY

LEAST_ORDERS = 4
QUARTERS = 8


class ChangeFacts(NamedTuple):
    """The moment at which the orders after the first, summed up, are furthest from a steady rate (CUSUM).

    Of two years, from their first order to now; of two such moments the later. Its size is
    (after - before) / (after + before). Of fewer than four orders it is missing.
    """

    days_since_order_rate_change_728d: Annotated[
        float,
        Fact(
            "Days since the order rate changed most in the last {days} days",
            "距近{days}天下单频率最大变化点的天数",
            "days",
        ),
    ]
    order_rate_change_728d: Annotated[
        float,
        Fact(
            "Change of the order rate where it changed most in the last {days} days, from -1 to 1",
            "近{days}天下单频率最大变化点的变化率",
            "share",
        ),
    ]


class PeakFacts(NamedTuple):
    """How far spend is from the customer's best quarter of two years."""

    spend_to_peak_91d: Annotated[
        float,
        Fact(
            "Spend of the last {days} days over the best of the last eight spells of {days} days",
            "近{days}天消费额与近八个{days}天中最高消费额之比",
            "ratio",
        ),
    ]


@family(ChangeFacts, sources=("transactions",), owner="commerce", since="0.2.0")
def change(history: History, t: int) -> ChangeFacts:
    lines = history.transactions
    begin = first_within(lines, t, 728)
    first, repeats = -1, 0
    for i in range(begin, len(lines)):
        if is_new_order(lines, i):
            if first < 0:
                first = lines[i].at
            else:
                repeats += 1
    if repeats + 1 < LEAST_ORDERS or first == t:
        return ChangeFacts(np.nan, np.nan)
    whole = t - first
    furthest, place, before = -1.0, first, 0
    seen = -1  # the first order only starts the clock
    for i in range(begin, len(lines)):
        if not is_new_order(lines, i):
            continue
        seen += 1
        since = lines[i].at - first
        if since in (0, whole):
            continue  # no time before it, or after it, in which a rate could be
        steady = since / whole
        # The rate rises just before an order or falls just after one.
        for passed in (seen - 1, seen):
            distance = abs(passed / repeats - steady)
            if distance >= furthest:
                furthest, place, before = distance, lines[i].at, passed
    if furthest < 0:
        return ChangeFacts(np.nan, np.nan)
    rate_before = before / (place - first)
    rate_after = (repeats - before) / (t - place)
    return ChangeFacts((t - place) / DAY, ratio(rate_after - rate_before, rate_after + rate_before))


@family(PeakFacts, sources=("transactions",), owner="commerce", since="0.2.0")
def peak(history: History, t: int) -> PeakFacts:
    lines = history.transactions
    begin = first_within(lines, t, 728)
    if begin == len(lines):
        return PeakFacts(np.nan)
    spend = zeros(QUARTERS)
    for i in range(begin, len(lines)):
        if lines[i].quantity > 0:
            spend[(t - lines[i].at) // (91 * DAY)] += lines[i].amount
    return PeakFacts(ratio(spend[0], spend.max()))
