"""The weekly choice for 3,000,000 customers under 100 limits takes a minute, within 0.1 % of the best.

Forty offers on eight channels, from given uplifts, on two threads: money, stock, capacity, staff, least
shares. The gap is to the dual, which no choice can exceed. HiGHS solves the same problem at a size it can do;
greedy takes the highest uplifts that still fit. The last line of the output is one JSON object.
"""

import argparse
import json
import platform
import resource
import time
from importlib.metadata import version
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, hstack, vstack

from decisions.arbitration import NOTHING, Block
from decisions.limit import Limits, Terms, takes_of
from decisions.solver import Solution, solve
from tables.contract import CONTACT_CHANNELS, OFFER_KINDS

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
AT_ONCE, PILOT = 25_000, 5_000
LEAST_SHARES = ("gift", "care", "win_back")
GOAL_SECONDS, GOAL_GAP, GOAL_TIMES = 60.0, 1e-3, 100.0
OFFERS, CHANNELS = 40, len(CONTACT_CHANNELS)
CHANNEL_COST = np.array([1, 1, 5, 5, 0, 500, 1, 20_000], dtype=np.float64)
# The share of customers who agreed to be told something there.
CONSENT = np.array([0.6, 0.5, 0.35, 0.7, 0.8, 0.3, 0.2, 0.1])


class World(NamedTuple):
    blocks: tuple[Block, ...]
    terms: Terms
    limits: Limits


def made_world(customers: int, seed: int = 1) -> World:
    """Customers of very different value and sensitivity: who responds to one offer responds to others of its
    kind, sleeping dogs among them; uplifts follow the response only loosely."""
    random = np.random.default_rng(seed)
    kind = np.arange(OFFERS) % len(OFFER_KINDS)
    redemption = np.round(random.gamma(3.0, 400.0, OFFERS))
    terms = Terms(redemption, random.integers(0, 20, OFFERS)[:, None] + CHANNEL_COST)
    appeal, effect = random.normal(-1.5, 0.7, OFFERS), random.gamma(4.0, 0.25, OFFERS)
    on = (random.random((OFFERS, CHANNELS)) < 0.75) | (np.arange(CHANNELS) == 0)
    on[:, 5:] &= random.random((OFFERS, 3)) < 0.5
    bits = (on << np.arange(CHANNELS)).sum(axis=1).astype(np.uint8)
    blocks = tuple(
        _block(
            np.random.default_rng((seed, begin)), min(AT_ONCE, customers - begin), kind, appeal, effect, bits
        )
        for begin in range(0, customers, AT_ONCE)
    )
    pilot = _block(np.random.default_rng((seed, 0)), PILOT, kind, appeal, effect, bits)
    return World(blocks, terms, made_limits(customers, kind, terms, pilot, random))


def _block(
    random: np.random.Generator,
    count: int,
    kind: Places,
    appeal: Floats,
    effect: Floats,
    bits: npt.NDArray[np.uint8],
) -> Block:
    value = random.lognormal(8.0, 1.0, count)
    liking = random.normal(0, 0.8, (count, len(OFFER_KINDS)))
    open_ = random.normal(0, 0.8, count)
    noise = random.normal(0, 0.4, (count, OFFERS))
    response = 1 / (1 + np.exp(-(appeal + open_[:, None] + liking[:, kind] + noise)))
    # Of those who redeem, some would have bought anyway, and some are woken to leave.
    moved = random.normal(0.25, 0.35, count)[:, None] + random.normal(0, 0.15, (count, OFFERS))
    uplift = value[:, None] * response * moved * effect
    consents = ((random.random((count, CHANNELS)) < CONSENT) << np.arange(CHANNELS)).sum(axis=1)
    allowed = np.bitwise_and(consents.astype(np.uint8)[:, None], bits)
    allowed[random.random(allowed.shape) < 0.15] = 0  # not eligible, or told too often
    return Block(uplift.astype(np.float32), response.astype(np.float32), allowed)


