"""Facts are read from histories fifty times as fast as by one SQL query, from raw Parquet five times.

Ours reads a made base bucket by bucket on all cores: "from histories", and "from raw" with sorting checked
Parquet into histories before. Facts are dropped after each bucket. Peers compute the compared facts of the
same lines: DuckDB in one query from its own table and from the same Parquet, pandas, Polars and featuretools
from frames in memory, each on as many customers as it can do. Every measurement is a process of its own, in
turns; ratios are of seconds a customer, for the same facts. The last line of the output is one JSON object.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.frame_peer import by_featuretools, by_pandas, by_polars
from benchmarks.order_base import T, customer_ids, write_tables
from benchmarks.order_peer import finished, one_query
from features.basket import basket, brand, category, product
from features.catalogue import FAMILIES
from features.channel import channel, daytime, store
from features.family import Family
from features.order import order
from features.price import discount, price, sales_margin
from features.reader import names_of, read_facts
from features.returns import returns
from features.trend import order_trend
from features.value import margin, net_spend
from tables.history import Histories, read_histories
from tables.sorting import write_histories

COMPARED: tuple[Family[Any], ...] = (
    order, basket, product, category, brand, discount, price, sales_margin, returns, store, channel, daytime,
    order_trend, net_spend, margin,
)  # fmt: skip
NAMES = names_of(COMPARED)
SAMPLE = 20_000  # customers whose answers are compared
# As many customers as each can do in memory and minutes.
MOST = {"pandas": 300_000, "polars": 1_000_000, "featuretools": 5_000}
GOALS = {"one query, from histories": 50.0, "one query, from raw": 5.0, "pandas": 20.0}
MOST_MB = 8_000
LINES = """
    (select customer_id, order_id, product_id, store_id, channel, quantity, amount, discount,
      epoch_us(t."at") as moment, category, brand, list_price, unit_cost
    from '{0}/transactions.parquet' t join '{0}/products.parquet' p using (product_id))
"""
# Both as one_query wants them: with numbers in DuckDB's own table, with texts from raw Parquet.
NUMBERED = """
    select * replace (category[2:]::int as category, brand[2:]::int as brand), customer_id[2:]::int as place,
      order_id[2:]::int as order_number, product_id[2:]::int as product, store_id[2:]::int as shop
    from {0}
"""
TEXTS = """
    (select *, customer_id as place, order_id as order_number, product_id as product, store_id as shop
    from {0})
"""
Answer = tuple[float, int, Callable[[], Any]]  # seconds, customers, the sample's facts by name


def in_duckdb(folder: Path, name: str = ":memory:") -> duckdb.DuckDBPyConnection:
    db = duckdb.connect(name)
    db.execute(f"set threads = {os.cpu_count()}; set memory_limit = '16GB'; set TimeZone = 'UTC'")
    db.execute(f"set temp_directory = '{folder / 'spill'}'; set preserve_insertion_order = false")
    return db


def read_all(histories: Histories, families: tuple[Family[Any], ...]) -> None:
    for first, last in zip(histories.buckets[:-1], histories.buckets[1:], strict=True):
        read_facts(histories, np.arange(first, last), T, families)


def ours(folder: Path, families: tuple[Family[Any], ...], from_raw: bool) -> Answer:
    into = folder / ("sorted" if from_raw else "histories")
    # What is compiled is loaded before, as in any process that lives.
    read_facts(read_histories(folder / "histories"), np.arange(1), T, families)
    begun = time.perf_counter()
    if from_raw:
        write_histories(folder / "tables", into)
    histories = read_histories(into)
    read_all(histories, families)
    spent = time.perf_counter() - begun

    def sample() -> dict[str, Any]:
        wanted = histories.places(customer_ids(np.arange(min(SAMPLE, len(histories)))).to_pylist())
        facts = read_facts(histories, wanted, T, COMPARED)
        return dict(zip(facts.names, facts.values.T, strict=True))

    return spent, len(histories), sample


def by_query(folder: Path, from_raw: bool) -> Answer:
    db = in_duckdb(folder, ":memory:" if from_raw else str(folder / "lines.duckdb"))
    query = one_query(TEXTS.format(LINES.format(folder / "tables")) if from_raw else "lines", NAMES)
    begun = time.perf_counter()
    db.execute(f"create temp table answer as {query}")
    spent = time.perf_counter() - begun
    customers = db.execute("select count(*) from answer").fetchall()[0][0]
    first = customer_ids(np.array([min(SAMPLE, customers)]))[0] if from_raw else SAMPLE
    wanted = "select * from answer where place < ? order by place"
    return spent, customers, lambda: db.execute(wanted, [str(first) if from_raw else first]).df()


def by_frame(folder: Path, name: str) -> Answer:
    db = in_duckdb(folder, str(folder / "lines.duckdb"))
    texts = "customer_id, order_id, product_id, store_id"
    lines = db.sql(f"select * exclude ({texts}) from lines where place < {MOST[name]}").to_arrow_table()
    run: Callable[[], Any]
    if name == "polars":
        import polars as pl  # noqa: PLC0415

        columns = pl.DataFrame(lines)
        run = partial(by_polars, columns.lazy(), NAMES)
    else:
        frame: Any = lines.to_pandas()
        run = partial(by_pandas, frame, NAMES) if name == "pandas" else partial(by_featuretools, frame)
    begun = time.perf_counter()
    found: Any = run()
    spent = time.perf_counter() - begun
    rows = found
    if name == "polars":
        rows = found.sort("place").to_pandas()
    return spent, len(rows), lambda: rows.head(SAMPLE)


MEASURED: dict[str, Callable[[Path], Answer]] = {
    "compared facts, from raw": lambda folder: ours(folder, COMPARED, True),
    "compared facts, from histories": lambda folder: ours(folder, COMPARED, False),
    "all facts, from raw": lambda folder: ours(folder, FAMILIES, True),
    "all facts, from histories": lambda folder: ours(folder, FAMILIES, False),
    "one query, from raw": lambda folder: by_query(folder, True),
    "one query, from histories": lambda folder: by_query(folder, False),
    "pandas": lambda folder: by_frame(folder, "pandas"),
    "polars": lambda folder: by_frame(folder, "polars"),
    "featuretools": lambda folder: by_frame(folder, "featuretools"),
}
OURS = tuple(MEASURED)[:4]
PEERS = tuple(MEASURED)[4:]


def peak_mb() -> float:
    """Of this process alone: ru_maxrss begins with what the parent held when it made the child."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def measure(name: str, folder: Path) -> None:
    """In a process of its own: seconds, customers and memory as JSON, the sample's facts beside them."""
    spent, customers, sample = MEASURED[name](folder)
    peak = peak_mb()
    pd.DataFrame(sample()).to_parquet(folder / f"{name}.parquet", index=False)
    print(json.dumps({"seconds": spent, "customers": customers, "peak_mb": peak}))


