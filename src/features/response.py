"""What a customer makes of our contacts."""

from typing import Annotated, Any, NamedTuple

import numpy as np

from features.contact import HELD_BACK
from features.family import LONGEST, WINDOWS, Fact, PerLongWindow, family, inner
from features.window import (
    add,
    counts_by_kind,
    days_since,
    first_within,
    last_of_kind,
    long_shares,
    per_long_window,
)
from tables.contract import Responses
from tables.history import MISSING_NUMBER, History

VIEWED, ACCEPTED, REDEEMED = (
    Responses.kind.choices.index(kind) + 1 for kind in ("viewed", "accepted", "redeemed")
)


class ResponseFacts(NamedTuple):
    """Responses, dated when they came."""

    offers_viewed: Annotated[
        PerLongWindow, Fact("Offers viewed in the last {days} days", "近{days}天查看优惠次数", "responses")
    ]
    offers_accepted: Annotated[
        PerLongWindow, Fact("Offers accepted in the last {days} days", "近{days}天领取优惠次数", "responses")
    ]
    offers_redeemed: Annotated[
        PerLongWindow, Fact("Offers redeemed in the last {days} days", "近{days}天核销优惠次数", "responses")
    ]
    days_since_last_response: Annotated[
        float,
        Fact(
            "Days since an offer was last accepted or redeemed",
            "距上次响应优惠天数",
            "days",
            summary="the last one",
        ),
    ]


class ResponseRateFacts(NamedTuple):
    """Of the contacts made in a window, the share that was answered, whenever the answer came.

    Answers older than two years are no longer looked for: they came long before the contact.
    """

    view_rate: Annotated[
        PerLongWindow,
        Fact(
            "Share of the contacts of the last {days} days that were viewed", "近{days}天触达查看率", "share"
        ),
    ]
    response_rate: Annotated[
        PerLongWindow,
        Fact(
            "Share of the contacts of the last {days} days that were accepted or redeemed",
            "近{days}天触达响应率",
            "share",
        ),
    ]


class RedemptionFacts(NamedTuple):
    """What redemptions brought."""

    redemption_revenue: Annotated[
        PerLongWindow,
        Fact("Revenue with redemptions in the last {days} days", "近{days}天核销带动金额", "minor units"),
    ]


@family(ResponseFacts, sources=("responses",), owner="marketing", since="0.1.0")
def response(history: History, t: int) -> ResponseFacts:
    rows = history.responses
    counts = counts_by_kind(rows, t, REDEEMED)
    last = max(last_of_kind(rows, ACCEPTED), last_of_kind(rows, REDEEMED))
    return ResponseFacts(
        offers_viewed=per_long_window(counts[VIEWED]),
        offers_accepted=per_long_window(counts[ACCEPTED]),
        offers_redeemed=per_long_window(counts[REDEEMED]),
        days_since_last_response=days_since(t, last),
    )


@inner
def contacts_answered(rows: Any, t: int, first_kind: int, last_kind: int) -> Any:
    """The sorted codes of the contacts that have a response of these kinds in the last LONGEST days."""
    rows = rows[first_within(rows, t, LONGEST) :]
    answered = np.empty(len(rows), np.int64)
    count = 0
    for i in range(len(rows)):
        if first_kind <= rows[i].kind <= last_kind:
            answered[count] = rows[i].contact_id
            count += 1
    answered = answered[:count]
    answered.sort()
    return answered


@inner
def holds(codes: Any, code: int) -> Any:
    """Whether sorted codes hold this one."""
    k = np.searchsorted(codes, code)
    return k < len(codes) and codes[k] == code


@family(ResponseRateFacts, sources=("contacts", "responses"), owner="marketing", since="0.1.0")
def response_rate(history: History, t: int) -> ResponseRateFacts:
    viewed = contacts_answered(history.responses, t, VIEWED, VIEWED)
    taken_up = contacts_answered(history.responses, t, ACCEPTED, REDEEMED)
    made, seen, answered = np.zeros(len(WINDOWS)), np.zeros(len(WINDOWS)), np.zeros(len(WINDOWS))
    rows = history.contacts
    for i in range(len(rows)):
        if rows[i].kind == HELD_BACK:
            continue
        add(made, t, rows[i].at, 1.0)
        if holds(viewed, rows[i].event_id):
            add(seen, t, rows[i].at, 1.0)
        if holds(taken_up, rows[i].event_id):
            add(answered, t, rows[i].at, 1.0)
    return ResponseRateFacts(long_shares(seen, made), long_shares(answered, made))


@family(RedemptionFacts, sources=("responses", "responses.revenue"), owner="marketing", since="0.1.0")
def redemption(history: History, t: int) -> RedemptionFacts:
    revenue = np.zeros(len(WINDOWS))
    rows = history.responses
    for i in range(len(rows)):
        if rows[i].kind == REDEEMED and rows[i].revenue != MISSING_NUMBER:
            add(revenue, t, rows[i].at, rows[i].revenue)
    return RedemptionFacts(per_long_window(revenue))
