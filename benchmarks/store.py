"""Where the service keeps histories: files of the base, mapped, against LMDB and Redis.

All three hold the same rows, a customer's together; looked up are 1 and 100 customers at random, whose facts
are then read by the same compiled families, and compared. LMDB and Redis hold a value a customer, by id: the
rows of every table, one after the other. A new week swaps what is held: the files' base is verified by its
hashes and opened, while customers are looked up all the time in the one before; the others load it anew. The
last line of the output is one JSON object.
"""

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import redis

from benchmarks.increment import NOW, write_incoming
from benchmarks.own_redis import own_redis
from features.reader import read_facts
from releases.event_journal import FileJournal
from serving.clock import Clock
from serving.inbox import Inbox
from tables.cell import TIERS
from tables.checking import check_tables
from tables.contract import CUSTOMER_TABLES
from tables.history import NEARLY_ALL, Bucket, Histories, History, read_histories, themselves
from tables.record import STORED_TYPES, read_only
from tables.sealed import FileHashes, point, pointed, sealed_folder, verify
from tables.sorting import write_histories
from tables.timeline import Timelines

LOOKS = 300
AT_ONCE = 5000
COUNTS = np.dtype((np.int32, len(CUSTOMER_TABLES)))
Look = Callable[[Sequence[int]], "Looked"]


class Looked:
    """Customers whose rows were brought, read as those of a base are: all in one bucket, in their order."""

    def __init__(self, values: Sequence[bytes], timelines: Timelines, present: frozenset[str]) -> None:
        self.timelines, self.present = timelines, present
        counts = np.stack([np.frombuffer(value, np.int32, len(CUSTOMER_TABLES)) for value in values])
        rows, offsets = [], []
        begins = np.full(len(values), COUNTS.itemsize + 4)
        for k, name in enumerate(CUSTOMER_TABLES):
            size = STORED_TYPES[name].itemsize
            ends = begins + counts[:, k] * size
            parts = [value[a:b] for value, a, b in zip(values, begins.tolist(), ends.tolist(), strict=True)]
            nothing = read_only(np.empty(0, STORED_TYPES[name]))
            rows.append((np.frombuffer(b"".join(parts), STORED_TYPES[name]), *[nothing] * (TIERS - 1)))
            places = np.zeros((len(values) + 1, TIERS), np.int64)
            places[1:, 0] = np.cumsum(counts[:, k])
            offsets.append(places)
            begins = ends
        self.bucket = Bucket(History(*rows), History(*offsets), themselves(len(values)))

    def ids_of(self, places: Any) -> Any:
        raise NotImplementedError("facts need no names")

    def parts(self, places: Any) -> list[tuple[Bucket, Any, Any]]:
        return [(self.bucket, np.arange(len(places)), places)]


def values_of(histories: Histories) -> Iterator[tuple[int, bytes]]:
    """Every customer's place and rows, by time within a table."""
    for number in range(len(histories.buckets) - 1):
        bucket = histories.bucket(number)
        first = int(histories.buckets[number])
        for local in range(int(histories.buckets[number + 1]) - first):
            parts, counts = [], []
            for k in range(len(CUSTOMER_TABLES)):
                rows, offsets = bucket.rows[k], bucket.offsets[k]
                own = [rows[t][offsets[local, t] : offsets[local + 1, t]] for t in range(TIERS)]
                whole = np.concatenate(own) if sum(map(len, own)) else own[0]
                parts.append(whole[np.argsort(whole["at"], kind="stable")].tobytes())
                counts.append(len(whole))
            head = np.array(counts, np.int32).tobytes() + b"\0\0\0\0"
            yield first + local, head + b"".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="where the made base goes; by default a passing folder")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.build:
        build(asked.build)
        return
    folder = Path(tempfile.mkdtemp(prefix="store-", dir=asked.folder))
    try:
        print(json.dumps(compare(folder, asked.customers)))
    finally:
        shutil.rmtree(folder)


