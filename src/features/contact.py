"""What we sent or showed a customer, and what we held back."""

from typing import Annotated, NamedTuple

from features.family import Fact, PerLongWindow, PerWindow, family
from features.scratch import zeros
from features.window import (
    CLASSES,
    count_by_kind,
    days_since_row,
    of_kind,
    per_long_window,
    per_window,
    ratio,
    within,
)
from tables.contract import CONTACT_CHANNELS, OFFER_KINDS, Contacts
from tables.history import MISSING_NUMBER, History

SENT, SHOWN, HELD_BACK = (Contacts.kind.choices.index(kind) + 1 for kind in ("sent", "shown", "held_back"))
KINDS, CHANNELS, OFFERS = HELD_BACK + 1, len(CONTACT_CHANNELS) + 1, len(OFFER_KINDS) + 1
COUPON, POINTS, DELIVERY, GIFT, REBATE, PRODUCT, CARE, WIN_BACK = (
    OFFER_KINDS.index(kind) + 1
    for kind in (
        "coupon",
        "points_multiplier",
        "free_delivery",
        "gift",
        "rebate",
        "product",
        "care",
        "win_back",
    )
)


class ContactFacts(NamedTuple):
    """Contacts made (sent or shown) and held back."""

    contacts: Annotated[PerWindow, Fact("Contacts in the last {days} days", "近{days}天触达次数", "contacts")]
    contacts_held_back: Annotated[
        PerLongWindow,
        Fact("Contacts held back in the last {days} days", "近{days}天对照组未触达次数", "contacts"),
    ]
    days_since_last_contact: Annotated[
        float, Fact("Days since the last contact", "距上次触达天数", "days", summary="the last contact")
    ]


class ContactChannelFacts(NamedTuple):
    """On how many channels we spoke to the customer."""

    contact_channels_364d: Annotated[
        float,
        Fact("Different channels of contacts in the last {days} days", "近{days}天触达渠道数", "channels"),
    ]


class OfferKindFacts(NamedTuple):
    """Contacts made by the kind of their offer."""

    coupons_offered_91d: Annotated[
        float, Fact("Coupons offered in the last {days} days", "近{days}天优惠券触达次数", "contacts")
    ]
    points_multipliers_offered_91d: Annotated[
        float,
        Fact("Points multipliers offered in the last {days} days", "近{days}天积分加倍触达次数", "contacts"),
    ]
    free_deliveries_offered_91d: Annotated[
        float, Fact("Free deliveries offered in the last {days} days", "近{days}天免运费触达次数", "contacts")
    ]
    gifts_offered_91d: Annotated[
        float, Fact("Gifts offered in the last {days} days", "近{days}天赠品触达次数", "contacts")
    ]
    rebates_offered_91d: Annotated[
        float, Fact("Rebates offered in the last {days} days", "近{days}天返利触达次数", "contacts")
    ]
    products_offered_91d: Annotated[
        float, Fact("Products offered in the last {days} days", "近{days}天商品推荐触达次数", "contacts")
    ]
    care_offered_91d: Annotated[
        float, Fact("Care contacts in the last {days} days", "近{days}天关怀触达次数", "contacts")
    ]
    win_backs_offered_91d: Annotated[
        float, Fact("Win-back offers in the last {days} days", "近{days}天召回触达次数", "contacts")
    ]


class RewardFacts(NamedTuple):
    """How much we offered."""

    mean_reward_offered_364d: Annotated[
        float,
        Fact(
            "Mean reward of the offers of the last {days} days", "近{days}天触达优惠平均面值", "minor units"
        ),
    ]


@family(ContactFacts, sources=("contacts",), owner="marketing", since="0.1.0")
def contact(history: History, t: int) -> ContactFacts:
    rows = history.contacts
    counts, last = zeros(KINDS * CLASSES), zeros(KINDS)
    count_by_kind(rows, counts, last)
    made = of_kind(counts, SENT)
    shown = of_kind(counts, SHOWN)
    for k in range(CLASSES):
        made[k] += shown[k]
    return ContactFacts(
        contacts=per_window(made),
        contacts_held_back=per_long_window(of_kind(counts, HELD_BACK)),
        days_since_last_contact=days_since_row(t, rows, max(last[SENT], last[SHOWN])),
    )


@family(ContactChannelFacts, sources=("contacts", "contacts.channel"), owner="marketing", since="0.1.0")
def contact_channel(history: History, t: int) -> ContactChannelFacts:
    used = 0  # a bit a channel
    rows = history.contacts
    for i in range(len(rows)):
        if rows[i].kind != HELD_BACK and within(t, rows[i].at, 364):
            used |= 1 << int(rows[i].channel)
    channels = 0
    for k in range(1, CHANNELS):
        channels += (used >> k) & 1
    return ContactChannelFacts(float(channels))


@family(OfferKindFacts, sources=("contacts", "contacts.offer_kind"), owner="marketing", since="0.1.0")
def offer_kind(history: History, t: int) -> OfferKindFacts:
    counts = zeros(OFFERS)
    rows = history.contacts
    for i in range(len(rows)):
        if rows[i].kind != HELD_BACK:
            counts[rows[i].offer_kind] += within(t, rows[i].at, 91)
    return OfferKindFacts(
        coupons_offered_91d=float(counts[COUPON]),
        points_multipliers_offered_91d=float(counts[POINTS]),
        free_deliveries_offered_91d=float(counts[DELIVERY]),
        gifts_offered_91d=float(counts[GIFT]),
        rebates_offered_91d=float(counts[REBATE]),
        products_offered_91d=float(counts[PRODUCT]),
        care_offered_91d=float(counts[CARE]),
        win_backs_offered_91d=float(counts[WIN_BACK]),
    )


@family(RewardFacts, sources=("contacts", "contacts.reward"), owner="marketing", since="0.1.0")
def reward(history: History, t: int) -> RewardFacts:
    offered, count = 0, 0
    rows = history.contacts
    for i in range(len(rows)):
        if rows[i].kind != HELD_BACK and rows[i].reward != MISSING_NUMBER and within(t, rows[i].at, 364):
            offered += rows[i].reward
            count += 1
    return RewardFacts(ratio(offered, count))
