"""What a customer tells others: reviews, shares, referrals."""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import Fact, PerLongWindow, family
from features.number import count_distinct, number
from features.scratch import zeros
from features.window import CLASSES, count_by_kind, days_since_row, of_kind, per_long_window, ratio, within
from tables.contract import INTERACTION_KINDS
from tables.history import History

REVIEW, SHARE, REFERRAL = (INTERACTION_KINDS.index(kind) + 1 for kind in ("review", "share", "referral"))
KINDS = len(INTERACTION_KINDS) + 1


class SocialFacts(NamedTuple):
    """Reviews, shares and referrals."""

    reviews: Annotated[
        PerLongWindow, Fact("Reviews in the last {days} days", "近{days}天评价次数", "reviews")
    ]
    shares: Annotated[PerLongWindow, Fact("Shares in the last {days} days", "近{days}天分享次数", "shares")]
    referrals: Annotated[
        PerLongWindow, Fact("Referrals in the last {days} days", "近{days}天推荐次数", "referrals")
    ]
    days_since_last_review: Annotated[
        float, Fact("Days since the last review", "距上次评价天数", "days", summary="the last review")
    ]
    days_since_last_share: Annotated[
        float, Fact("Days since the last share", "距上次分享天数", "days", summary="the last share")
    ]
    days_since_last_referral: Annotated[
        float,
        Fact(
            "Days since the last referral",
            "距上次推荐天数",
            "days",
            summary="the last referral",
            since="0.2.0",
        ),
    ]


class RatingFacts(NamedTuple):
    """Stars given in reviews, 1 to 5."""

    last_rating: Annotated[
        float, Fact("Rating of the last rated review", "最近一次评分", "stars", summary="the last rating")
    ]
    mean_rating: Annotated[
        float, Fact("Mean rating so far", "累计平均评分", "stars", summary="the number and sum of ratings")
    ]
    mean_rating_364d: Annotated[
        float, Fact("Mean rating in the last {days} days", "近{days}天平均评分", "stars")
    ]


class ReferralFacts(NamedTuple):
    """Whom the customer brought."""

    referred_customers: Annotated[
        PerLongWindow,
        Fact("Different customers referred in the last {days} days", "近{days}天推荐客户数", "customers"),
    ]


@family(SocialFacts, sources=("interactions",), owner="loyalty", since="0.1.0")
def social(history: History, t: int) -> SocialFacts:
    rows = history.interactions
    counts, last = zeros(KINDS * CLASSES), zeros(KINDS)
    count_by_kind(rows, counts, last)
    return SocialFacts(
        reviews=per_long_window(of_kind(counts, REVIEW)),
        shares=per_long_window(of_kind(counts, SHARE)),
        referrals=per_long_window(of_kind(counts, REFERRAL)),
        days_since_last_review=days_since_row(t, rows, last[REVIEW]),
        days_since_last_share=days_since_row(t, rows, last[SHARE]),
        days_since_last_referral=days_since_row(t, rows, last[REFERRAL]),
    )


@family(RatingFacts, sources=("interactions", "interactions.rating"), owner="loyalty", since="0.1.0")
def rating(history: History, t: int) -> RatingFacts:
    last = np.nan
    carried = history.carried.reviews
    ever, stars, recent, recent_stars = carried.ratings, carried.stars, 0, 0.0
    rows = history.interactions
    for i in range(len(rows)):
        if rows[i].kind != REVIEW or np.isnan(rows[i].rating):
            continue
        last = rows[i].rating
        ever += 1
        stars += last
        if within(t, rows[i].at, 364):
            recent += 1
            recent_stars += last
    return RatingFacts(last, ratio(stars, ever), ratio(recent_stars, recent))


@family(
    ReferralFacts,
    sources=("interactions", "interactions.referred_customer_id"),
    owner="loyalty",
    since="0.1.0",
)
def referral(history: History, t: int) -> ReferralFacts:
    rows = history.interactions
    referred, found = zeros(len(rows)), 0
    for i in range(len(rows)):
        if rows[i].kind == REFERRAL:
            referred[i] = rows[i].referred_customer_id
            found += 1
    if found == 0:
        return ReferralFacts((0.0, 0.0))
    numbers, customers = zeros(len(rows)), zeros(CLASSES)
    count = number(referred, numbers)
    count_distinct(numbers, count, rows, customers)
    return ReferralFacts(per_long_window(customers))
