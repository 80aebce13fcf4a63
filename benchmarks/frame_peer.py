"""The facts of benchmarks.order_peer in pandas, Polars and featuretools.

pandas and Polars take lines as order_peer.one_query does: place, order_number, moment, channel, quantity,
amount, discount, product, shop, category, brand, list_price, unit_cost. All return one row a customer.
"""

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.order_base import T
from benchmarks.order_peer import BREADTHS, CHANNELS, LINE_SUMS, finished, spans, sums_asked_for
from features.family import WINDOWS
from tables.moment import DAY


def _with_values(lines: Any) -> dict[str, Any]:
    """The columns that are added up, of a pandas frame or in Polars' expressions (`lines` gives columns)."""
    moment = lines["moment"]
    return {
        "gross": lines["amount"] + lines["discount"],
        "discounted": lines["discount"] > 0,
        "listed": lines["list_price"] * lines["quantity"],
        "left": lines["amount"] - lines["unit_cost"] * lines["quantity"],
        "weekend": (moment // DAY + 3) % 7 >= 5,
        "evening": moment % DAY >= 18 * DAY // 24,
        "night": moment % DAY < 6 * DAY // 24,
        **{name: lines["channel"] == name for name in CHANNELS},
    }


def by_pandas(lines: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    asked = sums_asked_for()
    lines = lines.assign(one=1, **_with_values(lines))
    bought, returned = lines[lines.quantity > 0], lines[lines.quantity < 0]
    orders = bought.drop_duplicates(["place", "order_number", "moment"])
    kinds = {"bought": bought, "returned": returned, "any": lines}
    moments = orders.groupby("place").moment.agg(["max", "min", "size"])
    parts = {
        "last_order": moments["max"],
        "first_order": moments["min"],
        "orders_ever": moments["size"],
        "spend_ever": bought.groupby("place").amount.sum(),
        "last_return": returned.groupby("place").moment.max(),
    }
    for w, begin, end in spans():
        cut = {
            kind: rows[(rows.moment > T - begin * DAY) & (rows.moment <= T - end * DAY)]
            for kind, rows in (*kinds.items(), ("orders", orders))
        }
        for kind, rows in cut.items():
            if kind == "orders":
                wanted = {n: n for n in ("weekend", "evening", "night", *CHANNELS)} | {"orders": "one"}
            else:
                wanted = {name: value for name, (of, value) in LINE_SUMS.items() if of == kind}
            wanted = {name: value for name, value in wanted.items() if f"{name}_{w}" in asked}
            if wanted:
                sums = rows.groupby("place")[sorted(set(wanted.values()))].sum()
                parts |= {f"{name}_{w}": sums[value] for name, value in wanted.items()}
        for name, column in BREADTHS.items():
            if f"{name}_{w}" in asked:
                pairs = cut["bought"][["place", column]].drop_duplicates()
                parts[f"{name}_{w}"] = pairs.groupby("place").size()
    year = bought[bought.moment > T - 364 * DAY]
    spend = year.groupby(["place", "category"]).amount.sum()
    parts["top_category"] = spend.groupby("place").max()
    parts["squares"] = (spend.astype(float) ** 2).groupby("place").sum()
    parts["top_brand"] = year.groupby(["place", "brand"]).amount.sum().groupby("place").max()
    sums = pd.DataFrame(parts, index=pd.Index(np.sort(lines.place.unique()), name="place"))
    return _finish(sums, names)


_IN_PANDAS = {
    "nullif": lambda value, none: value.where(value != none),
    "pow": lambda value, n: value**n,
    "cast": lambda value: value * 1,
}


def _finish(sums: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """Divide; nobody's sum is 0, nobody's moment is missing."""
    kept = ("last_order", "first_order", "last_return", "top_category", "squares", "top_brand")
    columns = {name: sums[name] if name in kept else sums[name].fillna(0) for name in sums.columns}
    return pd.DataFrame(_divided(columns, names, _IN_PANDAS), index=sums.index)


def _divided(columns: dict[str, Any], names: tuple[str, ...], words: dict[str, Any]) -> dict[str, Any]:
    """The SQL of each fact over its sums, as the library computes it: the texts use only these words."""
    texts = {name: text.replace(" as int)", ")") for name, text in finished().items() if name in names}
    return {name: eval(text, {"__builtins__": {}}, words | columns) for name, text in texts.items()}


def by_polars(lines: Any, names: tuple[str, ...]) -> Any:
    """`lines`: a Polars LazyFrame; streamed in one plan."""
    import polars as pl  # noqa: PLC0415

    asked = sums_asked_for()
    col = {name: pl.col(name) for name in ("moment", "amount", "discount", "list_price", "quantity",
                                           "unit_cost", "channel")}  # fmt: skip
    lines = lines.with_columns(one=pl.lit(1), **_with_values(col))
    bought, returned = pl.col("quantity") > 0, pl.col("quantity") < 0
    kinds = {"bought": bought, "returned": returned, "any": pl.lit(True)}

    def within(begin: int, end: int) -> Any:
        return (pl.col("moment") > T - begin * DAY) & (pl.col("moment") <= T - end * DAY)

    of_lines = [
        pl.col("amount").filter(bought).sum().alias("spend_ever"),
        pl.col("moment").filter(returned).max().alias("last_return"),
    ]
    of_orders = [
        pl.col("moment").max().alias("last_order"),
        pl.col("moment").min().alias("first_order"),
        pl.len().alias("orders_ever"),
    ]
    for w, begin, end in spans():
        of_lines += [
            pl.col(value).filter(kinds[kind] & within(begin, end)).sum().alias(f"{name}_{w}")
            for name, (kind, value) in LINE_SUMS.items()
            if f"{name}_{w}" in asked
        ]
        of_lines += [
            pl.col(column).filter(bought & within(begin, end)).n_unique().alias(f"{name}_{w}")
            for name, column in BREADTHS.items()
            if f"{name}_{w}" in asked
        ]
        values = {n: n for n in ("weekend", "evening", "night", *CHANNELS)} | {"orders": "one"}
        of_orders += [
            pl.col(value).filter(within(begin, end)).sum().alias(f"{name}_{w}")
            for name, value in values.items()
            if f"{name}_{w}" in asked
        ]
    orders = lines.filter(bought).unique(["place", "order_number", "moment"]).group_by("place").agg(of_orders)
    year = lines.filter(bought & within(364, 0))
    spend, square = pl.col("amount"), pl.col("amount").cast(pl.Float64) ** 2
    categories = year.group_by("place", "category").agg(spend.sum()).group_by("place")
    brands = year.group_by("place", "brand").agg(spend.sum()).group_by("place")
    sums = lines.group_by("place").agg(of_lines)
    for other in (
        orders,
        categories.agg(spend.max().alias("top_category"), square.sum().alias("squares")),
        brands.agg(spend.max().alias("top_brand")),
    ):
        sums = sums.join(other, on="place", how="left")
    kept = ("place", "last_order", "first_order", "last_return", "top_category", "squares", "top_brand")
    every = [name for name in sums.collect_schema().names() if name not in kept]
    sums = sums.with_columns(pl.col(every).fill_null(0).cast(pl.Float64))
    columns = {name: pl.col(name) for name in [*every, *kept]}
    words = {
        "nullif": lambda value, none: pl.when(value != none).then(value),
        "pow": lambda value, n: value**n,
        "cast": lambda value: value.cast(pl.Int64),
    }
    facts = _divided(columns, names, words)
    return sums.select("place", **facts).collect()


def by_featuretools(lines: pd.DataFrame) -> pd.DataFrame:
    """Sums, counts and counts of different values of bought lines, a training window at a time."""
    import featuretools as ft  # noqa: PLC0415

    bought = lines[lines.quantity > 0].reset_index(drop=True)
    bought = bought.assign(line=bought.index, at=pd.to_datetime(bought.moment, unit="us"))
    for column in ("product", "category", "brand", "shop"):
        bought[column] = bought[column].astype("category")
    columns = ["line", "at", "place", "amount", "quantity", "discount", *BREADTHS.values()]
    entities = ft.EntitySet("base")
    entities.add_dataframe(
        pd.DataFrame({"place": np.sort(lines.place.unique())}), dataframe_name="customers", index="place"
    )
    entities.add_dataframe(bought[columns], dataframe_name="lines", index="line", time_index="at")
    entities.add_relationship("customers", "place", "lines", "place")
    found: dict[str, pd.Series[Any]] = {}
    for days in WINDOWS:
        made, _ = ft.dfs(
            entityset=entities, target_dataframe_name="customers",
            agg_primitives=["sum", "count", "num_unique"],
            trans_primitives=[], max_depth=1, cutoff_time=pd.Timestamp(T, unit="us"),
            training_window=f"{days} days",
        )  # fmt: skip
        called = {
            "spend": "SUM(lines.amount)", "pieces": "SUM(lines.quantity)", "discount": "SUM(lines.discount)",
            "lines": "COUNT(lines)",
            **{name: f"NUM_UNIQUE(lines.{column})" for name, column in BREADTHS.items()},
        }  # fmt: skip
        found |= {f"{name}_{days}d": made[theirs].astype(float).fillna(0) for name, theirs in called.items()}
    return pd.DataFrame(found)
