"""Whether a customer moves from one sales channel to another."""

from typing import Annotated, NamedTuple

from features.channel import APP, WEB
from features.family import Fact, family
from features.window import first_within, is_new_order, ratio, within
from tables.history import History


class ChannelMixFacts(NamedTuple):
    """Orders whose channel is known; an order's channel is its first line's."""

    online_order_share_change_182d: Annotated[
        float,
        Fact(
            "Share of orders on the web or in the app in the last {days} days less that of the {days} before",
            "近{days}天线上订单占比变化",
            "share",
        ),
    ]
    new_order_channels_91d: Annotated[
        float,
        Fact(
            "Channels ordered on in the last {days} days and not in the 273 days before",
            "近{days}天新用下单渠道数",
            "channels",
        ),
    ]


@family(ChannelMixFacts, sources=("transactions", "transactions.channel"), owner="commerce", since="0.2.0")
def channel_mix(history: History, t: int) -> ChannelMixFacts:
    now, online_now, before, online_before = 0, 0, 0, 0
    used, used_before = 0, 0  # a bit a channel
    lines = history.transactions
    for i in range(first_within(lines, t, 364), len(lines)):
        if not is_new_order(lines, i) or lines[i].channel == 0:
            continue
        at, channel = lines[i].at, lines[i].channel
        is_online = channel in (WEB, APP)
        if within(t, at, 182):
            now += 1
            online_now += is_online
        else:
            before += 1
            online_before += is_online
        if within(t, at, 91):
            used |= 1 << channel
        else:
            used_before |= 1 << channel
    new, left = 0, used & ~used_before
    while left:
        new += left & 1
        left >>= 1
    return ChannelMixFacts(ratio(online_now, now) - ratio(online_before, before), float(new))
