"""Events a second, durable before they are acknowledged, against a bare append that is forced to disk.

Over HTTP, a purchase a request, from one server of one process: in a journal in the home, and in one in a
Redis of its own that forces every write. The peer reads the JSON, appends it to a file and forces that, and
judges nothing. Afterwards, what a start and a decision take beside a journal of that length. That none is
lost or counted twice is for tests/serving/test_faults_load.py. The last line printed is one JSON object.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.endpoint import Peer, driven, key_of, middle, running
from benchmarks.endpoint_home import made_home
from benchmarks.own_redis import own_redis
from releases.event_store import VARIABLE, open_journal
from releases.home import Home
from serving.decision import next_best_offers
from serving.question import Deciding
from serving.served import load
from tables.history import read_histories

# More than are told in a second, so that every request tells something new.
A_SECOND = 5_000
DECIDED = 200
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


def bodies_of(ids: list[str], path: Path, seconds: float) -> Path:
    """Purchases that nobody told of, one a line."""
    name = path.stem
    with path.open("w") as file:
        for k in range(int(A_SECOND * seconds)):
            event = {
                "table": "transactions", "event_id": f"{name}-{k}", "order_id": f"{name}-{k}",
                "customer_id": ids[k % len(ids)], "quantity": 1, "amount": 1000,
            }  # fmt: skip
            file.write(json.dumps({"events": [event]}) + "\n")
    return path


def later(home: Home, url: str) -> dict[str, float]:
    """What a start and a decision take beside this journal."""
    os.environ[VARIABLE] = url
    begun = time.perf_counter()
    entries = len(open_journal(home).since(0))
    read = time.perf_counter() - begun
    begun = time.perf_counter()
    served = load(home, home.published())
    loaded = time.perf_counter() - begun
    ids = [str(each) for each in served.histories.ids[:DECIDED]]
    spent = []
    for each in ids:
        asked = [Deciding(customer_ids=[each])]
        begun = time.perf_counter()
        next_best_offers(served, asked, None)
        spent.append(time.perf_counter() - begun)
    return {
        "entries": entries,
        "read, s": round(read, 3),
        "a whole start, s": round(loaded, 3),
        "a decision, ms": round(float(np.median(spent)) * 1e3, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each kind at each number in a turn")
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keeps the home, which takes minutes, for the next run")
    options = parser.parse_args()
    missing = [name for name in ("wrk", "redis-server") if not shutil.which(name)]
    if missing:
        sys.exit(f"expected {', '.join(missing)} on the path; install it (Debian: apt-get install wrk redis)")
    connections = [int(each) for each in options.connections.split(",")]
    with tempfile.TemporaryDirectory() as passing:
        shelf, folder = Path(passing), options.folder or Path(passing)
        folder.mkdir(exist_ok=True)
        made = made_home(folder.resolve(), options.customers)
        with own_redis(shelf, *DURABLE) as url:
            told, after = measure(options, made, shelf, url, connections)
    ratio = {
        kind: {
            str(n): round(told[kind][str(n)]["p50"] / told["bare append"][str(n)]["p50"], 2)
            for n in connections
        }
        for kind in ("file", "redis")
    }
    print(
        json.dumps(
            {
                "claim": (__doc__ or "").splitlines()[0],
                "size": {
                    "customers": options.customers,
                    "seconds": options.seconds,
                    "rounds": options.rounds,
                },
                "unit": "milliseconds",
                "ours": {kind: told[kind] for kind in ("file", "redis")},
                "peers": {"bare append": told["bare append"]},
                "ratio": {"p50 over a bare append": ratio},
                "afterwards": after,
                "load": os.getloadavg()[0],
                "versions": {"python": platform.python_version(), "bentoml": version("bentoml")},
                "holds": not any(each["errors"] for kind in told.values() for each in kind.values()),
            }
        )
    )


def measure(
    options: Any, made: Path, shelf: Path, url: str, connections: list[int]
) -> tuple[dict[str, dict[str, dict[str, float]]], dict[str, dict[str, float]]]:
    turns: dict[tuple[str, int], list[dict[str, float]]] = {}
    after = {}
    ours = [sys.executable, "-m", "serving.run", "--port"]
    bare = [sys.executable, "-m", "benchmarks.endpoint_peer", "append", "--home", str(shelf), "--port"]
    ids = read_histories(Home(made).current_base() / "histories").ids.tolist()
    for kind, command in (("file", ours), ("redis", ours), ("bare append", bare)):
        home = Home(shelf / kind.split(maxsplit=1)[0])
        shutil.copytree(made, home.path)
        for name in ("events", "counters", "counting", "decisions"):
            shutil.rmtree(home.path / name, ignore_errors=True)
        if kind == "redis":
            os.environ[VARIABLE] = url
        path = "/v1/events" if command is ours else "/"
        peer = Peer(kind, command, path, "/readyz", shelf)
        with running(peer, shelf, home.path) as server:
            key = key_of(home, "events")
            for turn in range(options.rounds + 1):
                for number in connections:
                    # The first turn warms up.
                    seconds = options.seconds if turn else 1.0
                    bodies = bodies_of(ids, shelf / f"{peer.name[:4]}-{turn}-{number}.txt", seconds)
                    figures = driven(peer._replace(bodies=bodies), server, key, number, seconds)
                    if turn:
                        turns.setdefault((kind, number), []).append(figures)
        if command is ours:
            after[kind] = later(home, os.environ.get(VARIABLE, ""))
        os.environ.pop(VARIABLE, None)
    kinds = dict.fromkeys(kind for kind, _ in turns)
    return {kind: {str(n): middle(turns[kind, n]) for n in connections} for kind in kinds}, after


if __name__ == "__main__":
    main()
