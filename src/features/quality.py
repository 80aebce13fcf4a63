"""How dear the things are that a customer chooses: by list price, whatever was taken off."""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import Fact, family
from features.number import number_bought
from features.scratch import zeros
from features.window import first_within, ratio, within
from tables.history import MISSING_NUMBER, History


class QualityFacts(NamedTuple):
    """The list price of what is bought, line by line, where it is known."""

    mean_list_price_364d: Annotated[
        float,
        Fact(
            "Mean list price of the lines bought in the last {days} days",
            "近{days}天所购商品平均标价",
            "minor units per piece",
        ),
    ]
    list_price_trend_364d: Annotated[
        float,
        Fact(
            "Change of the mean list price from the {days} days before to the last {days} days",
            "近{days}天所购商品平均标价变化率",
            "share",
        ),
    ]


class DearerFacts(NamedTuple):
    """Lines dearer than the customer's own lines of the same category are in the mean of two years."""

    dearer_line_share_91d: Annotated[
        float,
        Fact(
            "Share of lines of the last {days} days dearer by list price than the customer's own mean of the "
            "category over two years",
            "近{days}天高于自身品类均价的购买行占比",
            "share",
        ),
    ]


@family(QualityFacts, sources=("transactions", "transactions.list_price"), owner="commerce", since="0.2.0")
def quality(history: History, t: int) -> QualityFacts:
    now, sum_now, before, sum_before = 0, 0, 0, 0
    lines = history.transactions
    for i in range(first_within(lines, t, 728), len(lines)):
        price = lines[i].list_price
        if lines[i].quantity < 0 or price == MISSING_NUMBER:
            continue
        if within(t, lines[i].at, 364):
            now += 1
            sum_now += price
        else:
            before += 1
            sum_before += price
    mean, mean_before = ratio(sum_now, now), ratio(sum_before, before)
    return QualityFacts(mean, ratio(mean - mean_before, mean + mean_before))


@family(
    DearerFacts,
    sources=("transactions", "transactions.list_price", "transactions.category"),
    owner="commerce",
    since="0.2.0",
)
def dearer(history: History, t: int) -> DearerFacts:
    lines = history.transactions
    lines = lines[first_within(lines, t, 728) :]
    if first_within(lines, t, 91) == len(lines):
        return DearerFacts(np.nan)
    numbers = zeros(len(lines))
    count = number_bought(lines, lines.category, numbers)
    priced, prices = zeros(count + 1), zeros(count + 1)
    for i in range(len(lines)):
        if numbers[i] > 0 and lines[i].list_price != MISSING_NUMBER:
            priced[numbers[i]] += 1
            prices[numbers[i]] += lines[i].list_price
    known, above = 0, 0
    for i in range(first_within(lines, t, 91), len(lines)):
        k = numbers[i]
        if k > 0 and lines[i].list_price != MISSING_NUMBER:
            known += 1
            above += lines[i].list_price * priced[k] > prices[k]
    return DearerFacts(ratio(above, known))