def measured(name: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.features", "--measure", name, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"reason": (done.stderr.strip() or f"ended with {done.returncode}").splitlines()[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}: {found['seconds']:.2f} s, {found['customers']:,} customers, {found['peak_mb']:,.0f} MB")
    return found


def agree(folder: Path, name: str) -> bool:
    """Whether a peer's facts of the sample are ours; featuretools has some of them only."""
    mine = pd.read_parquet(folder / "compared facts, from histories.parquet")
    theirs = pd.read_parquet(folder / f"{name}.parquet")
    names = [each for each in NAMES if each in theirs]
    print(f"{name}: {len(names)} facts compared")

    def values(frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        return frame[names].head(min(len(mine), len(theirs))).to_numpy(np.float64, na_value=np.nan)

    wrong = ~np.isclose(values(mine), values(theirs), rtol=1e-9, atol=1e-9, equal_nan=True)
    if wrong.any():
        print(f"{name}: NOT EQUAL in {[n for k, n in enumerate(names) if wrong[:, k].any()]}")
    return bool(names) and not wrong.any()


def prepare(folder: Path, customers: int, lines: int) -> None:
    write_tables(folder / "tables", customers, lines)
    write_histories(folder / "tables", folder / "histories")
    db = in_duckdb(folder, str(folder / "lines.duckdb"))
    db.execute(f"create table lines as {NUMBERED.format(LINES.format(folder / 'tables'))} order by place")
    db.close()


def compare(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    prepare(folder, options.customers, options.lines_per_customer)
    wanted = [*OURS, *(name for name in PEERS if any(name.startswith(peer) for peer in options.peers))]
    best: dict[str, dict[str, Any]] = {}
    for _ in range(options.rounds):
        for name in wanted:
            found = measured(name, folder)
            shutil.rmtree(folder / "sorted", ignore_errors=True)
            if "reason" in found or found["seconds"] < best.get(name, {"seconds": np.inf}).get(
                "seconds", np.inf
            ):
                best[name] = found
    peers = {name: best[name] for name in wanted if name in PEERS}
    done = {name: each for name, each in peers.items() if "reason" not in each}
    same = {name: agree(folder, name) for name in done}
    ratio = {}
    for name, each in done.items():
        mine = best["compared facts, from " + ("raw" if name.endswith("raw") else "histories")]
        ratio[name] = each["seconds"] / each["customers"] / (mine["seconds"] / mine["customers"])
    peak = max(best[name]["peak_mb"] for name in OURS)
    return {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {
            "customers": options.customers, "lines": options.customers * options.lines_per_customer,
            "facts": len(names_of()), "compared": len(NAMES), "threads": os.cpu_count(),
            "customers_of_peers": {name: each["customers"] for name, each in done.items()},
        },
        "ours": {name: best[name]["seconds"] for name in OURS},
        "peers": {name: each["seconds"] for name, each in done.items()},
        "not_measured": {name: each["reason"] for name, each in peers.items() if "reason" in each},
        "ratio": ratio,
        "equal": same,
        "us_a_customer": best["all facts, from histories"]["seconds"] / options.customers * 1e6,
        "peak_mb": peak,
        "peak_mb_of_peers": {name: each["peak_mb"] for name, each in done.items()},
        "versions": {"python": platform.python_version()} | {
            name: version(name)
            for name in ("numpy", "numba", "duckdb", "pandas", "polars", "featuretools") if find_spec(name)
        },
        "holds": all(same.values()) and peak < MOST_MB
        and all(ratio.get(name, 0.0) >= goal for name, goal in GOALS.items()),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--lines-per-customer", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2, help="turns of ours and the peers; the best counts")
    every = ["one query", "pandas", "polars", "featuretools"]
    parser.add_argument("--peers", nargs="*", default=every, choices=every)
    parser.add_argument("--folder", type=Path, help="where the base is made (default: a temporary folder)")
    parser.add_argument("--measure", choices=list(MEASURED), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.folder)
        return
    if set(NAMES) - set(finished()):
        raise RuntimeError(f"the peers do not say {sorted(set(NAMES) - set(finished()))}")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        print(json.dumps(compare(options, Path(folder))))


if __name__ == "__main__":
    main()
