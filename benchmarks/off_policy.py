"""The 95 % intervals of off-policy estimates cover the truth in 94 to 96 of 100 independent logs.

The simulated world's choice model: a pool of customers is walked to a wave, and the truth says exactly
what each offer would earn with each of them over the next 91 days. Every log draws its customers anew from
the pool (with replacement, so that the pool's exact mean is the truth of the estimate), lets the logging
policy act and the customers live for 13 weeks, and is asked what three other policies would have earned. The
rewards are drawn: orders, amounts, redemptions, contacts. The model given to `dr` was fitted on a log of its
own.
"""

import argparse
import json
import platform
import resource
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from benchmarks.kept import Kept
from models.off_policy import METHODS, Estimate, Log, certain, compare, estimate
from simulator.dynamics import effects
from simulator.population import Population, draw_population
from simulator.truth import action_probabilities, order_margin, truth_at
from simulator.walk import walk
from simulator.world import HORIZON_WEEKS, World

Floats = npt.NDArray[np.float64]
AT_ONCE = 10_000
AMOUNT_SHAPE = 3.0  # orders are gamma with this shape about the customer's ticket


class Pool(NamedTuple):
    """Customers as the wave begins. truth: expected net value by action, column 0 no contact, minor
    units; chance: the logging policy's; policies: by name, probability of every action; shape (customers,
    actions)."""

    world: World
    week: int
    people: Population
    state: Any
    truth: Floats
    chance: Floats
    policies: dict[str, Floats]


