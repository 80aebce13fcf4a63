"""How large a customer's orders are, one against the other."""

import math
from typing import Annotated, Any, NamedTuple

import numpy as np

from features.family import Fact, family, inner
from features.scratch import zeros
from features.window import first_within, is_new_order, ratio
from tables.history import History


class OrderSizeFacts(NamedTuple):
    """The last order against the usual one, and how much orders differ; of two at one moment, the larger."""

    last_order_to_usual_364d: Annotated[
        float,
        Fact(
            "Spend of the last order over the mean of the last {days} days",
            "最近一单金额与近{days}天客单价之比",
            "ratio",
        ),
    ]
    order_spend_variation_364d: Annotated[
        float,
        Fact(
            "Coefficient of variation of spend per order in the last {days} days",
            "近{days}天订单金额变异系数",
            "ratio",
        ),
    ]


@inner
def sum_by_order(lines: Any, spend: Any, moments: Any) -> int:
    """Spend of each order and its moment, in time order; returns how many orders there are."""
    count = 0
    for i in range(len(lines)):
        if lines[i].quantity < 0:
            continue
        if is_new_order(lines, i):
            moments[count] = lines[i].at
            count += 1
        spend[count - 1] += lines[i].amount
    return count


@family(OrderSizeFacts, sources=("transactions",), owner="commerce", since="0.2.0")
def order_size(history: History, t: int) -> OrderSizeFacts:
    lines = history.transactions
    lines = lines[first_within(lines, t, 364) :]
    spend, moments = zeros(len(lines)), zeros(len(lines))
    count: int = sum_by_order(lines, spend, moments)
    if count == 0:
        return OrderSizeFacts(np.nan, np.nan)
    whole = 0
    for k in range(count):
        whole += spend[k]
    mean = whole / count
    last, squares = 0, 0.0
    for k in range(count):
        deviation = spend[k] - mean
        squares += deviation * deviation
        if moments[k] == moments[count - 1]:
            last = max(last, spend[k])
    return OrderSizeFacts(ratio(last, mean), ratio(math.sqrt(squares / count), mean))
