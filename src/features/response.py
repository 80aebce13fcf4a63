"""What a customer makes of our contacts."""

from typing import Annotated, Any, NamedTuple

from features.contact import HELD_BACK
from features.family import LONGEST, Fact, PerLongWindow, family, inner
from features.number import holds, put, slots_for
from features.scratch import zeros
from features.window import (
    CLASSES,
    count_by_kind,
    days_since_row,
    first_within,
    long_shares,
    of_kind,
    per_long_window,
)
from tables.contract import Responses
from tables.history import MISSING_NUMBER, History

VIEWED, ACCEPTED, REDEEMED = (
    Responses.kind.choices.index(kind) + 1 for kind in ("viewed", "accepted", "redeemed")
)
KINDS = REDEEMED + 1


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
    counts, last = zeros(KINDS * CLASSES), zeros(KINDS)
    count_by_kind(rows, counts, last)
    return ResponseFacts(
        offers_viewed=per_long_window(of_kind(counts, VIEWED)),
        offers_accepted=per_long_window(of_kind(counts, ACCEPTED)),
        offers_redeemed=per_long_window(of_kind(counts, REDEEMED)),
        days_since_last_response=days_since_row(t, rows, max(last[ACCEPTED], last[REDEEMED])),
    )


@inner
def put_answered(codes: Any, rows: Any, t: int, first_kind: int, last_kind: int) -> None:
    """Into a set of codes, the contacts that have a response of these kinds in the last LONGEST days."""
    for i in range(first_within(rows, t, LONGEST), len(rows)):
        if first_kind <= rows[i].kind <= last_kind:
            put(codes, rows[i].contact_id)


@family(ResponseRateFacts, sources=("contacts", "responses"), owner="marketing", since="0.1.0")
def response_rate(history: History, t: int) -> ResponseRateFacts:
    rows, answers = history.contacts, history.responses
    viewed, taken_up = zeros(slots_for(len(answers))), zeros(slots_for(len(answers)))
    put_answered(viewed, answers, t, VIEWED, VIEWED)
    put_answered(taken_up, answers, t, ACCEPTED, REDEEMED)
    made, seen, answered = zeros(CLASSES), zeros(CLASSES), zeros(CLASSES)
    for i in range(len(rows)):
        if rows[i].kind == HELD_BACK:
            continue
        age = rows[i].age
        made[age] += 1
        seen[age] += holds(viewed, rows[i].event_id)
        answered[age] += holds(taken_up, rows[i].event_id)
    return ResponseRateFacts(long_shares(seen, made), long_shares(answered, made))


@family(RedemptionFacts, sources=("responses", "responses.revenue"), owner="marketing", since="0.1.0")
def redemption(history: History, t: int) -> RedemptionFacts:
    revenue = zeros(CLASSES)
    rows = history.responses
    for i in range(len(rows)):
        if rows[i].kind == REDEEMED and rows[i].revenue != MISSING_NUMBER:
            revenue[rows[i].age] += rows[i].revenue
    return RedemptionFacts(per_long_window(revenue))
