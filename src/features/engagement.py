"""How much a customer has to do with us besides buying."""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import WINDOWS, Fact, PerLongWindow, PerWindow, family
from features.window import (
    add,
    counts_by_kind,
    days_since,
    last_of_kind,
    long_shares,
    per_long_window,
    per_window,
)
from tables.contract import INTERACTION_KINDS
from tables.history import History

VISIT, LOGIN, OPENED, CLICKED = (
    INTERACTION_KINDS.index(kind) + 1 for kind in ("visit", "login", "message_opened", "message_clicked")
)


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
    counts = counts_by_kind(rows, t, len(INTERACTION_KINDS))
    active = np.zeros(len(WINDOWS))
    for i in range(len(rows) - 1, -1, -1):  # backwards: a day counts where its last interaction does
        if i == len(rows) - 1 or rows[i].local_day < rows[i + 1].local_day:
            add(active, t, rows[i].at, 1.0)
    return EngagementFacts(
        visits=per_window(counts[VISIT]),
        logins=per_long_window(counts[LOGIN]),
        messages_opened=per_window(counts[OPENED]),
        messages_clicked=per_window(counts[CLICKED]),
        clicks_per_open=long_shares(counts[CLICKED], counts[OPENED]),
        active_days=per_window(active),
        days_since_last_visit=days_since(t, last_of_kind(rows, VISIT)),
        days_since_last_login=days_since(t, last_of_kind(rows, LOGIN)),
        days_since_last_interaction=days_since(t, rows[len(rows) - 1].at if len(rows) else -1),
    )
