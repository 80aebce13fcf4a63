"""Whether a customer is tired of us: contacts nobody looks at, more than usual, consents taken back."""

from typing import Annotated, NamedTuple

import numpy as np

from features.contact import HELD_BACK
from features.family import Fact, family
from features.number import holds, slots_for
from features.response import VIEWED, put_answered
from features.scratch import zeros
from features.window import first_within, ratio, within
from tables.history import MISSING_DAY, History


class FatigueFacts(NamedTuple):
    """Contacts made, against what came of them and against how many are usual."""

    contacts_since_last_response_364d: Annotated[
        float,
        Fact(
            "Contacts of the last {days} days since an offer was last viewed, accepted or redeemed",
            "近{days}天上次响应后的触达次数",
            "contacts",
        ),
    ]
    contact_pressure_28d: Annotated[
        float,
        Fact(
            "Contacts of the last {days} days over the mean of thirteen such periods",
            "近{days}天触达次数与全年同长周期平均之比",
            "ratio",
        ),
    ]
    view_rate_change_91d: Annotated[
        float,
        Fact(
            "Share of contacts of the last {days} days that were viewed, less that of the 273 days before",
            "近{days}天触达查看率变化",
            "share",
        ),
    ]


class WithdrawalFacts(NamedTuple):
    """Consents taken back; rows that do not state any are passed over."""

    consent_withdrawals: Annotated[
        float,
        Fact(
            "Times the customer took back consent for a channel",
            "累计撤回触达授权次数",
            "times",
            summary="the number of withdrawals and the last consents",
        ),
    ]


@family(FatigueFacts, sources=("contacts", "responses"), owner="marketing", since="0.2.0")
def fatigue(history: History, t: int) -> FatigueFacts:
    rows, answers = history.contacts, history.responses
    begin = first_within(rows, t, 364)
    if begin == len(rows):
        return FatigueFacts(0.0, np.nan, np.nan)
    viewed = zeros(slots_for(len(answers)))
    put_answered(viewed, answers, t, VIEWED, VIEWED)
    last = answers[len(answers) - 1].at if len(answers) else -1
    since, this_month, now, seen, before, seen_before = 0, 0, 0, 0, 0, 0
    for i in range(begin, len(rows)):
        if rows[i].kind == HELD_BACK:
            continue
        at = rows[i].at
        since += at > last
        this_month += within(t, at, 28)
        if within(t, at, 91):
            now += 1
            seen += holds(viewed, rows[i].event_id)
        else:
            before += 1
            seen_before += holds(viewed, rows[i].event_id)
    return FatigueFacts(
        contacts_since_last_response_364d=float(since),
        contact_pressure_28d=ratio(13 * this_month, now + before),
        view_rate_change_91d=ratio(seen, now) - ratio(seen_before, before),
    )


@family(WithdrawalFacts, sources=("customers", "customers.consents"), owner="marketing", since="0.2.0")
def withdrawal(history: History, t: int) -> WithdrawalFacts:
    count, given = 0, 0
    rows = history.customers
    for i in range(len(rows)):
        if rows[i].consents == MISSING_DAY:
            continue
        count += (given & ~rows[i].consents) != 0
        given = rows[i].consents
    return WithdrawalFacts(float(count))
