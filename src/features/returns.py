"""What a customer sends back."""

from typing import Annotated, NamedTuple

from features.family import Fact, PerLongWindow, PerWindow, family
from features.scratch import zeros
from features.window import CLASSES, days_since, long_shares, per_long_window, per_window
from tables.history import History


class ReturnFacts(NamedTuple):
    """Returned lines and money, dated when they were returned."""

    returned_lines: Annotated[
        PerWindow, Fact("Lines returned in the last {days} days", "近{days}天退货行数", "lines")
    ]
    returned_amount: Annotated[
        PerLongWindow,
        Fact("Paid back for returns in the last {days} days", "近{days}天退货金额", "minor units"),
    ]
    returned_share: Annotated[
        PerLongWindow, Fact("Paid back over spend in the last {days} days", "近{days}天退货金额占比", "share")
    ]
    days_since_last_return: Annotated[
        float, Fact("Days since the last return", "距上次退货天数", "days", summary="the last return")
    ]


@family(ReturnFacts, sources=("transactions",), owner="commerce", since="0.1.0")
def returns(history: History, t: int) -> ReturnFacts:
    last = -1
    returned, paid_back, spend = zeros(CLASSES), zeros(CLASSES), zeros(CLASSES)
    lines = history.transactions
    for i in range(len(lines)):
        age = lines[i].age
        if lines[i].quantity > 0:
            spend[age] += lines[i].amount
        else:
            last = lines[i].at
            returned[age] += 1
            paid_back[age] -= lines[i].amount
    return ReturnFacts(
        returned_lines=per_window(returned),
        returned_amount=per_long_window(paid_back),
        returned_share=long_shares(paid_back, spend),
        days_since_last_return=days_since(t, last),
    )