def compare(folder: Path, customers: int) -> dict[str, Any]:
    write_incoming(folder / "incoming", customers)
    subprocess.run([sys.executable, "-m", "benchmarks.store", "--build", str(folder)], check=True)
    shutil.rmtree(folder / "incoming")
    base = pointed(folder)
    assert base
    histories = read_histories(base / "histories")
    present, timelines = histories.present, histories.timelines
    result: dict[str, Any] = {}

    def mapped(places: Sequence[int]) -> Any:
        return live.snapshot(ids[list(places)].tolist())

    verify(base)  # as the service does before it opens a base, which also brings the files into memory
    began = time.perf_counter()
    live = opened(base, folder)
    loaded = time.perf_counter() - began
    ids = live.stored.ids
    result["mapped files"] = {
        "load_seconds": loaded,
        "bytes": bytes_in(base / "histories"),
        **looked(mapped, histories, by_name=True),
        **swapped(mapped, histories, base, folder),
    }

    with lmdb.open(str(folder / "lmdb"), map_size=64 * 2**30, subdir=True, sync=False) as store:
        began = time.perf_counter()
        for some in batches(values_of(histories)):
            with store.begin(write=True) as change:
                for place, value in some:
                    change.put(ids[place].encode(), value)
        loaded = time.perf_counter() - began

        def from_lmdb(places: Sequence[int]) -> Looked:
            with store.begin() as reading:
                return Looked(
                    [reading.get(ids[place].encode()) or b"" for place in places], timelines, present
                )

        size = (folder / "lmdb" / "data.mdb").stat().st_blocks * 512
        result["lmdb"] = {"load_seconds": loaded, "bytes": size, **looked(from_lmdb, histories)}
    shutil.rmtree(folder / "lmdb")

    with own_redis(folder) as url, redis.Redis.from_url(url) as client:
        began = time.perf_counter()
        for some in batches(values_of(histories)):
            client.mset({ids[place].encode(): value for place, value in some})
        loaded = time.perf_counter() - began

        def from_redis(places: Sequence[int]) -> Looked:
            found: Any = client.mget([ids[place].encode() for place in places])
            return Looked(found, timelines, present)

        memory: Any = client.info("memory")
        result["redis"] = {
            "load_seconds": loaded,
            "bytes": memory["used_memory"],
            **looked(from_redis, histories),
        }
    ours = result["mapped files"]
    return {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {"customers": customers, "lines": sum(histories.rows.values())},
        **result,
        "ratio": {
            f"{name}, {what}": result[name][what] / ours[what]
            for name in ("lmdb", "redis")
            for what in ("load_seconds", "bytes", "p50_us_of_1", "p50_us_of_100")
        },
        "versions": {
            "python": platform.python_version(),
            "redis": redis.__version__,
            "lmdb": lmdb.__version__,
        },
    }


def looked(look: Any, histories: Histories, *, by_name: bool = False) -> dict[str, float]:
    """Microseconds of a look-up with its facts; each is checked against the base's."""
    random = np.random.default_rng(1)
    found = {}
    for count in (1, 100):
        times = []
        for turn in range(LOOKS):
            places = random.choice(len(histories), count, replace=False)
            began = time.perf_counter()
            there = look(places.tolist())
            where = there.places if by_name else np.arange(count)
            facts = read_facts(there, where, histories.last_at, threads=1)
            times.append(time.perf_counter() - began)
            if turn % 50 == 0:
                whole = read_facts(histories, places, histories.last_at, threads=1)
                assert np.array_equal(facts.values, whole.values, equal_nan=True)
        found[f"p50_us_of_{count}"] = statistics.median(times) * 1e6
        found[f"p99_us_of_{count}"] = float(np.quantile(times, 0.99)) * 1e6
    return found


def opened(base: Path, folder: Path) -> Inbox:
    histories = read_histories(base / "histories", NEARLY_ALL)
    histories.open()
    return Inbox(histories, FileJournal(folder / "events"), Clock())


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def swapped(look: Any, histories: Histories, base: Path, folder: Path) -> dict[str, float]:
    """What a swap takes, and one back to what was served before; and one look-up with its facts meanwhile."""
    hash_of = FileHashes()

    def swap() -> float:
        began = time.perf_counter()
        verify(base, hash_of=hash_of)
        opened(base, folder)
        return time.perf_counter() - began

    random, times = np.random.default_rng(2), []
    with ThreadPoolExecutor(1) as aside:
        swapping = aside.submit(swap)
        while not swapping.done():
            place = int(random.integers(len(histories)))
            looking = time.perf_counter()
            there = look([place])
            read_facts(there, there.places, histories.last_at, threads=1)
            times.append(time.perf_counter() - looking)
    return {
        "swap_seconds": swapping.result(),
        "swap_bytes_verified": bytes_in(base),
        "swap_back_seconds": swap(),
        "p50_us_of_1_while_swapping": statistics.median(times) * 1e6,
        "p99_us_of_1_while_swapping": float(np.quantile(times, 0.99)) * 1e6,
        "longest_us_of_1_while_swapping": max(times) * 1e6,
    }


def batches(values: Iterator[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    some: list[tuple[int, bytes]] = []
    for each in values:
        some.append(each)
        if len(some) == AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def build(folder: Path) -> None:
    """The base's histories, in a process of its own: what building needs is not the service's."""
    with sealed_folder(folder) as base:
        check_tables(folder / "incoming" / "whole", base.path / "tables", folder / "refused", now=NOW)
        write_histories(base.path / "tables", base.path / "histories")
    point(folder, base.name)


if __name__ == "__main__":
    main()
