"""Several processes that take at once from one store of counters hold each other up, and never take too much.

Takes a second of one customer each, of a week with eight limits: in a file forced to disk at every request
(as the service has it), in a file that is not, and in Redis; alone, and two hundred in a request. The last
line of the output is one JSON object.
"""

import argparse
import json
import multiprocessing
import resource
import sqlite3
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import redis

from releases.counter import MICRO, Contact, Counters, Take, take
from releases.counter_file import FileCounters
from releases.counter_redis import RedisCounters
from tables.refusal import Refused

WEEK, LIMITS = "week", 8
MUCH = 10**9 * MICRO
STORES = ("file, forced", "file, not forced", "redis")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 200])
    parser.add_argument("--redis", default="redis://127.0.0.1:6379")
    asked = parser.parse_args()
    ours: dict[str, dict[str, int]] = {}
    exact = True
    for store in STORES:
        for processes in asked.processes:
            for at_once in asked.at_once:
                said, is_exact = _measure(store, asked.redis, processes, at_once, asked.seconds)
                name = f"{store}; {processes} processes; {at_once} at once"
                ours[name], exact = said, exact and is_exact
                print(f"{name}: {said}", flush=True)
    result = {
        "claim": __doc__.splitlines()[0],
        "size": vars(asked) | {"redis": bool(asked.redis)},
        "ours": ours,
        "peers": {},
        "ratio": {},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "versions": {"sqlite": sqlite3.sqlite_version, "redis": redis.__version__},
        "holds": exact,
    }
    print(json.dumps(result))


def _measure(
    store: str, url: str, processes: int, at_once: int, seconds: float
) -> tuple[dict[str, int], bool]:
    """Takes and refusals a second, and whether what is left is what was not taken."""
    space = f"holdfast-bench-{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory() as folder:
        place = (store, f"{folder}/store", url, space)
        counters = _open(*place)
        counters.identity(make=True)
        counters.begin(WEEK, [MUCH] * LIMITS)
        counters.close()
        with multiprocessing.get_context("fork").Pool(processes) as pool:
            asked = [(place, number, at_once, seconds) for number in range(processes)]
            done = pool.starmap(_take, asked, chunksize=1)
        left = _open(*place).look(WEEK, []).left
    if store == "redis":
        with redis.Redis.from_url(url) as server:
            for name in server.scan_iter(match=f"{{{space}}}:*", count=1000):
                server.delete(name)
    taken, refused = (sum(part) for part in zip(*done, strict=True))
    said = {"takes a second": round(taken / seconds), "refused a second": round(refused / seconds)}
    return said, set(left) == {MUCH - taken * MICRO}


def _take(place: tuple[str, str, str, str], number: int, at_once: int, seconds: float) -> tuple[int, int]:
    counters, until = _open(*place), time.perf_counter() + seconds
    taken, refused, customer = 0, 0, 0
    while time.perf_counter() < until:
        takes = [_one(f"{number}-{customer + k}") for k in range(at_once)]
        customer += at_once
        try:
            taken += sum(take(counters, WEEK, takes))
        except Refused:
            refused += at_once
    return taken, refused


def _one(customer: str) -> Take:
    contact = Contact(time.time_ns() // 1000, WEEK, "coupon", "sms", is_reserved=False)
    return Take(customer, "", contact, (MICRO,) * LIMITS)


def _open(store: str, path: str, url: str, space: str) -> Counters:
    counters: Any = RedisCounters(url, space) if store == "redis" else None
    return counters or FileCounters(Path(path), forced=store == "file, forced")


if __name__ == "__main__":
    main()
