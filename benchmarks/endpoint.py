"""A whole decision over HTTP takes at most 1.5 times the floor: our model calls alone on a bare Starlette.

Ours by customer id: facts read anew, churn, value, 40 offers, choice, log on disk; and the same counted, as a
decision is unless told not to: limits and caps are looked up and taken from, on disk. Peers: a constant and
the floor on Starlette with uvloop, an empty BentoML route, BentoML as its tutorial shows it, FastAPI and
`mlflow models serve`, these three with the churn model alone and the facts in the body. Every server is one
process; wrk asks each in turns, over several connections, for one customer a request. Answers are compared
before. The last line of the output is one JSON object.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import mlflow
import numpy as np

from benchmarks.endpoint_home import made_home
from benchmarks.endpoint_stage import stages
from decisions.assess import IN_BASE, status_of
from features.reader import read_facts
from releases.access import create
from releases.home import Home
from serving.served import Served, load

HERE = Path(__file__).parent
SECONDS_UNTIL_READY = 300
GOAL_FLOOR, GOAL_TUTORIAL, GOAL_MLFLOW = 1.5, 4.0, 15.0
MOST_CUSTOMERS, COMPARED, STAGED = 1000, 20, 30
ROUTE, MUCH = "/v1/next-best-offer", 1e6
VERSIONS = ("bentoml", "starlette", "uvloop", "lightgbm", "mlflow", "fastapi")


class Peer(NamedTuple):
    """command: without the port, which comes last; none of who is asked at another's server; path: what is
    asked; ready: answers 200 once it is."""

    name: str
    command: list[str]
    path: str
    ready: str
    bodies: Path
    server: str = ""


def shelf_of(served: Served, folder: Path) -> list[str]:
    """What the peers read and are asked: facts, the churn model, bodies; the customers that models know."""
    folder.mkdir()
    everyone = np.arange(len(served.histories))
    facts = read_facts(served.histories, everyone, served.week.moment)
    inside = np.flatnonzero(status_of(facts, served.bundle.question) == IN_BASE)
    ids = [str(each) for each in served.histories.ids[inside]]
    np.random.default_rng(1).shuffle(inside)
    values, names = facts.values[inside], facts.names
    ids = [str(each) for each in served.histories.ids[inside]]
    np.save(folder / "facts.npy", values)
    (folder / "about.json").write_text(json.dumps({"names": names, "ids": ids}))
    churn, scorer = served.bundle.scorer.churn, served.bundle.scorer
    churn.save_model(folder / "churn.txt")
    mlflow.lightgbm.save_model(churn, folder / "mlflow", pip_requirements=["lightgbm"])
    # JSON knows no nan; whoever takes facts in the body gets 0 instead, and is held against just that.
    rows = np.nan_to_num(scorer.columns(values[:MOST_CUSTOMERS], names)).tolist()
    _write(folder / "ids.txt", [{"customer_ids": [each], "commit": False} for each in ids])
    _write(folder / "counted.txt", [{"customer_ids": [each]} for each in ids])
    _write(folder / "facts.txt", [{"facts": [row]} for row in rows])
    _write(folder / "inputs.txt", [{"inputs": [row]} for row in rows])
    columns = list(scorer.names)
    _write(folder / "frames.txt", [{"dataframe_split": {"columns": columns, "data": [row]}} for row in rows])
    _write(folder / "nothing.txt", [{}])
    return ids


def _groups(ids: list[str], size: int) -> list[list[str]]:
    return [ids[start : start + size] for start in range(0, len(ids) - size + 1, size)][:STAGED]


def _write(path: Path, bodies: list[Any]) -> None:
    path.write_text("".join(json.dumps(each) + "\n" for each in bodies))


def peers_of(shelf: Path, home: Path) -> list[Peer]:
    python = [sys.executable, "-m"]
    ours = [*python, "benchmarks.endpoint_peer"]
    bento = [str(Path(sys.executable).parent / "bentoml"), "serve", "--host", "127.0.0.1"]
    served = ["-m", str(shelf / "mlflow"), "--env-manager", "local"]
    by_id, by_facts = shelf / "ids.txt", shelf / "facts.txt"
    named = ["--home", str(home), "--port"]
    return [
        Peer("ours", [*python, "serving.run", "--workers", "1", "--port"], ROUTE, "/readyz", by_id),
        Peer("ours, counted", [], ROUTE, "/readyz", shelf / "counted.txt", server="ours"),
        Peer("floor", [*ours, "floor", *named], "/", "/readyz", by_id),
        Peer("constant", [*ours, "constant", *named], "/", "/readyz", by_id),
        Peer("fastapi", [*ours, "fastapi", *named], "/", "/readyz", by_facts),
        Peer(
            "bentoml, empty",
            [*bento, "benchmarks.endpoint_bento:Empty", "--port"],
            "/nothing",
            "/readyz",
            shelf / "nothing.txt",
        ),
        Peer(
            "bentoml, tutorial",
            [*bento, "benchmarks.endpoint_bento:Tutorial", "--port"],
            "/predict",
            "/readyz",
            by_facts,
        ),
        Peer(
            "mlflow models serve",
            [*python, "mlflow", "models", "serve", *served, "--port"],
            "/invocations",
            "/ping",
            shelf / "frames.txt",
        ),
        # Not as its documentation begins, but faster: no names, no pandas.
        Peer(
            "mlflow, bare inputs",
            [],
            "/invocations",
            "/ping",
            shelf / "inputs.txt",
            server="mlflow models serve",
        ),
    ]


@contextmanager
def running(peer: Peer, shelf: Path, home: Path) -> Iterator[str]:
    """The url of the peer's server, which ends with it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "HOLDFAST_HOME": str(home),
        "ENDPOINT_SHELF": str(shelf),
        "BENTOML_DO_NOT_TRACK": "true",
        "OMP_NUM_THREADS": "1",
    }
    log = shelf / f"{peer.name}.log"
    with log.open("w") as file:
        server = subprocess.Popen(
            [*peer.command, str(port)],
            cwd=HERE.parent,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(server, f"{url}{peer.ready}", log)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


def _wait(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + SECONDS_UNTIL_READY
    while time.monotonic() < until and server.poll() is None:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    sys.exit(f"{url} did not become ready:\n{log.read_text()}")


def key_of(home: Home, scope: str = "decide") -> dict[str, str]:
    """The headers of who may ask as often as they like."""
    _, text = create(home, f"benchmark-{uuid.uuid4().hex[:8]}", (scope,), rate=MUCH, burst=int(MUCH))
    return {"authorization": f"Bearer {text}"}


def compare(
    urls: dict[str, str], peers: list[Peer], key: dict[str, str], served: Served, ids: list[str]
) -> None:
    """Ours makes of the floor's scores what the choice makes of them; the others give the model's own."""
    by_name = {peer.name: peer for peer in peers}

    def ask(name: str, body: str) -> Any:
        peer = by_name[name]
        answer = httpx.post(
            f"{urls[peer.server or name]}{peer.path}", content=body, headers=JSON | key, timeout=60
        )
        answer.raise_for_status()
        return answer.json()

    for each in ids[:COMPARED]:
        body = json.dumps({"customer_ids": [each], "as_of": "week"})
        scores, (ours,) = ask("floor", body), ask("ours", body)["customers"]
        uplift = {o.offer_id: u for o, u in zip(served.policy.offers, scores["uplift"], strict=True)}
        for offer in ours["offers"]:
            told = offer["expected_net_value"]["amount"] + offer["expected_cost"]["amount"]
            assert np.isclose(told, uplift[offer["offer_id"]], rtol=1e-9), (each, offer["offer_id"])
    rows = [json.loads(line)["facts"][0] for line in by_name["fastapi"].bodies.read_text().splitlines()]
    for name in ("fastapi", "bentoml, tutorial", "mlflow models serve", "mlflow, bare inputs"):
        bodies = by_name[name].bodies.read_text().splitlines()[:COMPARED]
        told = [ask(name, body) for body in bodies]
        found = [each["predictions"][0] if isinstance(each, dict) else each[0] for each in told]
        np.testing.assert_array_equal(found, served.bundle.scorer.churn.predict(np.array(rows[:COMPARED])))


JSON = {"content-type": "application/json"}


def decide_for_everybody(url: str, key: dict[str, str], ids: list[str]) -> None:
    """The first decision for a customer also makes a key for the log, on disk of its own."""
    for start in range(0, len(ids), MOST_CUSTOMERS):
        body = {"customer_ids": ids[start : start + MOST_CUSTOMERS], "commit": False}
        httpx.post(f"{url}{ROUTE}", json=body, headers=key, timeout=300).raise_for_status()


def driven(peer: Peer, url: str, key: dict[str, str], connections: int, seconds: float) -> dict[str, float]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s"]
    named = [part for name, value in key.items() for part in ("-H", f"{name}: {value}")]
    asked = [*command, *named, "-s", str(HERE / "endpoint.lua"), f"{url}{peer.path}", "--", str(peer.bodies)]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    said: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {
        "requests/s": round(said["requests"] / said["seconds"], 1),
        "p50": round(said["p50"], 3),
        "p99": round(said["p99"], 3),
        "errors": said["errors"],
    }


def middle(turns: list[dict[str, float]]) -> dict[str, float]:
    """Of each figure the median of the turns; errors are added."""
    told = {name: float(np.median([turn[name] for turn in turns])) for name in turns[0]}
    return told | {"errors": sum(turn["errors"] for turn in turns)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each peer at each number in a turn")
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keeps the home, which takes minutes, for the next run")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("expected wrk on the path; install it (Debian: apt-get install wrk)")
    connections = [int(each) for each in options.connections.split(",")]
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = options.folder or Path(name)
        folder.mkdir(exist_ok=True)
        home = made_home(folder.resolve(), options.customers)
        here = Home(home)
        served = load(here, here.published())
        shelf = Path(name) / "shelf"
        ids = shelf_of(served, shelf)
        groups = {n: stages(served, _groups(ids, n)) for n in connections}
        peers = peers_of(shelf, home)
        key = key_of(here)
        urls = {peer.name: stack.enter_context(running(peer, shelf, home)) for peer in peers if peer.command}
        compare(urls, peers, key, served, ids)
        decide_for_everybody(urls["ours"], key, ids)
        turns: dict[tuple[str, int], list[dict[str, float]]] = {}
        for turn in range(options.rounds + 1):
            for number in connections:
                for peer in peers:
                    # The first turn warms up.
                    seconds = options.seconds if turn else min(2.0, options.seconds)
                    figures = driven(peer, urls[peer.server or peer.name], key, number, seconds)
                    if turn:
                        turns.setdefault((peer.name, number), []).append(figures)
    told = {
        peer.name: {str(number): middle(turns[peer.name, number]) for number in connections} for peer in peers
    }
    report(told, groups, options, len(ids), served, busy)


def report(
    told: dict[str, dict[str, dict[str, float]]],
    groups: dict[int, dict[str, float]],
    options: argparse.Namespace,
    customers: int,
    served: Served,
    busy: float,
) -> None:
    for name, by_number in told.items():
        for number, figures in by_number.items():
            print(f"{name:20} {number:>3} connections: {figures}")
    ours, counted = told.pop("ours"), told.pop("ours, counted")
    ratio = {
        number: {
            "p50 over the floor": round(figures["p50"] / told["floor"][number]["p50"], 2),
            "p99 over the floor": round(figures["p99"] / told["floor"][number]["p99"], 2),
            "p50 over the floor, counted": round(counted[number]["p50"] / told["floor"][number]["p50"], 2),
            "p99 over the floor, counted": round(counted[number]["p99"] / told["floor"][number]["p99"], 2),
            **{
                f"requests/s over {name}": round(figures["requests/s"] / theirs[number]["requests/s"], 2)
                for name, theirs in told.items()
            },
        }
        for number, figures in ours.items()
    }
    several = [each for number, each in ratio.items() if int(number) > 1]
    result = {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {
            "customers": options.customers, "in the base": customers, "seconds": options.seconds,
            "rounds": options.rounds, "offers": len(served.policy.offers),
            "facts": len(served.bundle.scorer.names), "trees": served.bundle.scorer.churn.num_trees(),
        },
        "unit": "milliseconds",
        "ours": {"decided": ours, "counted": counted},
        "peers": told,
        "ratio": ratio,
        "stages of a group": groups,
        "load of others before": round(busy, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in VERSIONS},
        },
        "holds": all(
            each["p50 over the floor"] <= GOAL_FLOOR
            and each["p99 over the floor"] <= GOAL_FLOOR
            and each["requests/s over bentoml, tutorial"] >= GOAL_TUTORIAL
            and each["requests/s over mlflow models serve"] >= GOAL_MLFLOW
            for each in several
        )
        and not any(figures["errors"] for part in (ours, counted) for figures in part.values()),
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
