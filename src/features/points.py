"""Loyalty points: earned, spent, lapsed, and about to lapse."""

from typing import Annotated, NamedTuple

from features.family import Fact, PerLongWindow, PerWindow, family
from features.scratch import zeros
from features.window import CLASSES, days_since_row, of_kind, per_long_window, per_window, ratio
from tables.contract import Points
from tables.history import MISSING_NUMBER, History
from tables.moment import DAY

EARNED, SPENT, EXPIRED = (Points.kind.choices.index(kind) + 1 for kind in ("earned", "spent", "expired"))
KINDS = EXPIRED + 1


UNLAPSED = "sums of points used and lapsed; by moment of expiry, points that have not lapsed yet"


class PointsFacts(NamedTuple):
    """Movements of points, and what they leave."""

    points_earned: Annotated[
        PerWindow, Fact("Points earned in the last {days} days", "近{days}天获得积分", "points")
    ]
    points_spent: Annotated[
        PerWindow, Fact("Points spent in the last {days} days", "近{days}天使用积分", "points")
    ]
    points_expired: Annotated[
        PerLongWindow, Fact("Points lapsed in the last {days} days", "近{days}天过期积分", "points")
    ]
    points_balance: Annotated[
        float,
        Fact("Points earned less spent and lapsed", "积分余额", "points", summary="sums of points by kind"),
    ]
    points_spent_share: Annotated[
        float,
        Fact(
            "Points spent over points earned, so far",
            "累计积分使用率",
            "share",
            summary="sums of points by kind",
        ),
    ]
    days_since_points_earned: Annotated[
        float,
        Fact(
            "Days since points were last earned", "距上次获得积分天数", "days", summary="the last time earned"
        ),
    ]
    days_since_points_spent: Annotated[
        float,
        Fact(
            "Days since points were last spent", "距上次使用积分天数", "days", summary="the last time spent"
        ),
    ]


class ExpiryFacts(NamedTuple):
    """Unspent points that lapse soon, if those that lapse first were spent first."""

    points_expiring_within_28d: Annotated[
        float,
        Fact(
            "Points that lapse in the next {days} days", "未来{days}天将过期积分", "points", summary=UNLAPSED
        ),
    ]
    points_expiring_within_91d: Annotated[
        float,
        Fact(
            "Points that lapse in the next {days} days", "未来{days}天将过期积分", "points", summary=UNLAPSED
        ),
    ]


@family(PointsFacts, sources=("points",), owner="loyalty", since="0.1.0")
def points(history: History, t: int) -> PointsFacts:
    moved, ever, last = zeros(KINDS * CLASSES), zeros(KINDS), zeros(KINDS)
    carried = history.carried.points
    ever[EARNED], ever[SPENT], ever[EXPIRED] = carried.earned, carried.spent, carried.expired
    rows = history.points
    for i in range(len(rows)):
        kind = int(rows[i].kind)
        moved[kind * CLASSES + rows[i].age] += rows[i].points
        ever[kind] += rows[i].points
        last[kind] = i + 1
    return PointsFacts(
        points_earned=per_window(of_kind(moved, EARNED)),
        points_spent=per_window(of_kind(moved, SPENT)),
        points_expired=per_long_window(of_kind(moved, EXPIRED)),
        points_balance=float(ever[EARNED] - ever[SPENT] - ever[EXPIRED]),
        points_spent_share=ratio(ever[SPENT], ever[EARNED]),
        days_since_points_earned=days_since_row(t, rows, last[EARNED]),
        days_since_points_spent=days_since_row(t, rows, last[SPENT]),
    )


@family(ExpiryFacts, sources=("points", "points.expires_at"), owner="loyalty", since="0.1.0")
def expiry(history: History, t: int) -> ExpiryFacts:
    """Of the points that lapse by a moment, those not yet spent or lapsed are left to lapse by it."""
    carried = history.carried.points
    used = carried.spent + carried.expired
    by_now, by_28, by_91 = carried.lapsed, carried.lapsed, carried.lapsed
    rows = history.points
    for i in range(len(rows)):
        if rows[i].kind != EARNED:
            used += rows[i].points
        elif rows[i].expires_at != MISSING_NUMBER:
            by_now += rows[i].points if rows[i].expires_at <= t else 0
            by_28 += rows[i].points if rows[i].expires_at <= t + 28 * DAY else 0
            by_91 += rows[i].points if rows[i].expires_at <= t + 91 * DAY else 0
    lapsed = max(by_now - used, 0)
    return ExpiryFacts(float(max(by_28 - used, 0) - lapsed), float(max(by_91 - used, 0) - lapsed))
