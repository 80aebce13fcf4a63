"""Where and at what time of day a customer buys."""

from typing import Annotated, NamedTuple

from features.family import Fact, PerLongWindow, family
from features.number import count_distinct, number_bought
from features.scratch import zeros
from features.window import CLASSES, first_within, is_new_order, long_shares, per_long_window, ratio, within
from tables.contract import SALES_CHANNELS
from tables.history import History

STORE, WEB, APP, PHONE, PARTNER = (
    SALES_CHANNELS.index(name) + 1 for name in ("store", "web", "app", "phone", "partner")
)
CHANNELS = len(SALES_CHANNELS) + 1
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
    by_channel, known, online = zeros(CHANNELS), zeros(CLASSES), zeros(CLASSES)
    lines = history.transactions
    for i in range(len(lines)):
        if not is_new_order(lines, i) or lines[i].channel == 0:
            continue
        channel, age = lines[i].channel, lines[i].age
        known[age] += 1
        online[age] += channel in (WEB, APP)
        by_channel[channel] += within(t, lines[i].at, 364)
    orders, used = 0, 0
    for k in range(CHANNELS):
        orders += by_channel[k]
        used += by_channel[k] > 0
    return ChannelFacts(
        store_order_share_364d=ratio(by_channel[STORE], orders),
        web_order_share_364d=ratio(by_channel[WEB], orders),
        app_order_share_364d=ratio(by_channel[APP], orders),
        phone_order_share_364d=ratio(by_channel[PHONE], orders),
        partner_order_share_364d=ratio(by_channel[PARTNER], orders),
        order_channels_364d=float(used),
        online_order_share=long_shares(online, known),
    )


@family(StoreFacts, sources=("transactions", "transactions.store_id"), owner="commerce", since="0.1.0")
def store(history: History, t: int) -> StoreFacts:
    lines = history.transactions
    lines = lines[first_within(lines, t, 364) :]
    numbers, stores = zeros(len(lines)), zeros(CLASSES)
    count = number_bought(lines, lines.store_id, numbers)
    count_distinct(numbers, count, lines, stores)
    return StoreFacts(per_long_window(stores))


@family(DaytimeFacts, sources=("transactions",), owner="commerce", since="0.1.0")
def daytime(history: History, t: int) -> DaytimeFacts:
    orders, weekend, evening, night = zeros(CLASSES), zeros(CLASSES), zeros(CLASSES), zeros(CLASSES)
    lines = history.transactions
    for i in range(len(lines)):
        if not is_new_order(lines, i):
            continue
        age, hour = lines[i].age, lines[i].local_hour
        orders[age] += 1
        weekend[age] += (lines[i].local_day + MONDAY) % 7 >= SATURDAY
        evening[age] += hour >= 18
        night[age] += hour < 6
    return DaytimeFacts(
        weekend_order_share=long_shares(weekend, orders),
        evening_order_share=long_shares(evening, orders),
        night_order_share=long_shares(night, orders),
    )