def make_pool(customers: int, seed: int) -> Pool:
    world = World(customers=customers, chunk=customers, seed=seed)
    week = world.weeks - HORIZON_WEEKS
    people = draw_population(world, 0)
    state = walk(world, people, world.stream(0, "walk"), range(week)).states[-1]
    there = np.flatnonzero(state < 3)
    people, state = people.take(there), state[there]
    parts = [rows for rows in np.array_split(np.arange(len(there)), -(-len(there) // AT_ONCE)) if len(rows)]
    told = [truth_at(world, people.take(rows), state[rows], week) for rows in parts]
    truth = np.concatenate([each.net_value for each in told])
    churn = np.concatenate([each.churn[:, 0] for each in told])
    chance = action_probabilities(world, people, week)
    return Pool(world, week, people, state, truth, chance, _policies(truth, churn, chance, seed))


def _policies(truth: Floats, churn: Floats, chance: Floats, seed: int) -> dict[str, Floats]:
    """greedy: the best action as far as a noisy model can tell; cautious: that half of the time, else as was
    done; riskiest: the 40 yuan coupon for the three in ten most likely to leave."""
    random = np.random.default_rng(seed)
    added = truth - truth[:, :1]
    guessed = np.where(chance > 0, added + random.normal(0, added.std(), added.shape), -np.inf)
    guessed[:, 0] = 0.0
    greedy = certain(guessed.argmax(axis=1), truth.shape[1])
    risky = (churn >= np.quantile(churn, 0.7)) & (chance[:, 2] > 0)
    riskiest = certain(np.where(risky, 2, 0), truth.shape[1])
    return {"greedy": greedy, "cautious": (greedy + chance) / 2, "riskiest": riskiest}


def draw_log(pool: Pool, customers: int, random: np.random.Generator) -> tuple[Log, npt.NDArray[np.int64]]:
    """One log, and which customers of the pool it is of."""
    world, week = pool.world, pool.week
    rows = random.integers(len(pool.state), size=customers)
    people = pool.people.take(rows)
    lived = walk(world, people, random, range(week, week + HORIZON_WEEKS), pool.state[rows])
    contacts, costs = lived.contacts, np.zeros(customers)
    qualify = effects(people, world.offers).qualify
    contact_cost = np.array([offer.contact_cost for offer in world.offers])
    cost = np.array([offer.cost for offer in world.offers])
    waves = np.unique(contacts.week)
    block_of_order = np.searchsorted(waves, lived.order_week, side="right") - 1
    orders = np.zeros((customers, len(waves)), np.int64)
    np.add.at(orders, (lived.order_customer, block_of_order), 1)
    c, o = contacts.customer, contacts.offer
    bought = orders[c, np.searchsorted(waves, contacts.week)]
    redeemed = contacts.is_accepted & (random.random(len(c)) >= (1 - qualify[c, o]) ** bought)
    np.add.at(costs, c, contacts.is_sent * contact_cost[o] + redeemed * cost[o])
    total = orders.sum(axis=1)
    amounts = np.where(total > 0, random.gamma(AMOUNT_SHAPE * np.maximum(total, 1)) / AMOUNT_SHAPE, 0.0)
    action = np.zeros(customers, np.int64)
    first = (contacts.week == week) & contacts.is_sent
    action[c[first]] = 1 + o[first]
    propensity = pool.chance[rows, action]
    return Log(np.arange(customers), action, propensity, order_margin(people) * amounts - costs), rows


def fitted(pool: Pool, customers: int, random: np.random.Generator) -> Floats:
    """A model of the reward, from one log: an order's margin times the usual rate, and a mean by action."""
    log, rows = draw_log(pool, customers, random)
    usual = order_margin(pool.people) * np.minimum(pool.people.rate, 1.0)
    inputs = np.column_stack([np.ones(len(rows)), usual[rows]])
    line = np.linalg.lstsq(inputs, log.reward, rcond=None)[0]
    left = log.reward - inputs @ line
    actions = pool.truth.shape[1]
    number = np.bincount(log.action, minlength=actions)
    by_action = np.bincount(log.action, left, actions) / np.maximum(number, 1)
    return np.asarray((line[0] + usual * line[1])[:, None] + by_action[None, :])


def one_log(
    pool: Pool, customers: int, random: np.random.Generator, predicted: Floats, truths: dict[str, float]
) -> dict[str, tuple[bool, bool, float]]:
    """By method and policy: whether the interval covers the truth, whether the normal one does, its width."""
    log, rows = draw_log(pool, customers, random)
    policies = {name: policy[rows] for name, policy in pool.policies.items()}
    model = predicted[rows]
    found: dict[str, tuple[Estimate, float]] = {}
    for method in METHODS:
        for name, policy in policies.items():
            found[f"{method} {name}"] = estimate(method, log, policy, model), truths[name]
        less = compare(method, log, policies["greedy"], policies["riskiest"], model)
        found[f"{method} greedy less riskiest"] = less, truths["greedy"] - truths["riskiest"]
    return {
        name: (
            bool(each.low <= truth <= each.high),
            bool(abs(each.value - truth) <= 1.96 * each.error),
            float(each.high - each.low),
        )
        for name, (each, truth) in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--logs", type=int, default=2_000)
    parser.add_argument("--customers", type=int, default=10_000, help="decisions in one log")
    parser.add_argument("--pool", type=int, default=50_000, help="customers they are drawn from")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--kept", type=Path, help="a file to keep figures in, so that a run can be resumed")
    options = parser.parse_args()
    begun = time.perf_counter()
    pool = make_pool(options.pool, options.seed)
    predicted = fitted(pool, options.customers, np.random.default_rng([options.seed + 1, 0]))
    truths = {name: float((policy * pool.truth).sum(axis=1).mean()) for name, policy in pool.policies.items()}
    kept = Kept(options.kept)
    covered: dict[str, list[bool]] = {}
    plain: dict[str, list[bool]] = {}
    widths: dict[str, list[float]] = {}
    for number in range(options.logs):
        random = np.random.default_rng([options.seed + 1, 1 + number])
        told = kept.measured(str(number), one_log, pool, options.customers, random, predicted, truths)
        for name, (inside, inside_plain, width) in told.items():
            covered.setdefault(name, []).append(inside)
            plain.setdefault(name, []).append(inside_plain)
            widths.setdefault(name, []).append(width)
    rates = {name: float(np.mean(each)) for name, each in covered.items()}
    for name, rate in rates.items():
        print(
            f"{name:<30} covered {rate:.2%} (normal interval {np.mean(plain[name]):.2%}), mean width "
            f"{np.mean(widths[name]):,.0f}, truth {truths.get(name.partition(' ')[2], float('nan')):,.0f}"
        )
    result = {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {"logs": options.logs, "decisions": options.customers, "pool": len(pool.state)},
        "ours": rates,
        "peers": {f"{name}, normal interval": float(np.mean(each)) for name, each in plain.items()},
        "difference": {name: rate - 0.95 for name, rate in rates.items()},
        "chance": 1.96 * float(np.sqrt(0.95 * 0.05 / options.logs)),
        "seconds": time.perf_counter() - begun,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
        "holds": all(0.94 <= rate <= 0.96 for rate in rates.values()),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
