"""Merging a week into 104 weeks of history reads and takes ten times less than building anew.

Both begin with the rows as they came (the week's feed; all 105 weeks), check them and end with the base's
histories, whose bytes are compared. Each runs alone in a process of its own, with nothing of its input in the
page cache; bytes read are what the process took from the disk. The histories' share of the time is also taken
with nothing written. The last line of the output is one JSON object.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tables import merging, sorting
from tables.checking import check_tables
from tables.feed import Onto
from tables.moment import DAY
from tables.small_table import write_timelines_and_owners

WEEK = 7 * DAY
# The last of the 105 weeks is the second of a block of four: an ordinary week for the youngest tier.
FIRST = 2_704 * WEEK + WEEK - 104 * WEEK
NOW = datetime(2026, 11, 22, tzinfo=UTC)
BASE = {"source": "made", "description": "", "time_zone": "UTC", "currency": "CNY", "minor_units": 100}
WEEKS, LINES = 104, 20
PRODUCTS = 5_000
CORRECTED = 200  # one line in so many is corrected some weeks later
GOAL = 10.0


def made_week(customers: int, week: int, event: int) -> dict[str, Any]:
    """A week's order lines; event: the first number of their ids."""
    rng = np.random.default_rng(week)
    count = customers * LINES // WEEKS
    at = FIRST + week * WEEK + np.sort(rng.integers(0, WEEK, count))
    numbers = np.arange(event, event + count)
    quantity = rng.choice([1, 1, 1, 2, 3, -1], count)
    return {
        "event_id": [f"t{k:010d}" for k in numbers],
        "at": at,
        "known_at": at,
        "deleted": np.zeros(count, bool),
        "customer_id": [f"c{k:09d}" for k in rng.integers(0, customers, count)],
        "order_id": [f"o{k:010d}" for k in numbers // 2],
        "quantity": quantity,
        "amount": rng.integers(100, 50_000, count) * np.sign(quantity),
        "product_id": [f"p{k:05d}" for k in rng.integers(0, PRODUCTS, count)],
        "discount": rng.choice([0, 0, 500, 1_000], count),
        "channel": rng.choice(["store", "web", "app"], count),
        "store_id": [f"s{k:03d}" for k in rng.integers(0, 200, count)],
    }


def corrections(rows: dict[str, Any], week: int) -> dict[str, Any]:
    """Later versions, known in `week`, of some lines of an earlier one; a third withdraw theirs."""
    chosen = np.arange(week % CORRECTED, len(rows["event_id"]), CORRECTED)
    some = {name: np.asarray(column)[chosen] for name, column in rows.items()}
    some["known_at"] = FIRST + week * WEEK + np.arange(len(chosen))
    some["deleted"] = np.arange(len(chosen)) % 3 == 0
    return some | {"amount": np.sign(some["quantity"]) * 99}


def schema_of(rows: dict[str, Any]) -> pa.Schema:
    instant = pa.timestamp("us", "UTC")
    return pa.schema(
        [(n, instant if n in ("at", "known_at") else pa.array(column[:1]).type) for n, column in rows.items()]
    )


def write_incoming(folder: Path, customers: int) -> None:
    """whole/: all weeks; before/: all but the last; feed/: the last one."""
    writers: dict[str, pq.ParquetWriter] = {}
    for name in ("whole", "before", "feed"):
        (folder / name).mkdir(parents=True)
        (folder / name / "base.json").write_text(json.dumps(BASE))
    past: dict[int, dict[str, Any]] = {}
    for week in range(WEEKS + 1):
        rows = made_week(customers, week, week * (customers * LINES // WEEKS) * 2)
        parts = [rows]
        if week >= 10:
            parts.append(corrections(past.pop(week - 10), week))
        past[week] = rows
        for name in ("whole", "feed" if week == WEEKS else "before"):
            path = folder / name / "transactions.parquet"
            for part in parts:
                table = pa.table({n: pa.array(c) for n, c in part.items()}).cast(schema_of(rows))
                if name not in writers:
                    writers[name] = pq.ParquetWriter(path, table.schema, compression="zstd")
                writers[name].write_table(table)
    for writer in writers.values():
        writer.close()
    start = np.full(customers, FIRST)
    ids = [f"c{k:09d}" for k in range(customers)]
    small = {
        "customers": {"event_id": ids, "at": start, "customer_id": ids, "joined_at": start},
        "products": {
            "event_id": [f"p{k:05d}" for k in range(PRODUCTS)],
            "at": np.full(PRODUCTS, FIRST),
            "product_id": [f"p{k:05d}" for k in range(PRODUCTS)],
            "category": [f"category {k % 40}" for k in range(PRODUCTS)],
            "list_price": np.arange(PRODUCTS) * 10,
        },
    }
    for name in ("whole", "before"):
        for table, rows in small.items():
            instants = {
                n: pa.array(c, pa.timestamp("us", "UTC")) for n, c in rows.items() if n.endswith("at")
            }
            pq.write_table(pa.table(rows | instants), folder / name / f"{table}.parquet")


def build(incoming: Path, into: Path) -> dict[str, float]:
    return _timed(
        lambda: check_tables(incoming, into / "tables", into / "refused", now=NOW),
        lambda out: sorting.write_histories(into / "tables", out),
        into,
    )


def merge(incoming: Path, old: Path, into: Path) -> dict[str, float]:
    onto = Onto(old / "tables", old / "histories")
    tables = into / "tables"

    def check() -> None:
        report = check_tables(incoming, tables, into / "refused", now=NOW, onto=onto)
        for path in onto.tables.glob("*.parquet"):
            (tables / path.name).hardlink_to(path)
        assert not any(table.refused for table in report.tables.values())

    def histories(out: Path) -> None:
        base = json.loads((tables / "base.json").read_text())
        out.mkdir()
        write_timelines_and_owners(tables, base, out)
        feed = tables / onto.file_name("transactions")
        ids = pq.read_table(feed, columns=["customer_id"])["customer_id"].combine_chunks()
        merging.merge_histories(onto.histories, {"transactions": [feed]}, base, out, ids)

    return _timed(check, histories, into)


def _timed(check: Any, histories: Any, into: Path) -> dict[str, float]:
    into.mkdir()
    begun, read = time.perf_counter(), _read_bytes()
    check()
    checked = time.perf_counter()
    histories(into / "histories")
    ended, taken = time.perf_counter(), _read_bytes() - read
    for module in (sorting, merging):
        setattr(module, "write_filtered", _write_nothing)  # noqa: B010 - no type checker need know
    again = time.perf_counter()
    histories(into / "unwritten")
    return {
        "check_seconds": checked - begun,
        "histories_seconds": ended - checked,
        "histories_seconds_without_writing": time.perf_counter() - again,
        "bytes_read": taken,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _write_nothing(*_: Any) -> None:
    """In the place of writing a cell."""


def _read_bytes() -> int:
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["read_bytes"])


def forget(folder: Path) -> None:
    """Take the files out of the page cache."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def alone(folder: Path, *arguments: str) -> dict[str, float]:
    """In a process of its own, which has compiled before its input leaves the cache."""
    forget(folder)
    command = [sys.executable, "-m", "benchmarks.increment", "--child", *arguments]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found


def same_bytes(one: Path, other: Path) -> bool:
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    theirs = sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    return files == theirs and all((one / f).read_bytes() == (other / f).read_bytes() for f in files)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where the made base goes; by default a passing folder")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        job, *paths = options.child
        print(json.dumps((build if job == "build" else merge)(*map(Path, paths))))
        return
    folder = Path(tempfile.mkdtemp(prefix="increment-", dir=options.folder))
    try:
        result = compare(folder, options.customers)
    finally:
        shutil.rmtree(folder)
    print(json.dumps(result))


def compare(folder: Path, customers: int) -> dict[str, Any]:
    incoming = folder / "incoming"
    write_incoming(incoming, customers)
    build(incoming / "before", folder / "old")
    shutil.rmtree(folder / "old" / "unwritten")
    peer = alone(folder, "build", str(incoming / "whole"), str(folder / "anew"))
    ours = alone(folder, "merge", str(incoming / "feed"), str(folder / "old"), str(folder / "merged"))
    same = same_bytes(folder / "anew" / "histories", folder / "merged" / "histories")
    whole = {
        name: each["check_seconds"] + each["histories_seconds_without_writing"]
        for name, each in (("ours", ours), ("peer", peer))
    }
    ratio = {
        "bytes read": peer["bytes_read"] / max(1, ours["bytes_read"]),
        "time, check and histories, histories not written": whole["peer"] / whole["ours"],
        "time of the histories without writing": peer["histories_seconds_without_writing"]
        / ours["histories_seconds_without_writing"],
    }
    stored = sum(p.stat().st_size for p in (folder / "merged" / "histories").rglob("*") if p.is_file())
    print(
        f"{'equal bytes' if same else 'NOT EQUAL'}; read {ours['bytes_read'] / 1e6:,.0f} MB against "
        f"{peer['bytes_read'] / 1e6:,.0f} MB; {ratio}"
    )
    return {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {
            "customers": customers,
            "lines": customers * LINES,
            "weeks": WEEKS,
            "histories_bytes": stored,
        },
        "ours": ours,
        "peers": {"building anew": peer},
        "ratio": ratio,
        "peak_mb": ours["peak_mb"],
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "duckdb": duckdb.__version__,
        },
        "holds": same and all(each >= GOAL for each in ratio.values()),
    }


if __name__ == "__main__":
    main()
