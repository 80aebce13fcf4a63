"""Where and at what time of day a customer buys."""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import WINDOWS, Fact, PerLongWindow, family
from features.window import (
    YEAR,
    add,
    codes_bought,
    distinct,
    is_new_order,
    long_shares,
    numbered,
    per_long_window,
    ratio,
)
from tables.contract import SALES_CHANNELS
from tables.history import History

STORE, WEB, APP, PHONE, PARTNER = (
    SALES_CHANNELS.index(name) + 1 for name in ("store", "web", "app", "phone", "partner")
)
MONDAY = 3  # 1970-01-01 was a Thursday: (local_day + MONDAY) % 7 counts from Monday
SATURDAY = 5


class ChannelFacts(NamedTuple):
    """Orders by sales channel, of those whose channel is known; an order's channel is its first line's."""

    store_order_share_364d: Annotated[
        float, Fact("Share of orders in stores in the last {days} days", "近{days}天门店订单占比", "share")
    ]
    web_order_share_364d: Annotated[
        float, Fact("Share of orders on the web in the last {days} days", "近{days}天网站订单占比", "share")
    ]
    app_order_share_364d: Annotated[
        float, Fact("Share of orders in the app in the last {days} days", "近{days}天应用订单占比", "share")
    ]
    phone_order_share_364d: Annotated[
        float, Fact("Share of orders by phone in the last {days} days", "近{days}天电话订单占比", "share")
    ]
    partner_order_share_364d: Annotated[
        float,
        Fact(
            "Share of orders through partners in the last {days} days", "近{days}天合作渠道订单占比", "share"
        ),
    ]
    order_channels_364d: Annotated[
        float,
        Fact("Different channels of orders in the last {days} days", "近{days}天下单渠道数", "channels"),
    ]
    online_order_share: Annotated[
        PerLongWindow,
        Fact(
            "Share of orders on the web or in the app in the last {days} days",
            "近{days}天线上订单占比",
            "share",
        ),
    ]


class StoreFacts(NamedTuple):
    """The stores a customer buys in."""

    stores: Annotated[
        PerLongWindow,
        Fact("Different stores bought in in the last {days} days", "近{days}天到店门店数", "stores"),
    ]


class DaytimeFacts(NamedTuple):
    """Orders by the base's local time."""

    weekend_order_share: Annotated[
        PerLongWindow,
        Fact(
            "Share of orders on Saturday or Sunday in the last {days} days", "近{days}天周末订单占比", "share"
        ),
    ]
    evening_order_share: Annotated[
        PerLongWindow,
        Fact(
            "Share of orders from 18:00 to midnight in the last {days} days",
            "近{days}天晚间订单占比",
            "share",
        ),
    ]
    night_order_share: Annotated[
        PerLongWindow,
        Fact(
            "Share of orders from midnight to 6:00 in the last {days} days", "近{days}天夜间订单占比", "share"
        ),
    ]


@family(ChannelFacts, sources=("transactions", "transactions.channel"), owner="commerce", since="0.1.0")
def channel(history: History, t: int) -> ChannelFacts:
    orders = np.zeros((len(SALES_CHANNELS) + 1, len(WINDOWS)))
    lines = history.transactions
    for i in range(len(lines)):
        if is_new_order(lines, i):
            add(orders[lines[i].channel], t, lines[i].at, 1.0)
    known = np.zeros(len(WINDOWS))
    used = 0
    for k in range(1, len(orders)):
        known += orders[k]
        used += orders[k, YEAR] > 0
    return ChannelFacts(
        store_order_share_364d=ratio(orders[STORE, YEAR], known[YEAR]),
        web_order_share_364d=ratio(orders[WEB, YEAR], known[YEAR]),
        app_order_share_364d=ratio(orders[APP, YEAR], known[YEAR]),
        phone_order_share_364d=ratio(orders[PHONE, YEAR], known[YEAR]),
        partner_order_share_364d=ratio(orders[PARTNER, YEAR], known[YEAR]),
        order_channels_364d=float(used),
        online_order_share=long_shares(orders[WEB] + orders[APP], known),
    )


@family(StoreFacts, sources=("transactions", "transactions.store_id"), owner="commerce", since="0.1.0")
def store(history: History, t: int) -> StoreFacts:
    lines = history.transactions
    numbers, count = numbered(codes_bought(lines, lines.store_id))
    return StoreFacts(per_long_window(distinct(numbers, count, lines.at, t)))


@family(DaytimeFacts, sources=("transactions",), owner="commerce", since="0.1.0")
def daytime(history: History, t: int) -> DaytimeFacts:
    orders, weekend = np.zeros(len(WINDOWS)), np.zeros(len(WINDOWS))
    evening, night = np.zeros(len(WINDOWS)), np.zeros(len(WINDOWS))
    lines = history.transactions
    for i in range(len(lines)):
        if not is_new_order(lines, i):
            continue
        at = lines[i].at
        add(orders, t, at, 1.0)
        if (lines[i].local_day + MONDAY) % 7 >= SATURDAY:
            add(weekend, t, at, 1.0)
        if lines[i].local_hour >= 18:
            add(evening, t, at, 1.0)
        elif lines[i].local_hour < 6:
            add(night, t, at, 1.0)
    return DaytimeFacts(
        weekend_order_share=long_shares(weekend, orders),
        evening_order_share=long_shares(evening, orders),
        night_order_share=long_shares(night, orders),
    )
