"""The same facts of order lines as people write them: one SQL query, pandas, Polars, featuretools."""

from collections.abc import Iterator

from benchmarks.order_base import T
from features.family import LONG_WINDOWS, WINDOWS
from tables.moment import DAY

CHANNELS = ("store", "web", "app", "phone", "partner")
# name -> (whether of lines bought, returned or both; what is added up)
LINE_SUMS = {
    "spend": ("bought", "amount"),
    "gross": ("bought", "gross"),
    "lines": ("bought", "one"),
    "pieces": ("bought", "quantity"),
    "discount": ("bought", "discount"),
    "discounted": ("bought", "discounted"),
    "listed": ("bought", "listed"),
    "sales_margin": ("bought", "left"),
    "returned_lines": ("returned", "one"),
    "paid_back": ("returned", "amount"),
    "net_spend": ("any", "amount"),
    "margin": ("any", "left"),
}
LINE_VALUES = {
    "amount": "amount",
    "one": "1",
    "quantity": "quantity",
    "discount": "discount",
    "gross": "amount + discount",
    "discounted": "cast(discount > 0 as int)",
    "listed": "list_price * quantity",
    "left": "amount - unit_cost * quantity",
}
ORDER_VALUES = {
    "orders": "1",
    "weekend": f"cast((moment // {DAY} + 3) % 7 >= 5 as int)",
    "evening": f"cast(moment % {DAY} >= {18 * DAY // 24} as int)",
    "night": f"cast(moment % {DAY} < {6 * DAY // 24} as int)",
    **{name: f"cast(channel = '{name}' as int)" for name in CHANNELS},
}
BREADTHS = {"products": "product", "categories": "category", "brands": "brand", "stores": "shop"}


def spans() -> Iterator[tuple[str, int, int]]:
    """Windows and the windows before them: (suffix, begins so many days ago, ends)."""
    for days in WINDOWS:
        yield f"{days}d", days, 0
        yield f"before_{days}d", 2 * days, days


def finished() -> dict[str, str]:
    """Fact -> SQL over the sums: what is divided at the end."""
    facts = {
        "days_since_last_order": f"({T} - last_order) / {DAY}",
        "days_since_first_order": f"({T} - first_order) / {DAY}",
        "orders_ever": "orders_ever",
        "spend_ever": "spend_ever",
        "days_since_last_return": f"({T} - last_return) / {DAY}",
        "lines_per_product_364d": "lines_364d / nullif(products_364d, 0)",
        "top_category_share_364d": "top_category / nullif(spend_364d, 0)",
        "category_concentration_364d": "squares / pow(nullif(spend_364d, 0), 2)",
        "top_brand_share_364d": "top_brand / nullif(spend_364d, 0)",
        "order_channels_364d": " + ".join(f"cast({name}_364d > 0 as int)" for name in CHANNELS),
    }
    facts |= {f"{name}_order_share_364d": f"{name}_364d / nullif(orders_364d, 0)" for name in CHANNELS}
    for days in WINDOWS:
        w = f"{days}d"
        facts |= {f"{name}_{w}": f"{name}_{w}" for name in ("orders", "spend", "returned_lines")}
        facts |= {f"{name}_{w}": f"{name}_{w}" for name in ("net_spend", "margin")}
        facts[f"spend_per_order_{w}"] = f"spend_{w} / nullif(orders_{w}, 0)"
        facts[f"discount_share_{w}"] = f"discount_{w} / nullif(gross_{w}, 0)"
        for name, what in (("order_trend", "orders"), ("spend_trend", "spend")):
            now, before = f"{what}_{w}", f"{what}_before_{w}"
            facts[f"{name}_{w}"] = f"({now} - {before}) / nullif({now} + {before}, 0)"
        if days not in LONG_WINDOWS:
            continue
        facts |= {f"{name}_{w}": f"{name}_{w}" for name in ("lines", "pieces", *BREADTHS, "discount")}
        facts |= {
            f"lines_per_order_{w}": f"lines_{w} / nullif(orders_{w}, 0)",
            f"pieces_per_order_{w}": f"pieces_{w} / nullif(orders_{w}, 0)",
            f"price_per_piece_{w}": f"spend_{w} / nullif(pieces_{w}, 0)",
            f"discounted_line_share_{w}": f"discounted_{w} / nullif(lines_{w}, 0)",
            f"price_to_list_{w}": f"spend_{w} / nullif(listed_{w}, 0)",
            f"sales_margin_{w}": f"sales_margin_{w}",
            f"sales_margin_share_{w}": f"sales_margin_{w} / nullif(spend_{w}, 0)",
            f"returned_amount_{w}": f"-paid_back_{w}",
            f"returned_share_{w}": f"-paid_back_{w} / nullif(spend_{w}, 0)",
            f"online_order_share_{w}": f"(web_{w} + app_{w}) / nullif(orders_{w}, 0)",
        }
        facts |= {f"{n}_order_share_{w}": f"{n}_{w} / nullif(orders_{w}, 0)"
                  for n in ("weekend", "evening", "night")}  # fmt: skip
    return facts


