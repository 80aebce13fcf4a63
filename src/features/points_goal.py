"""How far a customer's points are from what they buy: gifts at 1,000 points, products at 5,000.

The two steps are those of the programme's printed ladder. Steps of spend are not here: they are amounts of
one currency, which the policy knows and a history does not.
"""

from typing import Annotated, NamedTuple

from features.family import Fact, family
from features.points import EARNED, EXPIRED
from features.window import ratio, within
from tables.history import History

GIFT, PRODUCT = 1_000, 5_000


class PointsGoalFacts(NamedTuple):
    """Points that are missing to a step of the ladder, 0 once it is reached, and points left to lapse."""

    points_short_of_1000: Annotated[
        float,
        Fact(
            "Points missing to a gift, at 1,000 points",
            "距1000积分兑换礼品所差积分",
            "points",
            summary="sums of points by kind",
        ),
    ]
    points_short_of_5000: Annotated[
        float,
        Fact(
            "Points missing to a product, at 5,000 points",
            "距5000积分兑换商品所差积分",
            "points",
            summary="sums of points by kind",
        ),
    ]
    points_lapsed_share_364d: Annotated[
        float,
        Fact(
            "Points lapsed over points earned in the last {days} days",
            "近{days}天积分过期率",
            "share",
        ),
    ]


@family(PointsGoalFacts, sources=("points",), owner="loyalty", since="0.2.0")
def points_goal(history: History, t: int) -> PointsGoalFacts:
    carried = history.carried.points
    balance, earned, lapsed = carried.earned - carried.spent - carried.expired, 0, 0
    rows = history.points
    for i in range(len(rows)):
        amount = rows[i].points
        is_recent = within(t, rows[i].at, 364)
        if rows[i].kind == EARNED:
            balance += amount
            earned += amount if is_recent else 0
        else:
            balance -= amount
            lapsed += amount if is_recent and rows[i].kind == EXPIRED else 0
    return PointsGoalFacts(
        float(max(GIFT - balance, 0)), float(max(PRODUCT - balance, 0)), ratio(lapsed, earned)
    )
