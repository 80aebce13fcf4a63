"""What a customer puts into a basket: how much, and out of how many products, categories and brands."""

from typing import Annotated, Any, NamedTuple

import numpy as np

from features.family import Fact, PerLongWindow, family, inner
from features.number import count_distinct, number_bought
from features.scratch import zeros
from features.window import (
    CLASSES,
    YEAR,
    first_within,
    is_new_order,
    long_shares,
    per_long_window,
    ratio,
    windows,
)
from tables.history import History


class BasketFacts(NamedTuple):
    """Size of the baskets; returns do not count."""

    lines: Annotated[
        PerLongWindow, Fact("Lines bought in the last {days} days", "近{days}天购买行数", "lines")
    ]
    pieces: Annotated[
        PerLongWindow, Fact("Pieces bought in the last {days} days", "近{days}天购买件数", "pieces")
    ]
    lines_per_order: Annotated[
        PerLongWindow,
        Fact("Lines per order in the last {days} days", "近{days}天单均行数", "lines per order"),
    ]
    pieces_per_order: Annotated[
        PerLongWindow,
        Fact("Pieces per order in the last {days} days", "近{days}天单均件数", "pieces per order"),
    ]
    price_per_piece: Annotated[
        PerLongWindow,
        Fact(
            "Mean price paid for a piece in the last {days} days", "近{days}天件均价", "minor units per piece"
        ),
    ]


class ProductFacts(NamedTuple):
    """Breadth of products bought."""

    products: Annotated[
        PerLongWindow,
        Fact("Different products bought in the last {days} days", "近{days}天购买商品种数", "products"),
    ]
    lines_per_product_364d: Annotated[
        float,
        Fact(
            "Lines per different product in the last {days} days",
            "近{days}天单品平均购买次数",
            "lines per product",
        ),
    ]


class CategoryFacts(NamedTuple):
    """Breadth of categories bought."""

    categories: Annotated[
        PerLongWindow,
        Fact("Different categories bought in the last {days} days", "近{days}天购买品类数", "categories"),
    ]
    top_category_share_364d: Annotated[
        float,
        Fact(
            "Share of spend in the largest category in the last {days} days",
            "近{days}天最大品类消费占比",
            "share",
        ),
    ]
    category_concentration_364d: Annotated[
        float,
        Fact(
            "Herfindahl-Hirschman index of spend over categories in the last {days} days",
            "近{days}天品类消费集中度（赫芬达尔指数）",
            "share",
        ),
    ]


class BrandFacts(NamedTuple):
    """Breadth of brands bought."""

    brands: Annotated[
        PerLongWindow,
        Fact("Different brands bought in the last {days} days", "近{days}天购买品牌数", "brands"),
    ]
    top_brand_share_364d: Annotated[
        float,
        Fact(
            "Share of spend in the largest brand in the last {days} days",
            "近{days}天最大品牌消费占比",
            "share",
        ),
    ]


@family(BasketFacts, sources=("transactions",), owner="commerce", since="0.1.0")
def basket(history: History, t: int) -> BasketFacts:
    orders, bought, pieces, spend = zeros(CLASSES), zeros(CLASSES), zeros(CLASSES), zeros(CLASSES)
    lines = history.transactions
    for i in range(len(lines)):
        if lines[i].quantity < 0:
            continue
        age = lines[i].age
        orders[age] += is_new_order(lines, i)
        bought[age] += 1
        pieces[age] += lines[i].quantity
        spend[age] += lines[i].amount
    return BasketFacts(
        lines=per_long_window(bought),
        pieces=per_long_window(pieces),
        lines_per_order=long_shares(bought, orders),
        pieces_per_order=long_shares(pieces, orders),
        price_per_piece=long_shares(spend, pieces),
    )


@family(ProductFacts, sources=("transactions", "transactions.product_id"), owner="commerce", since="0.1.0")
def product(history: History, t: int) -> ProductFacts:
    lines = history.transactions
    lines = lines[first_within(lines, t, 364) :]
    numbers, products = zeros(len(lines)), zeros(CLASSES)
    count = number_bought(lines, lines.product_id, numbers)
    count_distinct(numbers, count, lines, products)
    named = 0
    for i in range(len(lines)):
        named += numbers[i] > 0
    return ProductFacts(per_long_window(products), ratio(named, windows(products)[YEAR]))


@inner
def add_up(lines: Any, numbers: Any, spend: Any) -> None:
    """Spend by the number of a category or brand; shape (count + 1,), 0 is no number."""
    for i in range(len(lines)):
        if numbers[i] > 0:
            spend[numbers[i]] += lines[i].amount


@inner
def largest_share(parts: Any) -> Any:
    whole, largest = 0, 0
    for k in range(len(parts)):
        whole += parts[k]
        largest = max(largest, parts[k])
    return ratio(largest, whole)


@inner
def concentration(parts: Any) -> Any:
    """Herfindahl-Hirschman index: the sum of squared shares, 1 when one part has it all."""
    whole, squares = 0, 0.0
    for k in range(len(parts)):
        whole += parts[k]
    for k in range(len(parts)):
        share = ratio(parts[k], whole)
        squares += share * share
    return squares if whole else np.nan


@family(CategoryFacts, sources=("transactions", "transactions.category"), owner="commerce", since="0.1.0")
def category(history: History, t: int) -> CategoryFacts:
    lines = history.transactions
    # Floats are added in the order of the categories, which must not depend on what is older.
    lines = lines[first_within(lines, t, 364) :]
    numbers, categories = zeros(len(lines)), zeros(CLASSES)
    count = number_bought(lines, lines.category, numbers)
    count_distinct(numbers, count, lines, categories)
    spend = zeros(count + 1)
    add_up(lines, numbers, spend)
    return CategoryFacts(
        categories=per_long_window(categories),
        top_category_share_364d=largest_share(spend),
        category_concentration_364d=concentration(spend),
    )


@family(BrandFacts, sources=("transactions", "transactions.brand"), owner="commerce", since="0.1.0")
def brand(history: History, t: int) -> BrandFacts:
    lines = history.transactions
    lines = lines[first_within(lines, t, 364) :]
    numbers, brands = zeros(len(lines)), zeros(CLASSES)
    count = number_bought(lines, lines.brand, numbers)
    count_distinct(numbers, count, lines, brands)
    spend = zeros(count + 1)
    add_up(lines, numbers, spend)
    return BrandFacts(brands=per_long_window(brands), top_brand_share_364d=largest_share(spend))