def sums_asked_for() -> set[str]:
    """What the facts name of the sums, so that nobody computes more."""
    words = " ".join(finished().values())
    for sign in "()+-*/,":
        words = words.replace(sign, " ")
    return set(words.split())


def one_query(lines: str, names: tuple[str, ...]) -> str:
    """The facts of `lines`, a relation with numbers for customers, orders, products and moments."""
    asked = sums_asked_for()
    kinds = {"bought": "bought and ", "returned": "not bought and ", "any": ""}

    def within(begin: int, end: int) -> str:
        return f"moment > {T - begin * DAY}" + (f" and moment <= {T - end * DAY}" if end else "")

    by_line = [
        "coalesce(sum(amount) filter (bought), 0) as spend_ever",
        "max(moment) filter (not bought) as last_return",
    ]
    by_order = ["max(moment) as last_order", "min(moment) as first_order", "count(*) as orders_ever"]
    for w, begin, end in spans():
        by_line += [
            f"coalesce(sum({LINE_VALUES[value]}) filter ({kinds[kind]}{within(begin, end)}), 0) as {name}_{w}"
            for name, (kind, value) in LINE_SUMS.items()
            if f"{name}_{w}" in asked
        ]
        by_line += [
            f"count(distinct {column}) filter (bought and {within(begin, end)}) as {name}_{w}"
            for name, column in BREADTHS.items()
            if f"{name}_{w}" in asked
        ]
        by_order += [
            f"coalesce(sum({value}) filter ({within(begin, end)}), 0) as {name}_{w}"
            for name, value in ORDER_VALUES.items()
            if f"{name}_{w}" in asked
        ]
    facts = finished()
    counted = ["orders_ever", *(each.rsplit(" ", maxsplit=1)[-1] for each in by_order[3:])]
    of_order = [f"coalesce({name}, 0) as {name}" for name in counted]
    year = f"bought and {within(364, 0)}"
    return f"""
        with lines as (
          select *, quantity > 0 as bought from {lines} where moment <= {T}
        ), orders as (
          select place, order_number, moment, any_value(channel) as channel from lines where bought
          group by all
        ), by_order as (
          select place, {", ".join(by_order)} from orders group by place
        ), by_line as (
          select place, {", ".join(by_line)} from lines group by place
        ), sums as (
          select by_line.*, last_order, first_order, {", ".join(of_order)}
          from by_line left join by_order using (place)
        ), by_category as (
          select place, max(spend) as top_category, sum(pow(spend, 2)) as squares from (
            select place, category, sum(amount) as spend from lines where {year} group by all
          ) group by place
        ), by_brand as (
          select place, max(spend) as top_brand from (
            select place, brand, sum(amount) as spend from lines where {year} group by all
          ) group by place
        )
        select place, {", ".join(f"{facts[name]} as {name}" for name in names)}
        from sums left join by_category using (place) left join by_brand using (place)
    """
