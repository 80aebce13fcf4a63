"""Which categories a customer comes to, leaves, and likes best."""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import Fact, family
from features.number import number_bought
from features.scratch import zeros
from features.window import days_since, first_within, within
from tables.history import History


class AffinityFacts(NamedTuple):
    """Categories taken up and given up, and the favourite: the one with most spend, of several the latest."""

    new_categories_91d: Annotated[
        float,
        Fact(
            "Categories bought in the last {days} days and not in the 637 days before",
            "近{days}天新购品类数",
            "categories",
        ),
    ]
    lapsed_categories_182d: Annotated[
        float,
        Fact(
            "Categories bought in the {days} days before the last {days}, and not since",
            "近{days}天流失品类数",
            "categories",
        ),
    ]
    days_since_top_category_364d: Annotated[
        float,
        Fact(
            "Days since the category with most spend in the last {days} days was last bought",
            "距上次购买近{days}天最爱品类天数",
            "days",
        ),
    ]


@family(AffinityFacts, sources=("transactions", "transactions.category"), owner="commerce", since="0.2.0")
def affinity(history: History, t: int) -> AffinityFacts:
    lines = history.transactions
    lines = lines[first_within(lines, t, 728) :]
    if len(lines) == 0:
        return AffinityFacts(0.0, 0.0, np.nan)
    numbers = zeros(len(lines))
    count = number_bought(lines, lines.category, numbers)
    first, last, spend = zeros(count + 1), zeros(count + 1), zeros(count + 1)
    for i in range(len(lines)):
        k = numbers[i]
        at = lines[i].at
        if first[k] == 0:
            first[k] = at
        last[k] = at
        if within(t, at, 364):
            spend[k] += lines[i].amount
    new, lapsed, most, latest = 0, 0, -1, -1
    for k in range(1, count + 1):
        if first[k] == 0:
            continue  # only returned
        new += within(t, first[k], 91)
        lapsed += within(t, last[k], 364) and not within(t, last[k], 182)
        if within(t, last[k], 364) and (spend[k] > most or (spend[k] == most and last[k] > latest)):
            most, latest = spend[k], last[k]
    return AffinityFacts(float(new), float(lapsed), days_since(t, latest))
