"""What a discount does to a customer: waiting for it, starting with it, stocking up on it."""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import Fact, family
from features.window import days_since, first_within, ratio
from tables.history import MISSING_NUMBER, History


class DealFacts(NamedTuple):
    """Sales only; a missing discount is none, and a deep one takes off a fifth of the price or more."""

    deep_discount_line_share_364d: Annotated[
        float,
        Fact(
            "Share of lines of the last {days} days bought at least 20 percent off",
            "近{days}天八折及以下购买行占比",
            "share",
        ),
    ]
    discount_stocking_up_364d: Annotated[
        float,
        Fact(
            "Pieces per line at least 20 percent off over pieces per other line in the last {days} days",
            "近{days}天八折及以下行与其他行的件数之比",
            "ratio",
        ),
    ]
    days_since_full_price_line: Annotated[
        float,
        Fact(
            "Days since anything was bought without a discount",
            "距上次原价购买天数",
            "days",
            summary="the last line without discount",
        ),
    ]
    has_discounted_first_order: Annotated[
        float,
        Fact(
            "First order had a discount",
            "首单是否使用优惠",
            "flag",
            summary="the first order's moment and whether it had one",
        ),
    ]


@family(DealFacts, sources=("transactions", "transactions.discount"), owner="commerce", since="0.2.0")
def deal(history: History, t: int) -> DealFacts:
    lines = history.transactions
    first, full_price_at, began_with_one = -1, -1, 0
    for i in range(len(lines)):
        if lines[i].quantity < 0:
            continue
        if first < 0:
            first = lines[i].at
        has_discount = lines[i].discount != MISSING_NUMBER and lines[i].discount > 0
        if not has_discount:
            full_price_at = lines[i].at
        elif lines[i].at == first:
            began_with_one = 1
    bought, pieces, deep, deep_pieces = 0, 0, 0, 0
    for i in range(first_within(lines, t, 364), len(lines)):
        if lines[i].quantity < 0:
            continue
        bought += 1
        pieces += lines[i].quantity
        off = lines[i].discount
        if off != MISSING_NUMBER and off > 0 and 5 * off >= lines[i].amount + off:
            deep += 1
            deep_pieces += lines[i].quantity
    return DealFacts(
        deep_discount_line_share_364d=ratio(deep, bought),
        discount_stocking_up_364d=ratio(ratio(deep_pieces, deep), ratio(pieces - deep_pieces, bought - deep)),
        days_since_full_price_line=days_since(t, full_price_at),
        has_discounted_first_order=float(began_with_one) if first >= 0 else np.nan,
    )