def made_limits(
    customers: int, kind: Places, terms: Terms, pilot: Block, random: np.random.Generator
) -> Limits:
    """Money in all, by kind, by channel; contacts by kind, by channel, by both; stock; least shares, calls.

    Bounds lie around what some customers would take if money alone were short: about every second binds.
    """
    shape = terms.contact_cost.shape
    none, every = np.zeros(shape), np.ones(shape)
    of_kind = [((kind == k)[:, None] & (every > 0)).astype(float) for k in range(len(OFFER_KINDS))]
    on = [((np.arange(CHANNELS) == c) & (every > 0)).astype(float) for c in range(CHANNELS)]
    of_offer = [((np.arange(OFFERS) == j)[:, None] & (every > 0)).astype(float) for j in range(OFFERS)]
    rows = [("money", every, none, none)]
    for part, own in [*zip(OFFER_KINDS, of_kind, strict=True), *zip(CONTACT_CHANNELS, on, strict=True)]:
        rows += [(f"money {part}", own, none, none), (f"contacts {part}", none, own, none)]
    for k, c in product(range(len(OFFER_KINDS)), (0, 1, 3, 4)):
        rows.append((f"{OFFER_KINDS[k]} by {CONTACT_CHANNELS[c]}", none, of_kind[k] * on[c], none))
    rows += [(f"stock {j}", none, none, own) for j, own in enumerate(of_offer)]
    rows.append(("least calls", none, -on[CONTACT_CHANNELS.index("phone")], none))
    rows += [(f"contacts {name}", none, of_kind[OFFER_KINDS.index(name)], none) for name in LEAST_SHARES]
    names, *tables = zip(*rows, strict=True)
    limits = Limits(names, np.full(len(names), np.inf), *(np.stack(each) for each in tables))
    money = Limits(names[:1], np.array([60.0 * PILOT]), *(each[:1] for each in limits[2:]))
    taken = solve([pilot], terms, money, 0.0).choices[0]
    given = np.flatnonzero(taken.offer != NOTHING)
    offer, channel = taken.offer[given].astype(np.int64), taken.channel[given].astype(np.int64)
    response = pilot.response[given, offer].astype(np.float64)
    takes = takes_of(limits, terms)
    usage = (takes.fixed[:, offer, channel] + takes.by_response[:, offer, channel] * response).sum(axis=1)
    usage = np.maximum(np.abs(usage), 0.0005 * PILOT) * customers / PILOT
    bounds = usage * random.uniform(0.5, 1.5, len(names))
    asking = slice(len(names) - len(LEAST_SHARES), len(names))
    shares = usage[asking] / (len(given) * customers / PILOT) * random.uniform(0.9, 1.2, len(LEAST_SHARES))
    limits.contacts[asking] = shares[:, None, None] - limits.contacts[asking]
    bounds[asking] = 0.0
    calls = names.index("least calls")
    possible = (bounds[names.index("contacts phone")], bounds[names.index("money phone")] / 800)
    bounds[calls] = -0.5 * min(possible)
    named = (*names[: asking.start], *(f"least share {name}" for name in LEAST_SHARES))
    return limits._replace(names=named, bounds=bounds)


def options_of(world: World, minimum: float) -> tuple[Floats, Floats, csr_matrix]:
    """Customer, net value and what is taken of each limit, of every option that is allowed."""
    takes = takes_of(world.limits, world.terms)
    rows, nets, taken, first = [], [], [], 0
    for block in world.blocks:
        gives = (block.allowed[:, :, None] >> np.arange(CHANNELS, dtype=np.uint8)) & 1 > 0
        response = block.response.astype(np.float64)[:, :, None]
        cost = response * world.terms.redemption_cost[:, None] + world.terms.contact_cost
        net = block.uplift.astype(np.float64)[:, :, None] - cost
        i, j, c = np.nonzero(gives & (net >= minimum))
        rows.append(first + i)
        nets.append(net[i, j, c])
        taken.append(csr_matrix(takes.fixed[:, j, c] + takes.by_response[:, j, c] * response[i, j, 0]))
        first += len(gives)
    return np.concatenate(rows), np.concatenate(nets), hstack(taken).tocsr()


def highs(world: World, minimum: float, most_seconds: float) -> tuple[float, float | None]:
    """Seconds, and the optimum where it was reached in time; of the problem relaxed to parts of options,
    which is the easier one."""
    rows, net, taken = options_of(world, minimum)
    count, customers = len(net), customers_of(world)
    one = csr_matrix((np.ones(count), (rows, np.arange(count))), shape=(customers, count))
    begun = time.perf_counter()
    found = linprog(
        -net,
        A_ub=vstack([one, taken]).tocsr(),
        b_ub=np.concatenate([np.ones(customers), world.limits.bounds]),
        bounds=(0, None),
        method="highs",
        options={"time_limit": most_seconds},
    )
    return time.perf_counter() - begun, -float(found.fun) if found.status == 0 else None


def greedy(world: World, minimum: float) -> tuple[float, float, int]:
    """Seconds, net value, and how many limits that ask for something are not kept: the highest uplifts first,
    on the cheapest channel, as long as everything that is forbidden is kept."""
    rows, net, taken = options_of(world, minimum)
    begun = time.perf_counter()
    limits = world.limits
    columns = taken.tocsc()
    # A cheaper channel has the same uplift and a higher net value.
    order = np.lexsort((-net, -uplifts_of(world, minimum)))
    forbidding = limits.bounds > 0
    room, served, value = limits.bounds.copy(), np.zeros(customers_of(world), bool), 0.0
    for option in order.tolist():
        if served[rows[option]]:
            continue
        entries = slice(columns.indptr[option], columns.indptr[option + 1])
        which, takes = columns.indices[entries], columns.data[entries]
        if ((takes <= room[which]) | ~forbidding[which]).all():
            room[which] -= takes
            served[rows[option]] = True
            value += net[option]
    return time.perf_counter() - begun, value, int((room[~forbidding] < 0).sum())


