"""How much a customer has to do with us besides buying."""

from typing import Annotated, NamedTuple

from features.family import Fact, PerLongWindow, PerWindow, family
from features.scratch import zeros
from features.window import (
    CLASSES,
    count_by_kind,
    days_since,
    days_since_row,
    long_shares,
    of_kind,
    per_long_window,
    per_window,
)
from tables.contract import INTERACTION_KINDS
from tables.history import History

VISIT, LOGIN, OPENED, CLICKED = (
    INTERACTION_KINDS.index(kind) + 1 for kind in ("visit", "login", "message_opened", "message_clicked")
)
KINDS = len(INTERACTION_KINDS) + 1


class EngagementFacts(NamedTuple):
    """Visits, logins, messages opened and clicked."""

    visits: Annotated[PerWindow, Fact("Visits in the last {days} days", "近{days}天访问次数", "visits")]
    logins: Annotated[PerLongWindow, Fact("Logins in the last {days} days", "近{days}天登录次数", "logins")]
    messages_opened: Annotated[
        PerWindow, Fact("Messages opened in the last {days} days", "近{days}天打开消息数", "messages")
    ]
    messages_clicked: Annotated[
        PerWindow, Fact("Messages clicked in the last {days} days", "近{days}天点击消息数", "messages")
    ]
    clicks_per_open: Annotated[
        PerLongWindow,
        Fact("Messages clicked over opened in the last {days} days", "近{days}天消息点击打开比", "ratio"),
    ]
    active_days: Annotated[
        PerWindow, Fact("Days with any interaction in the last {days} days", "近{days}天活跃天数", "days")
    ]
    days_since_last_visit: Annotated[
        float, Fact("Days since the last visit", "距上次访问天数", "days", summary="the last visit")
    ]
    days_since_last_login: Annotated[
        float, Fact("Days since the last login", "距上次登录天数", "days", summary="the last login")
    ]
    days_since_last_interaction: Annotated[
        float,
        Fact("Days since the last interaction of any kind", "距上次互动天数", "days", summary="the last one"),
    ]


@family(EngagementFacts, sources=("interactions",), owner="marketing", since="0.1.0")
def engagement(history: History, t: int) -> EngagementFacts:
    rows = history.interactions
    counts, last, active = zeros(KINDS * CLASSES), zeros(KINDS), zeros(CLASSES)
    count_by_kind(rows, counts, last)
    for i in range(len(rows)):  # a day counts where its last interaction does
        active[rows[i].age] += i == len(rows) - 1 or rows[i].local_day < rows[i + 1].local_day
    opened, clicked = of_kind(counts, OPENED), of_kind(counts, CLICKED)
    return EngagementFacts(
        visits=per_window(of_kind(counts, VISIT)),
        logins=per_long_window(of_kind(counts, LOGIN)),
        messages_opened=per_window(opened),
        messages_clicked=per_window(clicked),
        clicks_per_open=long_shares(clicked, opened),
        active_days=per_window(active),
        days_since_last_visit=days_since_row(t, rows, last[VISIT]),
        days_since_last_login=days_since_row(t, rows, last[LOGIN]),
        days_since_last_interaction=days_since(t, rows[len(rows) - 1].at if len(rows) else -1),
    )
