"""However many decide at once, no cap, budget, consent or holdout is broken; equal inputs get equal answers.

Random policies; of each, a week of a random base is planned, and then several processes decide for its
customers through one store of counters, with the service's own code (serving.live): most in requests of many
customers, a share one by one. Every second policy counts in Redis, the others in a file. What was given is
written into a plain ledger (benchmarks.guarantee_ledger), which alone says what was broken. Facts, scores and
histories are random arrays, so this is no test of them; the log of decisions is left out.

Every decision is made through the counters except those of the weeks themselves, which are counted apart. The
last line of the output is one JSON object.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections import Counter as Tally
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np
import redis

from benchmarks.guarantee_ledger import Given, violations
from benchmarks.guarantee_world import MOMENT, World, assessed_at, made_world
from decisions.choice import NOTHING, Choices, choose
from decisions.why import Why
from models.scorer import Scores
from releases.counter import left_of
from releases.decision import counted_at, market_at
from releases.home import Home
from serving.counter import Counter
from serving.live import Live, decide_live
from tables.moment import DAY

T = MOMENT + DAY
# Of decisions made at once, so many are made again from what was written down of them.
REPLAYED_OF = 100


class Share(NamedTuple):
    """What one process is to do: requests of many customers, then customers one by one."""

    seed: int
    at_once: int
    together: int
    one_by_one: int


class Done(NamedTuple):
    given: list[Given]
    decisions: int
    one_by_one: int
    replayed: int
    different: int
    down: int
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=10_000_000)
    parser.add_argument("--policies", type=int, default=50)
    parser.add_argument("--customers", type=int, default=20_000, help="of each policy's base")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--at-once", type=int, default=500, help="customers in a request")
    parser.add_argument("--one-by-one", type=float, default=0.005, help="share of decisions made alone")
    parser.add_argument("--redis", default="redis://127.0.0.1:6379", help="'' counts in files alone")
    asked = parser.parse_args()
    began, broken, sums = time.perf_counter(), Tally[str](), Tally[str]()
    for number in range(asked.policies):
        url = asked.redis if number % 2 else ""
        world = made_world(asked.customers, number)
        weekly = _given(world.choices, np.arange(asked.customers))
        broken.update({f"week: {what}": n for what, n in violations(world, weekly, batch=True).items()})
        sums["different alone and at once"] += _alone(world, number)
        sums["compared alone and at once"] += REPLAYED_OF
        sums["of the weeks"] += asked.customers
        share = asked.decisions / asked.policies / asked.processes
        alone = round(share * asked.one_by_one)
        with tempfile.TemporaryDirectory() as folder:
            shares = [
                Share(1000 * number + k, asked.at_once, max(0, round(share) - alone), alone)
                for k in range(asked.processes)
            ]
            done, spent = _at_once(world, Path(folder), url, shares)
        given = [each for part in done for each in part.given]
        broken.update(violations(world, given))
        sums["in redis" if url else "in a file"] += sum(part.decisions for part in done)
        sums["limits"] += len(world.served.remainder)
        sums["limits spent"] += spent
        sums["given"] += len(given)
        sums["given beyond reservations"] += sum(not each.is_reserved for each in given)
        for name in ("decisions", "one_by_one", "replayed", "different", "down"):
            sums[name] += sum(getattr(part, name) for part in done)
        said = f"{sums['decisions']:,} decisions, {broken.total()} broken"
        print(f"policy {number + 1} of {asked.policies}: {said}", flush=True)
    unequal = sums["different"] + sums["different alone and at once"]
    result = {
        "claim": __doc__.splitlines()[0],
        "size": vars(asked) | {"redis": bool(asked.redis)},
        "ours": {"seconds": round(time.perf_counter() - began, 1), **sums},
        "broken": dict(broken),
        "peers": {},
        "ratio": {},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "versions": {"numpy": np.__version__, "redis": redis.__version__},
        "holds": broken.total() == 0 and unequal == 0 and sums["decisions"] >= asked.decisions * 0.999,
    }
    print(json.dumps(result))


def _at_once(world: World, folder: Path, url: str, shares: list[Share]) -> tuple[list[Done], int]:
    """What each process did, and of how many limits hardly anything was left in the end."""
    home = Home(folder)
    counter, week, remainder = Counter(home, url), world.served.published.week, world.served.remainder
    counter.look(week, remainder, ())
    # Forked: the world is there already. Each opens the counters itself.
    context = multiprocessing.get_context("fork")
    with context.Pool(len(shares), initializer=_take_world, initargs=(world, folder, url)) as pool:
        done = pool.map(_decide, shares, chunksize=1)
    left = left_of(counter.look(week, remainder, ()).left)
    counter.close()
    if url:
        with redis.Redis.from_url(url) as server:
            for name in server.scan_iter(match=f"{{{counter.space}}}:*", count=1000):
                server.delete(name)
    return done, int((left < 0.01 * remainder).sum())


_HERE: dict[str, Any] = {}


def _take_world(world: World, folder: Path, url: str) -> None:
    _HERE.update(world=world, counter=Counter(Home(folder), url))


# Nothing came since the week's base was built.
NO_NEWS = cast(Any, SimpleNamespace(has_news=False))


def _decide(share: Share) -> Done:
    world, counter = _HERE["world"], _HERE["counter"]
    random = np.random.default_rng(share.seed)
    customers, given, replayed, different, down = len(world.who.ids), [], 0, 0, 0
    sizes = [share.at_once] * (share.together // share.at_once) + [1] * share.one_by_one
    if rest := share.together % share.at_once:
        sizes.append(rest)
    random.shuffle(sizes)
    began = time.perf_counter()
    for size in sizes:
        rows = np.sort(random.choice(customers, size, replace=False))
        live = decide_live(world.served, counter, NO_NEWS, assessed_at(world, rows), None, T)
        given += _given(live.choices, rows)
        down += int((live.choices.why == Why.COUNTERS_DOWN).any(axis=1).sum())
        for place in np.flatnonzero(random.random(size) < 1 / REPLAYED_OF):
            replayed += 1
            different += not _same(live, int(place), _again(world, rows[place], live.circumstances[place]))
    return Done(given, sum(sizes), share.one_by_one, replayed, different, down, time.perf_counter() - began)


def _given(choices: Choices, rows: Any) -> list[Given]:
    return [
        Given(int(rows[k]), int(choices.chosen[k]), int(choices.channel[k, choices.chosen[k]]), bool(flag))
        for k, flag in enumerate(choices.is_reserved)
        if choices.chosen[k] != NOTHING
    ]


def _again(world: World, row: int, circumstances: dict[str, float]) -> Choices:
    """As `holdfast replay` makes a decision again: one customer, from what was written down."""
    contacts, is_given = counted_at(circumstances, world.policy)
    one = np.array([row])
    who = world.who.rows(one).also_contacted(contacts)
    scores = Scores(*(part[one] for part in world.scores))
    market, reserved = market_at(circumstances, world.market), world.reserved.rows(one).without(is_given)
    return choose(scores, world.offers, who, None, world.policy, T, market, reserved)


def _same(live: Live, place: int, again: Choices) -> bool:
    pairs: Iterable[tuple[Any, Any]] = zip(live.choices, again, strict=True)
    return all(np.array_equal(one[place], two[0], equal_nan=one.dtype.kind == "f") for one, two in pairs)


def _alone(world: World, seed: int) -> int:
    """Of some customers of the week, how many get another answer alone than among all."""
    different = 0
    for row in np.random.default_rng(seed).integers(0, len(world.who.ids), REPLAYED_OF):
        one = np.array([row])
        scores = Scores(*(part[one] for part in world.scores))
        alone = choose(
            scores,
            world.offers,
            world.who.rows(one),
            None,
            world.policy,
            MOMENT,
            world.market,
            world.reserved.rows(one),
        )
        different += not _same(Live([], world.choices, [], []), int(row), alone)
    return different


if __name__ == "__main__":
    main()