def uplifts_of(world: World, minimum: float) -> Floats:
    """The uplift of every option that is allowed, in the order of `options_of`."""
    found = []
    for block in world.blocks:
        gives = (block.allowed[:, :, None] >> np.arange(CHANNELS, dtype=np.uint8)) & 1 > 0
        uplift = np.broadcast_to(block.uplift.astype(np.float64)[:, :, None], gives.shape)
        response = block.response.astype(np.float64)[:, :, None]
        cost = response * world.terms.redemption_cost[:, None] + world.terms.contact_cost
        found.append(uplift[gives & (uplift - cost >= minimum)])
    return np.concatenate(found)


def customers_of(world: World) -> int:
    return sum(len(block.uplift) for block in world.blocks)


def broken(world: World, solution: Solution) -> int:
    """How many limits the choices exceed, summed anew and plainly."""
    usage = np.zeros(len(world.limits.names))
    takes = takes_of(world.limits, world.terms)
    for block, choice in zip(world.blocks, solution.choices, strict=True):
        rows = np.flatnonzero(choice.offer != NOTHING)
        j, c = choice.offer[rows].astype(np.int64), choice.channel[rows].astype(np.int64)
        assert ((block.allowed[rows, j] >> c.astype(np.uint8)) & 1 == 1).all()
        count, response = np.zeros(world.terms.contact_cost.shape), np.zeros(world.terms.contact_cost.shape)
        np.add.at(count, (j, c), 1.0)
        np.add.at(response, (j, c), block.response[rows, j].astype(np.float64))
        usage += (takes.fixed * count + takes.by_response * response).sum(axis=(1, 2))
    bounds = world.limits.bounds
    return int((usage > bounds + 1e-8 * np.maximum(np.abs(bounds), 1)).sum())


def timed(world: World, minimum: float, threads: int) -> tuple[float, Solution]:
    begun = time.perf_counter()
    solution = solve(world.blocks, world.terms, world.limits, minimum, threads=threads)
    return time.perf_counter() - begun, solution


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=3_000_000)
    parser.add_argument("--peer-customers", type=int, default=10_000)
    parser.add_argument("--peer-seconds", type=float, default=1_800.0, help="after which HiGHS gives up")
    parser.add_argument(
        "--minimum", type=float, default=100.0, help="least net value of an offer, minor units"
    )
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    timed(made_world(10_000), options.minimum, options.threads)  # compiles

    world = made_world(options.customers)
    base_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, solution = timed(world, options.minimum, options.threads)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    over = broken(world, solution)
    ours = {
        "seconds": round(seconds, 2), "gap": solution.gap, "limits broken": over,
        "net value": round(solution.value), "bound": round(solution.bound),
        "customers chosen for": int(sum((choice.offer != NOTHING).sum() for choice in solution.choices)),
        "limits with a price": int((solution.prices > 0).sum()),
        "mb beyond the base": round(peak_mb - base_mb),
    }  # fmt: skip

    small = made_world(options.peer_customers)
    same_seconds, same = timed(small, options.minimum, options.threads)
    highs_seconds, optimum = highs(small, options.minimum, options.peer_seconds)
    greedy_seconds, greedy_value, not_given = greedy(small, options.minimum)
    agreed = optimum is None or (
        optimum <= same.bound * (1 + 1e-6) and same.value >= optimum * (1 - same.gap - 1e-6)
    )
    peers = {
        "at customers": options.peer_customers,
        "ours": {"seconds": round(same_seconds, 3), "net value": round(same.value), "gap": same.gap},
        "highs": {"seconds": round(highs_seconds, 2), "net value": optimum and round(optimum)},
        "greedy": {
            "seconds": round(greedy_seconds, 2), "net value": round(greedy_value),
            "asking limits broken": not_given,
        },
    }  # fmt: skip
    fast = highs_seconds / same_seconds
    print(
        json.dumps(
            {
                "claim": (__doc__ or "").splitlines()[0],
                "size": {
                    "customers": options.customers, "offers": OFFERS, "channels": CHANNELS,
                    "limits": len(world.limits.names), "threads": options.threads,
                },
                "ours": ours,
                "peers": peers,
                "ratio": {
                    "highs, seconds": round(fast, 1),
                    "greedy, net value": round(same.value / greedy_value, 3),
                },
                "peak_mb": round(peak_mb),
                "versions": {"python": platform.python_version(), "scipy": version("scipy")},
                "holds": bool(
                    seconds <= GOAL_SECONDS and solution.gap <= GOAL_GAP and over == 0
                    and broken(small, same) == 0 and agreed and fast >= GOAL_TIMES
                    and same.value > greedy_value
                ),
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
