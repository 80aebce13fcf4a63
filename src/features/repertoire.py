"""The products a customer tries, buys again, and is due to buy again."""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import Fact, family
from features.number import number_bought
from features.scratch import zeros
from features.window import first_within, ratio, within
from tables.history import History

LEAST_DAYS = 3
OVERDUE = 1.5


class RepertoireFacts(NamedTuple):
    """Of two years; a product is due again by its own habit once it was bought on three days."""

    new_products_91d: Annotated[
        float,
        Fact(
            "Products bought in the last {days} days and not in the 637 days before",
            "近{days}天新购商品种数",
            "products",
        ),
    ]
    repeat_line_share_364d: Annotated[
        float,
        Fact(
            "Share of lines of the last {days} days whose product was bought on an earlier day of two years",
            "近{days}天复购商品行占比",
            "share",
        ),
    ]
    overdue_products_728d: Annotated[
        float,
        Fact(
            "Products bought on three of the last {days} days or more, and not for over 1.5 mean gaps since",
            "近{days}天逾期未复购的常购商品数",
            "products",
        ),
    ]


@family(RepertoireFacts, sources=("transactions", "transactions.product_id"), owner="commerce", since="0.2.0")
def repertoire(history: History, t: int) -> RepertoireFacts:
    lines = history.transactions
    lines = lines[first_within(lines, t, 728) :]
    if len(lines) == 0:
        return RepertoireFacts(0.0, np.nan, 0.0)
    numbers = zeros(len(lines))
    count = number_bought(lines, lines.product_id, numbers)
    first, last = zeros(count + 1), zeros(count + 1)
    days, last_day = zeros(count + 1), zeros(count + 1)
    named, again = 0, 0
    for i in range(len(lines)):
        k = numbers[i]
        if k == 0:
            continue
        at, day = lines[i].at, lines[i].local_day
        if days[k] == 0:
            first[k] = at
        if days[k] == 0 or day != last_day[k]:
            days[k] += 1
        last[k], last_day[k] = at, day
        if within(t, at, 364):
            named += 1
            again += days[k] > 1
    new, overdue = 0, 0
    for k in range(1, count + 1):
        new += days[k] > 0 and within(t, first[k], 91)
        if days[k] >= LEAST_DAYS:
            overdue += (t - last[k]) * (days[k] - 1) > OVERDUE * (last[k] - first[k])
    return RepertoireFacts(float(new), ratio(again, named), float(overdue))
