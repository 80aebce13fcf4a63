"""Facts of orders are read five times as fast as by one DuckDB query, for one customer a hundred times.

Ours reads the families below for every customer at one moment (one and two threads) and for one customer
alone; the peer is one SQL query over the same lines as a DuckDB table. Both answers are compared. The last
line of the output is one JSON object.
"""

import argparse
import json
import platform
import resource
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.basket import basket, category, product
from features.catalogue import FAMILIES
from features.channel import store
from features.family import LONG_WINDOWS, WINDOWS, Family
from features.order import order
from features.price import discount, price, sales_margin
from features.reader import names_of, read_facts
from features.returns import returns
from tables.contract import CUSTOMER_TABLES
from tables.history import RECORD_TYPES, Histories, History, as_records
from tables.moment import DAY, FOREVER

COMPARED: tuple[Family[Any], ...] = (
    order,
    basket,
    product,
    category,
    discount,
    price,
    sales_margin,
    returns,
    store,
)
T = 20_000 * DAY
CALLS = 200
GOAL_ALL, GOAL_ONE = 5.0, 100.0  # times as fast as the peer, on as many threads


def made_base(customers: int, lines: int) -> Histories:
    """Lines of two years, two to an order on average; every table but transactions is empty."""
    rng = np.random.default_rng(1)
    count = customers * lines
    rows = np.zeros(count, RECORD_TYPES["transactions"])
    owner = np.repeat(np.arange(customers), lines)
    order_number = rng.integers(0, max(lines // 2, 1), count)
    # An order has one moment: it follows from who and which.
    slot = (owner * 7_919 + order_number * 104_729) % 700_001
    at = T - slot * (728 * DAY // 700_001)
    ranks = np.lexsort([np.arange(count), order_number, at, owner])
    rows["at"] = rows["seen_at"] = at[ranks]
    rows["until"] = FOREVER
    rows["event_id"] = np.arange(1, count + 1)
    rows["order_id"] = order_number[ranks] + 1
    rows["quantity"] = rng.choice([1, 1, 1, 2, 3, -1], count)
    rows["amount"] = rng.integers(100, 50_000, count) * np.sign(rows["quantity"])
    rows["discount"] = rng.choice([0, 0, 500, 1_000], count)
    rows["product_id"] = rng.integers(1, 2_000, count)
    rows["category"] = rows["product_id"] % 40 + 1
    rows["list_price"] = rng.integers(100, 50_000, count)
    rows["unit_cost"] = rows["list_price"] // 2
    rows["store_id"] = rng.integers(1, 200, count)
    tables = {name: np.zeros(0, RECORD_TYPES[name]) for name in CUSTOMER_TABLES} | {"transactions": rows}
    nothing = np.zeros(customers + 1, np.int64)
    offsets = dict.fromkeys(CUSTOMER_TABLES, nothing) | {"transactions": np.arange(customers + 1) * lines}
    present = {f"transactions.{column}" for column in rows.dtype.names or ()} | {*CUSTOMER_TABLES}
    return Histories(
        ids=np.array([f"c{k:09d}" for k in range(customers)], dtype=object),
        events=History(**{name: as_records(each) for name, each in tables.items()}),
        offsets=History(**offsets),
        present=frozenset(present),
        time_zone="UTC",
        currency="CNY",
        minor_units=2,
        first_at=T - 728 * DAY,
        last_at=T,
    )


def in_duckdb(histories: Histories) -> duckdb.DuckDBPyConnection:
    rows = histories.events.transactions
    columns = {name: pa.array(np.ascontiguousarray(rows[name])) for name in rows.dtype.names}
    owner = np.repeat(np.arange(len(histories)), np.diff(histories.offsets.transactions))
    columns["moment"] = columns.pop("at")  # `at` is a word of DuckDB's own
    db = duckdb.connect()
    db.register("came", pa.table({"place": owner, **columns}))
    db.execute("create table transactions as from came")
    db.unregister("came")
    return db


def one_query(lines: str = "transactions") -> str:
    """The compared facts of all lines, or of those that `lines` selects."""
    by_order = [
        f"({T} - max(moment)) / {DAY} as days_since_last_order",
        f"({T} - min(moment)) / {DAY} as days_since_first_order",
        "count(*) as orders_ever",
    ]
    by_line = [
        "coalesce(sum(amount) filter (bought), 0) as spend_ever",
        f"({T} - max(moment) filter (not bought)) / {DAY} as days_since_last_return",
    ]
    for days in WINDOWS:
        by_order.append(f"count(*) filter (moment > {T - days * DAY}) as orders_{days}d")
        bought = f"filter (bought and moment > {T - days * DAY})"
        back = f"filter (not bought and moment > {T - days * DAY})"
        by_line += [
            f"coalesce(sum(amount) {bought}, 0) as spend_{days}d",
            f"sum(amount) {bought} / any_value(orders_{days}d) as spend_per_order_{days}d",
            f"sum(discount) {bought} / sum(amount + discount) {bought} as discount_share_{days}d",
            f"count(*) {back} as returned_lines_{days}d",
        ]
        if days not in LONG_WINDOWS:
            continue
        by_line += [
            f"count(*) {bought} as lines_{days}d",
            f"coalesce(sum(quantity) {bought}, 0) as pieces_{days}d",
            f"nullif(count(*) {bought}, 0) / any_value(orders_{days}d) as lines_per_order_{days}d",
            f"sum(quantity) {bought} / any_value(orders_{days}d) as pieces_per_order_{days}d",
            f"sum(amount) {bought} / sum(quantity) {bought} as price_per_piece_{days}d",
            f"count(distinct product_id) {bought} as products_{days}d",
            f"count(distinct category) {bought} as categories_{days}d",
            f"count(distinct store_id) {bought} as stores_{days}d",
            f"coalesce(sum(discount) {bought}, 0) as discount_{days}d",
            f"avg(cast(discount > 0 as int)) {bought} as discounted_line_share_{days}d",
            f"sum(amount) {bought} / sum(list_price * quantity) {bought} as price_to_list_{days}d",
            f"coalesce(sum(amount - unit_cost * quantity) {bought}, 0) as sales_margin_{days}d",
            f"sum(amount - unit_cost * quantity) {bought} / sum(amount) {bought} "
            f"as sales_margin_share_{days}d",
            f"-coalesce(sum(amount) {back}, 0) as returned_amount_{days}d",
            f"-coalesce(sum(amount) {back}, 0) / nullif(sum(amount) {bought}, 0) as returned_share_{days}d",
        ]
    year = f"bought and moment > {T - 364 * DAY}"
    by_line.append(
        f"count(*) filter ({year}) / nullif(count(distinct product_id) filter ({year}), 0) "
        "as lines_per_product_364d"
    )
    return f"""
        with lines as (
          select *, quantity > 0 as bought from {lines} where seen_at <= {T} and until > {T}
        ), orders as (
          select distinct place, order_id, moment from lines where bought
        ), by_order as (
          select place, {", ".join(by_order)} from orders group by place
        ), by_line as (
          select place, {", ".join(by_line)} from lines left join by_order using (place) group by place
        ), by_category as (
          select place, category, sum(amount) as spend from lines where {year} group by all
        ), breadth as (
          select place, max(spend) / sum(spend) as top_category_share_364d,
            sum(pow(spend, 2)) / pow(sum(spend), 2) as category_concentration_364d
          from by_category group by place
        )
        select {", ".join(names_of(COMPARED))}
        from by_line left join by_order using (place) left join breadth using (place) order by place
    """


def seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    answer = run()
    return time.perf_counter() - begun, answer


def ask(db: duckdb.DuckDBPyConnection, threads: int, query: str) -> Any:
    db.execute(f"set threads = {threads}")
    return db.execute(query).fetchnumpy()


def agree(ours: npt.NDArray[np.float64], theirs: dict[str, Any]) -> bool:
    columns = [np.ma.filled(np.ma.asarray(theirs[n], dtype=np.float64), np.nan) for n in names_of(COMPARED)]
    return np.allclose(ours, np.column_stack(columns), rtol=1e-9, atol=1e-9, equal_nan=True)


def one_at_a_time(histories: Histories, place: int, families: tuple[Family[Any], ...]) -> float:
    """Seconds that one customer takes, called again and again."""
    only = np.array([place])
    spent, _ = seconds(lambda: [read_facts(histories, only, T, families) for _ in range(CALLS)])
    return spent / CALLS


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--lines-per-customer", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2, help="turns of ours and the peer; the best counts")
    options = parser.parse_args()
    histories = made_base(options.customers, options.lines_per_customer)
    everyone = np.arange(len(histories))
    someone = len(everyone) // 2
    db = in_duckdb(histories)
    first_read, _ = seconds(lambda: read_facts(histories, everyone[:1], T))
    read_facts(histories, everyone[:1], T, COMPARED)

    ours: dict[str, list[float]] = defaultdict(list)
    peers: dict[str, list[float]] = defaultdict(list)
    same = True
    for _ in range(options.rounds):
        for threads in (1, 2):
            read = partial(read_facts, histories, everyone, T, threads=threads)
            spent, table = seconds(partial(read, COMPARED))
            ours[f"compared facts, {threads} threads"].append(spent)
            spent, answer = seconds(partial(ask, db, threads, one_query()))
            peers[f"one DuckDB query, {threads} threads"].append(spent)
            same = same and agree(table.values, answer)
            spent, _ = seconds(partial(read, FAMILIES))
            ours[f"all facts, {threads} threads"].append(spent)
        ours["compared facts, one customer"].append(one_at_a_time(histories, someone, COMPARED))
        spent, _ = seconds(partial(ask, db, 2, one_query(f"(from transactions where place = {someone})")))
        peers["one DuckDB query, one customer"].append(spent)
        ours["all facts, one customer"].append(one_at_a_time(histories, someone, FAMILIES))
    best = {name: min(spent) for name, spent in ours.items()}
    best_peers = {name: min(spent) for name, spent in peers.items()}
    ratio = {
        name: spent / best[name.replace("one DuckDB query", "compared facts")]
        for name, spent in best_peers.items()
    }
    facts, compared = len(names_of()), len(names_of(COMPARED))
    print(
        f"{facts} facts ({compared} compared); the first read of a new process took {first_read:.1f} s; "
        f"{best['all facts, 2 threads'] / len(histories) * 1e6:.2f} us a customer on two threads, "
        f"{best['all facts, one customer'] * 1e6:.0f} us for one; "
        f"{facts * len(histories) / best['all facts, 2 threads']:,.0f} facts a second; "
        f"{'equal' if same else 'NOT EQUAL'}"
    )
    result = {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {
            "customers": options.customers,
            "lines": len(histories.events.transactions),
            "facts": facts,
            "compared": compared,
        },
        "ours": best,
        "peers": best_peers,
        "ratio": ratio,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "duckdb": duckdb.__version__,
        },
        "holds": same and all(r >= (GOAL_ONE if "one customer" in n else GOAL_ALL) for n, r in ratio.items()),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
