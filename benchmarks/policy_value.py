"""On the simulator the choice earns at least 95 % of what any policy on visible facts could, at every budget.

One world is lived through and its past learnt from, as `holdfast train` does; what each offer would add to
each customer is known to the simulator. Every policy is the one choice function (decisions.choice) over other
scores: ours, those of an oracle that knows what can be seen from the facts (benchmarks.offer_policy says how
it learns that), and the truth's own. The price of the budget is found for each so that all spend the same
money, by the truth's cost; the riskiest (by the truth's own risk) get the single offer that the truth likes
best, and random customers a random one, until that money is spent. Budgets are shares of what the full oracle
would spend without one. The goal is 95 % of the visible oracle, and twice the riskiest. The last line of the
output is one JSON object.
"""

import argparse
import json
import logging
import platform
import resource
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from benchmarks.offer_policy import HORIZON, LEAST_NET, ORACLE, TREES, Known, lived, measurable, ratio
from decisions.choice import NOTHING, Market, choose, free_market
from decisions.circumstance import Circumstances
from decisions.policy import Policy
from models.contact import terms_of
from models.effect import predict_offers, train_offer_models
from models.scorer import Scores

Floats = npt.NDArray[np.float64]
GOAL, GOAL_RISKIEST = 0.95, 2.0
BUDGETS = (0.05, 0.1, 0.25, 0.5, 1.0)
DRAWS = 20
STEPS = 40


class Spent(NamedTuple):
    """What each customer brings (net, by the truth) and costs; minor units, shape (customers,)."""

    net: Floats
    cost: Floats


def costs_of(known: Known) -> Floats:
    """By the truth, shape (customers, offers)."""
    told = np.array([(offer.cost, offer.contact_cost) for offer in known.offers], dtype=np.float64)
    return known.redeemed * told[:, 0] + told[:, 1]


def scores_of(known: Known, response: Floats, uplift: Floats) -> Scores:
    nothing = np.zeros(len(known.risk))
    valid = np.isfinite(known.added)
    return Scores(nothing, nothing, response, np.where(valid, uplift, np.nan))


def as_seen(teacher: Known, known: Known) -> Scores:
    """Of the ways to learn what facts show of the net effects, the one that earns most; redemptions too."""
    nets = measurable(teacher, known)
    best = max(nets.values(), key=lambda net: earned_without_budget(known, net))
    response = np.full(known.added.shape, np.nan)
    for k in np.flatnonzero(np.isfinite(teacher.redeemed).all(axis=0)).tolist():
        booster = lgb.train(ORACLE, lgb.Dataset(teacher.facts, teacher.redeemed[:, k]), TREES)
        response[:, k] = np.clip(np.asarray(booster.predict(known.facts)), 0.0, 1.0)
    told = np.array([(offer.cost, offer.contact_cost) for offer in known.offers], dtype=np.float64)
    return scores_of(known, response, best + response * told[:, 0] + told[:, 1])


def earned_without_budget(known: Known, net: Floats) -> float:
    valid = np.isfinite(known.added)
    told = np.where(valid, np.nan_to_num(net, nan=-np.inf), -np.inf)
    best, rows = told.argmax(axis=1), np.arange(len(told))
    return float(np.where(told[rows, best] > 0, known.added[rows, best], 0.0).sum())


