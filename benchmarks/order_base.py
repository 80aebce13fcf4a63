"""A made base of order lines, written as checked tables in chunks: they never stand in memory."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tables.contract import SALES_CHANNELS
from tables.moment import DAY

T = 20_000 * DAY
PRODUCTS, STORES = 2_000, 200
CUSTOMERS_A_CHUNK = 50_000
_INSTANT = pa.timestamp("us", "UTC")
LINE_COLUMNS = (
    "event_id", "at", "known_at", "deleted", "customer_id", "order_id", "quantity", "amount", "product_id",
    "discount", "channel", "store_id",
)  # fmt: skip


def customer_ids(places: Any) -> pa.Array:
    return _named("c", places, 8)


def write_tables(into: Path, customers: int, lines: int, days: int = 728) -> None:
    """Lines of so many days, two to an order on average, all known when they happened, and the products.

    An order has one moment and one channel. Customers are named by their places from 0 on.
    """
    into.mkdir(parents=True)
    _write_products(into / "products.parquet")
    writer = None
    for first in range(0, customers, CUSTOMERS_A_CHUNK):
        chunk = _lines(first, min(CUSTOMERS_A_CHUNK, customers - first), lines, days)
        writer = writer or pq.ParquetWriter(
            into / "transactions.parquet", chunk.schema, compression="zstd", write_page_checksum=True
        )
        writer.write_table(chunk)
    if writer:
        writer.close()
    product_columns = pq.read_schema(into / "products.parquet").names
    base = {
        "columns": {"transactions": list(LINE_COLUMNS), "products": product_columns},
        "time_zone": "UTC",
        "currency": "CNY",
        "minor_units": 100,
        "ends_at": datetime.fromtimestamp(T / 1e6, tz=UTC).isoformat(),
    }
    (into / "base.json").write_text(json.dumps(base), encoding="utf-8")


def _lines(first: int, customers: int, lines: int, days: int) -> pa.Table:
    rng = np.random.default_rng(first)
    count = customers * lines
    owner = first + np.repeat(np.arange(customers), lines)
    order = rng.integers(0, max(lines // 2, 1), count)
    # An order's moment and channel follow from who and which.
    slot = (owner * 7_919 + order * 104_729) % 700_001
    at = pa.array(T - slot * (days * DAY // 700_001)).cast(_INSTANT)
    quantity = rng.choice([1, 1, 1, 2, 3, -1], count)
    columns = (
        _named("e", first * lines + np.arange(count), 10),
        at,
        at,
        pa.array(np.zeros(count, np.bool_)),
        customer_ids(owner),
        _named("o", order, 4),
        quantity,
        rng.integers(100, 50_000, count) * np.sign(quantity),
        _named("p", rng.integers(0, PRODUCTS, count), 5),
        rng.choice([0, 0, 500, 1_000], count),
        pa.array(np.array(SALES_CHANNELS)[slot % len(SALES_CHANNELS)]),
        _named("s", rng.integers(0, STORES, count), 4),
    )
    return pa.table(dict(zip(LINE_COLUMNS, columns, strict=True)))


def _write_products(path: Path) -> None:
    rng = np.random.default_rng(2)
    number = np.arange(PRODUCTS)
    price = rng.integers(100, 50_000, PRODUCTS)
    begun = pa.array(np.full(PRODUCTS, T - 1_000 * DAY)).cast(_INSTANT)
    products = {
        "event_id": _named("v", number, 5),
        "at": begun,
        "known_at": begun,
        "deleted": np.zeros(PRODUCTS, np.bool_),
        "product_id": _named("p", number, 5),
        "category": _named("g", number % 40, 3),
        "brand": _named("b", number % 97, 3),
        "list_price": price,
        "unit_cost": price // 2,
    }
    pq.write_table(pa.table(products), path, write_page_checksum=True)


def _named(letter: str, numbers: npt.NDArray[Any], digits: int) -> pa.Array:
    padded = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), digits, "0")
    return pc.binary_join_element_wise(letter, padded, "")
