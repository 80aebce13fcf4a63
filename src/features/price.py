"""What a customer pays: discounts, price against the list, and what is left after cost. Sales only."""

from typing import Annotated, NamedTuple

from features.family import Fact, PerLongWindow, PerWindow, family
from features.scratch import zeros
from features.window import CLASSES, long_shares, per_long_window, shares
from tables.history import MISSING_NUMBER, History


class DiscountFacts(NamedTuple):
    """How much of the price is taken off; a missing discount is none."""

    discount: Annotated[
        PerLongWindow, Fact("Discount in the last {days} days", "近{days}天优惠金额", "minor units")
    ]
    discount_share: Annotated[
        PerWindow,
        Fact(
            "Discount over the price before discount in the last {days} days", "近{days}天优惠占比", "share"
        ),
    ]
    discounted_line_share: Annotated[
        PerLongWindow,
        Fact(
            "Share of lines bought with a discount in the last {days} days",
            "近{days}天优惠购买行占比",
            "share",
        ),
    ]


class PriceFacts(NamedTuple):
    """Price paid against the list price known when the line was."""

    price_to_list: Annotated[
        PerLongWindow,
        Fact(
            "Paid over list price in the last {days} days, where known", "近{days}天成交价与标价之比", "ratio"
        ),
    ]


class SalesMarginFacts(NamedTuple):
    """Paid less unit cost, of the lines whose cost is known."""

    sales_margin: Annotated[
        PerLongWindow, Fact("Margin of sales in the last {days} days", "近{days}天销售毛利额", "minor units")
    ]
    sales_margin_share: Annotated[
        PerLongWindow,
        Fact("Margin of sales over spend in the last {days} days", "近{days}天销售毛利率", "share"),
    ]


@family(DiscountFacts, sources=("transactions", "transactions.discount"), owner="commerce", since="0.1.0")
def discount(history: History, t: int) -> DiscountFacts:
    taken_off, gross, bought, discounted = zeros(CLASSES), zeros(CLASSES), zeros(CLASSES), zeros(CLASSES)
    lines = history.transactions
    for i in range(len(lines)):
        if lines[i].quantity < 0:
            continue
        age = lines[i].age
        off = lines[i].discount if lines[i].discount != MISSING_NUMBER else 0
        bought[age] += 1
        gross[age] += lines[i].amount + off
        discounted[age] += off > 0
        taken_off[age] += off
    return DiscountFacts(
        discount=per_long_window(taken_off),
        discount_share=shares(taken_off, gross),
        discounted_line_share=long_shares(discounted, bought),
    )


@family(PriceFacts, sources=("transactions", "transactions.list_price"), owner="commerce", since="0.1.0")
def price(history: History, t: int) -> PriceFacts:
    paid, listed = zeros(CLASSES), zeros(CLASSES)
    lines = history.transactions
    for i in range(len(lines)):
        if lines[i].quantity > 0 and lines[i].list_price != MISSING_NUMBER:
            paid[lines[i].age] += lines[i].amount
            listed[lines[i].age] += lines[i].list_price * lines[i].quantity
    return PriceFacts(long_shares(paid, listed))


@family(SalesMarginFacts, sources=("transactions", "transactions.unit_cost"), owner="commerce", since="0.1.0")
def sales_margin(history: History, t: int) -> SalesMarginFacts:
    left, paid = zeros(CLASSES), zeros(CLASSES)
    lines = history.transactions
    for i in range(len(lines)):
        if lines[i].quantity > 0 and lines[i].unit_cost != MISSING_NUMBER:
            left[lines[i].age] += lines[i].amount - lines[i].unit_cost * lines[i].quantity
            paid[lines[i].age] += lines[i].amount
    return SalesMarginFacts(per_long_window(left), long_shares(left, paid))
