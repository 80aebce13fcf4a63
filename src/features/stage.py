"""Where a customer stands in the life of a customer: starting, settling, coming back."""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import Fact, family
from features.window import is_new_order, within
from tables.history import MISSING_NUMBER, History
from tables.moment import DAY

ABSENCE = 182 * DAY


class StageFacts(NamedTuple):
    """How the customer began, and absences of more than half a year that ended."""

    days_to_second_order: Annotated[
        float,
        Fact(
            "Days from the first order to the second",
            "首单至第二单天数",
            "days",
            summary="the first two orders",
        ),
    ]
    orders_in_first_91d: Annotated[
        float,
        Fact(
            "Orders in the first {days} days from the first order on, as far as they have passed",
            "首单起{days}天内订单数",
            "orders",
            summary="the first order and the number in its 91 days",
        ),
    ]
    comebacks_728d: Annotated[
        float,
        Fact(
            "Orders that ended more than 182 days without one, both within the last {days} days",
            "近{days}天间隔超182天后的回归次数",
            "orders",
        ),
    ]


class ActivationFacts(NamedTuple):
    """From joining the programme to ordering."""

    days_from_joining_to_first_order: Annotated[
        float,
        Fact(
            "Days from joining the programme to the first order; negative: ordered before joining",
            "入会至首单天数",
            "days",
            summary="the first order; the last row",
        ),
    ]


@family(StageFacts, sources=("transactions",), owner="loyalty", since="0.2.0")
def stage(history: History, t: int) -> StageFacts:
    lines = history.transactions
    first, second, comebacks, last = -1, -1, 0, -1
    begun = history.carried.lines.orders_in_first_91d
    for i in range(len(lines)):
        if not is_new_order(lines, i):
            continue
        at = lines[i].at
        if first < 0:
            first = at
        elif second < 0:
            second = at
        begun += at < first + 91 * DAY
        if within(t, at, 728):
            comebacks += last >= 0 and at - last > ABSENCE
            last = at
    return StageFacts(
        days_to_second_order=(second - first) / DAY if second >= 0 else np.nan,
        orders_in_first_91d=float(begun),
        comebacks_728d=float(comebacks),
    )


@family(
    ActivationFacts,
    sources=("customers", "transactions", "customers.joined_at"),
    owner="loyalty",
    since="0.2.0",
)
def activation(history: History, t: int) -> ActivationFacts:
    rows, lines = history.customers, history.transactions
    joined_at = rows[len(rows) - 1].joined_at if len(rows) else MISSING_NUMBER
    if joined_at != MISSING_NUMBER:
        for i in range(len(lines)):
            if lines[i].quantity > 0:
                return ActivationFacts((lines[i].at - joined_at) / DAY)
    return ActivationFacts(np.nan)
