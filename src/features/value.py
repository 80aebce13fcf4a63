"""What a customer brings, returns deducted."""

from typing import Annotated, NamedTuple

from features.family import Fact, PerWindow, family
from features.scratch import zeros
from features.window import CLASSES, per_window
from tables.history import MISSING_NUMBER, History


class NetSpendFacts(NamedTuple):
    """Spend less what was paid back."""

    net_spend: Annotated[
        PerWindow,
        Fact("Spend less returns in the last {days} days", "近{days}天净消费额", "minor units"),
    ]


@family(NetSpendFacts, sources=("transactions",), owner="commerce", since="0.1.0")
def net_spend(history: History, t: int) -> NetSpendFacts:
    total = zeros(CLASSES)
    lines = history.transactions
    for i in range(len(lines)):
        total[lines[i].age] += lines[i].amount
    return NetSpendFacts(net_spend=per_window(total))


class MarginFacts(NamedTuple):
    """Spend less returns and what the goods cost; a line whose unit cost is missing brings nothing."""

    margin: Annotated[PerWindow, Fact("Margin in the last {days} days", "近{days}天毛利", "minor units")]


@family(MarginFacts, sources=("transactions", "transactions.unit_cost"), owner="commerce", since="0.1.0")
def margin(history: History, t: int) -> MarginFacts:
    total = zeros(CLASSES)
    lines = history.transactions
    for i in range(len(lines)):
        if lines[i].unit_cost != MISSING_NUMBER:
            total[lines[i].age] += lines[i].amount - lines[i].quantity * lines[i].unit_cost
    return MarginFacts(margin=per_window(total))
