"""On which channels a customer has to do with us."""

from typing import Annotated, NamedTuple

import numpy as np

from features.contact import HELD_BACK
from features.family import Fact, family
from features.number import holds, slots_for
from features.response import VIEWED, put_answered
from features.scratch import zeros
from features.window import first_within, ratio
from tables.contract import CONTACT_CHANNELS, Interactions
from tables.history import History

CHANNELS = len(Interactions.channel.choices) + 1
EMAIL, APP_PUSH, WECOM, SMS, COMMUNITY = (
    CONTACT_CHANNELS.index(name) + 1 for name in ("email", "app_push", "wecom", "sms", "community")
)


class TouchpointFacts(NamedTuple):
    """Interactions by the channel they came on."""

    email_interactions_91d: Annotated[
        float,
        Fact(
            "Interactions by e-mail in the last {days} days",
            "近{days}天邮件互动次数",
            "interactions",
        ),
    ]
    app_push_interactions_91d: Annotated[
        float,
        Fact(
            "Interactions by app push in the last {days} days",
            "近{days}天APP推送互动次数",
            "interactions",
        ),
    ]
    wecom_interactions_91d: Annotated[
        float,
        Fact(
            "Interactions by WeCom in the last {days} days",
            "近{days}天企微互动次数",
            "interactions",
        ),
    ]
    sms_interactions_91d: Annotated[
        float,
        Fact(
            "Interactions by text message in the last {days} days", "近{days}天短信互动次数", "interactions"
        ),
    ]
    community_interactions_91d: Annotated[
        float,
        Fact(
            "Interactions in the community in the last {days} days", "近{days}天社群互动次数", "interactions"
        ),
    ]


class ChannelResponseFacts(NamedTuple):
    """Of the contacts made on a channel, the share that was viewed, whenever that was."""

    email_view_rate_364d: Annotated[
        float,
        Fact(
            "Share of the contacts by e-mail of the last {days} days that were viewed",
            "近{days}天邮件触达查看率",
            "share",
        ),
    ]
    app_push_view_rate_364d: Annotated[
        float,
        Fact(
            "Share of the contacts by app push of the last {days} days that were viewed",
            "近{days}天APP推送触达查看率",
            "share",
        ),
    ]
    wecom_view_rate_364d: Annotated[
        float,
        Fact(
            "Share of the contacts by WeCom of the last {days} days that were viewed",
            "近{days}天企微触达查看率",
            "share",
        ),
    ]
    sms_view_rate_364d: Annotated[
        float,
        Fact(
            "Share of the contacts by text message of the last {days} days that were viewed",
            "近{days}天短信触达查看率",
            "share",
        ),
    ]


@family(TouchpointFacts, sources=("interactions", "interactions.channel"), owner="marketing", since="0.2.0")
def touchpoint(history: History, t: int) -> TouchpointFacts:
    rows = history.interactions
    counts = zeros(CHANNELS)
    for i in range(first_within(rows, t, 91), len(rows)):
        counts[rows[i].channel] += 1
    return TouchpointFacts(
        float(counts[EMAIL]),
        float(counts[APP_PUSH]),
        float(counts[WECOM]),
        float(counts[SMS]),
        float(counts[COMMUNITY]),
    )


@family(
    ChannelResponseFacts,
    sources=("contacts", "responses", "contacts.channel"),
    owner="marketing",
    since="0.2.0",
)
def channel_response(history: History, t: int) -> ChannelResponseFacts:
    rows = history.contacts
    begin = first_within(rows, t, 364)
    if begin == len(rows):
        return ChannelResponseFacts(np.nan, np.nan, np.nan, np.nan)
    viewed = zeros(slots_for(len(history.responses)))
    put_answered(viewed, history.responses, t, VIEWED, VIEWED)
    made, seen = zeros(CHANNELS), zeros(CHANNELS)
    for i in range(begin, len(rows)):
        if rows[i].kind != HELD_BACK:
            made[rows[i].channel] += 1
            seen[rows[i].channel] += holds(viewed, rows[i].event_id)
    return ChannelResponseFacts(
        email_view_rate_364d=ratio(seen[EMAIL], made[EMAIL]),
        app_push_view_rate_364d=ratio(seen[APP_PUSH], made[APP_PUSH]),
        wecom_view_rate_364d=ratio(seen[WECOM], made[WECOM]),
        sms_view_rate_364d=ratio(seen[SMS], made[SMS]),
    )