class Chooser:
    """The choice function over some scores, with no rule but the money."""

    def __init__(self, known: Known, scores: Scores, least: float) -> None:
        self.known, self.scores, self.cost = known, scores, costs_of(known)
        n = len(known.risk)
        self.policy = Policy.model_validate(
            {
                "name": "benchmark", "margin_rate": 0.3, "weekly_budget": 0, "minimum_net_value": int(least),
                "risk_bands": [{"name": "any", "chinese": "任意", "below": 1.01}],
                "holdout": {"share": 0.0, "salt": "none"}, "unknown_consent": "allow",
            }
        )  # fmt: skip
        zeros, none = np.zeros(n), np.empty((n, 0))
        self.who = Circumstances(
            np.array([f"c{k}" for k in range(n)], dtype=object), np.full(n, 255.0), np.ones(n),
            np.zeros(n, dtype=bool), np.zeros(n, np.int8), zeros, zeros, zeros, none, none, none,
        )  # fmt: skip
        self.market: Market = free_market(self.policy, known.offers)

    def at(self, price: float) -> Spent:
        """What is chosen when a unit of money is worth `price` more than itself."""
        t = self.known.histories.last_at - HORIZON
        market = self.market.at(np.array([price]))
        choices = choose(self.scores, self.known.offers, self.who, None, self.policy, t, market)
        chosen, rows = choices.chosen, np.arange(len(self.cost))
        there = chosen != NOTHING
        place = np.maximum(chosen, 0)
        return Spent(
            np.where(there, self.known.added[rows, place], 0.0), np.where(there, self.cost[rows, place], 0.0)
        )

    def within(self, budget: float) -> Spent:
        """At the lowest price at which the truth's cost stays within the budget."""
        free = self.at(0.0)
        if free.cost.sum() <= budget:
            return free
        low, high = 0.0, 1.0
        while self.at(high).cost.sum() > budget:
            low, high = high, 2 * high
        for _ in range(STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.at(middle).cost.sum() > budget else (low, middle)
        return self.at(high)


def riskiest(known: Known, budget: float) -> Floats:
    """The best single offer, as only the truth knows it, for those most at risk, until the money is spent."""
    total = np.where(np.isfinite(known.added).all(axis=0), known.added.sum(axis=0), -np.inf)
    return _in_order(
        known, np.argsort(-known.risk, kind="stable"), np.full(len(known.risk), total.argmax()), budget
    )


def at_random(known: Known, budget: float, seed: int) -> Floats:
    """A random valid offer for customers in random order; the mean of some draws."""
    rng, n = np.random.default_rng(seed), len(known.risk)
    valid = np.flatnonzero(np.isfinite(known.added).all(axis=0))
    drawn = [_in_order(known, rng.permutation(n), rng.choice(valid, n), budget) for _ in range(DRAWS)]
    return np.asarray(np.mean(drawn, axis=0))


def _in_order(
    known: Known, order: npt.NDArray[np.int64], offer: npt.NDArray[np.int64], budget: float
) -> Floats:
    cost = costs_of(known)[order, offer[order]]
    first = order[np.cumsum(cost) <= budget]
    brought = np.zeros(len(order))
    brought[first] = known.added[first, offer[first]]
    return brought


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--times", type=float, default=10.0, help="how much larger the teaching world is")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        known = lived(folder / "ours", asked.customers, asked.seed)
        logging.info("world: %d customers who may be contacted", len(known.risk))
        begun, t = time.perf_counter(), known.histories.last_at
        trained = train_offer_models(
            known.histories, known.offers, t - HORIZON, t, margin_rate=0.3, horizon_days=91
        )
        seconds = time.perf_counter() - begun
        logging.info("trained in %.1f s; chosen: %s", seconds, trained.learner)
        teacher = lived(folder / "teacher", int(asked.customers * asked.times), asked.seed + 1)
        seen = as_seen(teacher, known)
        logging.info("teacher: %d customers who may be contacted", len(teacher.risk))
    response, uplift = predict_offers(trained.evaluated, known.own, terms_of(known.offers))
    ours = Chooser(known, scores_of(known, response, uplift), LEAST_NET)
    visible = Chooser(known, seen, 0.0)
    full = Chooser(known, scores_of(known, known.redeemed, known.added + costs_of(known)), 0.0)
    unlimited = full.at(0.0)
    table, holds = {}, True
    for share in BUDGETS:
        budget = share * float(unlimited.cost.sum())
        net = {
            "ours": ours.within(budget).net,
            "visible oracle": visible.within(budget).net,
            "full oracle": full.within(budget).net,
            "riskiest": riskiest(known, budget),
            "random": at_random(known, budget, asked.seed),
            "nothing": np.zeros(len(known.risk)),
        }
        of_visible = ratio(net["ours"], net["visible oracle"])
        table[f"{share:.0%}"] = {
            "budget": round(budget),
            "share_of_unlimited_oracle": {name: ratio(each, unlimited.net) for name, each in net.items()},
            "ours_of_visible_oracle": of_visible,
        }
        twice = net["ours"].sum() >= GOAL_RISKIEST * net["riskiest"].sum()
        holds = holds and of_visible["value"] >= GOAL and bool(twice)
        logging.info("budget %.0f %%: %s of the visible oracle", 100 * share, of_visible)
    print(
        json.dumps(
            {
                "claim": (__doc__ or "").splitlines()[0],
                "size": {
                    "customers": asked.customers, "seed": asked.seed,
                    "teaching_customers": round(asked.customers * asked.times),
                    "contactable": len(known.risk), "contacts": trained.contacts,
                },
                "ours": {"learner": trained.learner, "training_seconds": round(seconds, 1)},
                "peers": {"net_value_of_the_unlimited_oracle": round(float(unlimited.net.sum()))},
                "ratio": {name: each["ours_of_visible_oracle"] for name, each in table.items()},
                "budgets": table,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "versions": {"python": platform.python_version(), "lightgbm": version("lightgbm")},
                "holds": holds,
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
