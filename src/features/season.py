"""What a customer did a year ago: 364 days, so that weekdays meet."""

from typing import Annotated, NamedTuple

from features.family import Fact, family
from features.window import first_within, is_new_order, ratio
from tables.history import History
from tables.moment import DAY

YEAR = 364 * DAY
QUARTER = 91 * DAY


class SeasonFacts(NamedTuple):
    """Orders of the same quarter a year ago, and of the one that followed it."""

    order_trend_on_year_91d: Annotated[
        float,
        Fact(
            "Change of orders from the same {days} days a year before to the last {days} days",
            "近{days}天订单数同比变化率",
            "share",
        ),
    ]
    orders_a_year_before_next_91d: Annotated[
        float,
        Fact("Orders a year before the next {days} days", "去年同期未来{days}天订单数", "orders"),
    ]


@family(SeasonFacts, sources=("transactions",), owner="commerce", since="0.2.0")
def season(history: History, t: int) -> SeasonFacts:
    now, then, coming = 0, 0, 0
    lines = history.transactions
    for i in range(first_within(lines, t, 455), len(lines)):
        if not is_new_order(lines, i):
            continue
        at = lines[i].at
        now += at > t - QUARTER
        then += at <= t - YEAR
        coming += t - YEAR < at <= t - YEAR + QUARTER
    return SeasonFacts(ratio(now - then, now + then), float(coming))
