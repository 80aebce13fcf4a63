"""A decision with the week's reasons takes at most 1.2 times one without; computed anew, 2 ms more at p50.

Over HTTP, by customer id, in turns, from one server: without reasons, with those that the week published, and
with exact SHAP values computed from the facts as they are read. At the week's moment both say the same, which
is checked before. The last line of the output is one JSON object.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import httpx

from benchmarks.endpoint import ROUTE, Peer, decide_for_everybody, driven, key_of, middle, running
from benchmarks.endpoint_home import made_home
from decisions.assess import IN_BASE
from releases.home import Home
from releases.week import read_week_rows

GOAL_STORED, GOAL_NOW = 1.2, 2.0
COMPARED = 200
WANTED = ("none", "stored", "now")


def asked(ids: list[str], wanted: str) -> dict[str, object]:
    """As of the week, where both kinds of reasons say the same."""
    return {"customer_ids": ids, "as_of": "week", "reasons": wanted}


def peers_of(shelf: Path, ids: list[str]) -> dict[str, Peer]:
    """One server under three names: what is asked differs."""
    command = [sys.executable, "-m", "serving.run", "--port"]
    found = {}
    for wanted in WANTED:
        bodies = shelf / f"{wanted}.txt"
        bodies.write_text("".join(json.dumps(asked([i], wanted)) + "\n" for i in ids))
        found[wanted] = Peer(f"ours, {wanted}", command, ROUTE, "/readyz", bodies)
    return found


def compare(url: str, key: dict[str, str], ids: list[str]) -> int:
    """How many sentences were compared."""
    told = {
        wanted: httpx.post(f"{url}{ROUTE}", json=asked(ids, wanted), headers=key, timeout=120).json()
        for wanted in WANTED
    }
    said = {
        wanted: [each["reasons"] and each["reasons"]["said"] for each in answer["customers"]]
        for wanted, answer in told.items()
    }
    assert said["stored"] == said["now"]
    assert said["none"] == [None] * len(ids)
    return sum(len(each) for each in said["now"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each kind at each number in a turn")
    parser.add_argument("--connections", default="1,16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keeps the home, which takes minutes, for the next run")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("expected wrk on the path; install it (Debian: apt-get install wrk)")
    connections = [int(each) for each in options.connections.split(",")]
    turns: dict[tuple[str, int], list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        shelf, folder = Path(name), options.folder or Path(name)
        folder.mkdir(exist_ok=True)
        home = made_home(folder.resolve(), options.customers)
        rows = read_week_rows(home / "weeks" / Home(home).published().week, columns=["customer_id", "status"])
        ids = [row["customer_id"] for row in rows.to_pylist() if row["status"] == IN_BASE]
        peers = peers_of(shelf, ids)
        with running(peers["none"], shelf, home) as url:
            key = key_of(Home(home))
            sentences = compare(url, key, ids[:COMPARED])
            decide_for_everybody(url, key, ids)
            for turn in range(options.rounds + 1):
                for number in connections:
                    for wanted, peer in peers.items():
                        # The first turn warms up.
                        figures = driven(peer, url, key, number, options.seconds if turn else 1.0)
                        if turn:
                            turns.setdefault((wanted, number), []).append(figures)
    told = {w: {str(number): middle(turns[w, number]) for number in connections} for w in WANTED}
    for wanted, by_number in told.items():
        for connected, figures in by_number.items():
            print(f"{wanted:7} {connected:>3} connections: {figures}")
    without = told["none"]
    ratio = {
        number: {
            "stored over none, p50": round(told["stored"][number]["p50"] / each["p50"], 3),
            "now more than none, p50 in ms": round(told["now"][number]["p50"] - each["p50"], 3),
        }
        for number, each in without.items()
    }
    result = {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {
            "customers": options.customers, "in the base": len(ids), "seconds": options.seconds,
            "rounds": options.rounds, "sentences compared": sentences,
        },
        "unit": "milliseconds",
        "ours": {wanted: told[wanted] for wanted in ("stored", "now")},
        "peers": {"none": without},
        "ratio": ratio,
        "load": os.getloadavg()[0],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {"python": platform.python_version(), "bentoml": version("bentoml")},
        "holds": all(
            each["stored over none, p50"] <= GOAL_STORED
            and each["now more than none, p50 in ms"] <= GOAL_NOW
            for each in ratio.values()
        )
        and not any(figures["errors"] for by_number in told.values() for figures in by_number.values()),
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
