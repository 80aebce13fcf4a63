"""Spark gives the local engine's facts to the bit, and ten times the customers take at most tenfold time.

Both engines start from the same checked Parquet, made-up order lines of two years, and end with Parquet of
everybody's facts at one moment: Spark on all cores of this machine through its shuffle, the local engine by
sorting histories and reading them. Run at a tenth of `--customers` first, then at all of them. What Spark
and its workers take to start, before the first size, is timed apart. Every file that Spark wrote is compared
with the local facts of its customers. The last line of the output is one JSON object.
"""

import argparse
import json
import os
import platform
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features import warm
from features.reader import FactTable, read_facts
from pipelines.spark.job import facts_of, open_base
from pipelines.spark.session import session
from releases.home import Home
from tables.history import Histories, read_histories
from tables.moment import DAY
from tables.sorting import write_histories

T = 20_000 * DAY
CUSTOMERS_AT_ONCE = 20_000
GROWTH = 10.0
COLUMNS = [
    *("event_id", "at", "known_at", "deleted", "customer_id", "order_id", "quantity", "amount"),
    *("discount", "product_id", "channel", "store_id"),
]


def write_tables(folder: Path, customers: int, lines: int) -> None:
    """Checked order lines, two to an order on average, in any order of customers."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(1)
    writer = None
    for start in range(0, customers, CUSTOMERS_AT_ONCE):
        rows = _lines(random, np.arange(start, min(start + CUSTOMERS_AT_ONCE, customers)), lines)
        writer = writer or pq.ParquetWriter(folder / "transactions.parquet", rows.schema, compression="zstd")
        writer.write_table(rows)
    if writer:
        writer.close()
    base = {"columns": {"transactions": COLUMNS}, "time_zone": "UTC", "currency": "CNY", "minor_units": 100}
    (folder / "base.json").write_text(json.dumps(base), encoding="utf-8")


def _lines(random: np.random.Generator, customers: Any, lines: int) -> pa.Table:
    owner = np.repeat(customers, lines)
    number = random.integers(0, max(lines // 2, 1), len(owner))
    at = T - (owner * 7_919 + number * 104_729) % 700_001 * (728 * DAY // 700_001)
    quantity = random.choice([1, 1, 1, 2, 3, -1], len(owner))
    shuffled = random.permutation(len(owner))
    columns: dict[str, Any] = {
        "event_id": [f"e{place}-{k % lines}" for k, place in enumerate(owner.tolist())],
        "at": pa.array(at, pa.timestamp("us", "UTC")),
        "known_at": pa.array(at, pa.timestamp("us", "UTC")),
        "deleted": np.zeros(len(owner), bool),
        "customer_id": [f"c{place:09d}" for place in owner.tolist()],
        "order_id": [f"o{k}" for k in number.tolist()],
        "quantity": quantity,
        "amount": random.integers(100, 50_000, len(owner)) * np.sign(quantity),
        "discount": random.choice([0, 0, 500, 1_000], len(owner)),
        "product_id": [f"p{k}" for k in random.integers(1, 2_000, len(owner)).tolist()],
        "channel": random.choice(["store", "web", "app"], len(owner)),
        "store_id": [f"s{k}" for k in random.integers(1, 200, len(owner)).tolist()],
    }
    return pa.table({name: columns[name] for name in COLUMNS}).take(pa.array(shuffled))


def write_locally(tables: Path, into: Path) -> Histories:
    """The local engine, from checked tables to a Parquet file of facts."""
    write_histories(tables, into)
    histories = read_histories(into)
    writer = None
    for start in range(0, len(histories), CUSTOMERS_AT_ONCE):
        places = np.arange(start, min(start + CUSTOMERS_AT_ONCE, len(histories)))
        facts = read_facts(histories, places, T)
        rows = pa.table({"customer_id": histories.ids[places]} | _columns(facts))
        writer = writer or pq.ParquetWriter(into / "facts.parquet", rows.schema, compression="zstd")
        writer.write_table(rows)
    if writer:
        writer.close()
    return histories


def _columns(facts: FactTable) -> dict[str, pa.Array]:
    return {name: pa.array(facts.values[:, k], from_pandas=True) for k, name in enumerate(facts.names)}


def equal(folder: Path, histories: Histories) -> bool:
    """Whether Spark wrote every customer once, and the facts that the local engine reads."""
    seen = np.zeros(len(histories), int)
    for path in sorted(folder.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(CUSTOMERS_AT_ONCE):
                places = histories.places(batch["customer_id"].to_pylist())
                seen[places] += 1
                local = read_facts(histories, places, T)
                for k, name in enumerate(local.names):
                    theirs = np.asarray(batch[name].to_numpy(zero_copy_only=False), float)
                    if not np.array_equal(theirs, local.values[:, k], equal_nan=True):
                        return False
    return bool((seen == 1).all())


def seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    answer = run()
    return time.perf_counter() - begun, answer


@contextmanager
def watched_memory() -> Iterator[list[float]]:
    """The most memory (MB) that this process and its children held together: Spark's are processes of
    their own."""
    most, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            most[0] = max(most[0], sum(_resident(each) for each in _family()))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


def _family() -> set[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended this instant
            continue
    found = {os.getpid()}
    while more := {process for process, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _resident(process: int) -> float:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--lines-per-customer", type=int, default=20)
    parser.add_argument("--master", default="local[*]")
    parser.add_argument("--folder", type=Path, help="where passing files go; by default the system's place")
    options = parser.parse_args()
    ours: dict[str, float] = {}
    peers: dict[str, float] = {}
    same = True
    sizes = [max(options.customers // 10, 1), options.customers]
    warm.warm()
    with (
        TemporaryDirectory(prefix="holdfast-", dir=options.folder) as passing,
        watched_memory() as most,
        session(options.master) as spark,
    ):

        def by_spark(tables: Path, out: Path) -> None:
            base = open_base(spark, Home(tables), str(tables))
            facts_of(base, (T,)).write.parquet(str(out))

        folder = Path(passing)
        write_tables(folder / "few", 100, 2)
        start, _ = seconds(lambda: by_spark(folder / "few", folder / "few-facts"))
        for size in sizes:
            tables, facts, local = (folder / each for each in ("tables", "facts", "histories"))
            write_tables(tables, size, options.lines_per_customer)
            spent, _ = seconds(lambda t=tables, f=facts: by_spark(t, f))  # type: ignore[misc]
            ours[f"{size:,} customers"] = spent
            peer, histories = seconds(lambda t=tables, into=local: write_locally(t, into))  # type: ignore[misc]
            peers[f"local engine, {size:,} customers"] = peer
            whole = equal(facts, histories)
            same = same and whole
            print(f"{size:,}: Spark {spent:.1f} s, locally {peer:.1f} s; {'equal' if whole else 'NOT EQUAL'}")
            for each in (tables, facts, local):
                shutil.rmtree(each)
    few, many = ours.values()
    growth = many / few
    ratio = {name: spent / mine for (name, spent), mine in zip(peers.items(), ours.values(), strict=True)}
    result = {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {"customers": sizes, "lines": [size * options.lines_per_customer for size in sizes]},
        "ours": ours | {"the first 100 customers, with what workers take to start": start},
        "peers": peers,
        "ratio": ratio,
        "growth": growth,
        "peak_mb": most[0],
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("pyspark", "pyarrow", "numba", "numpy", "duckdb")},
        },
        "holds": same and growth <= GROWTH,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
