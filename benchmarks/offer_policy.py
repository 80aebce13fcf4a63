"""On the simulator the offers chosen get at least 95 % of what any policy on visible facts could get.

One world is lived through and its past learnt from, as `holdfast train` does. What each offer would add to
each customer is known to the simulator. The policy measurable from the facts is learnt in another, larger
world from these noise-free effects, by LightGBM and by a linear model on ranks, and the best counts; the full
oracle, which knows every customer's hidden state, stands beside it. Without a budget, and when only so many
customers may be contacted, against contacting the riskiest (by the truth's own risk) with the best single
offer. Shares are of the full oracle's net value. The last line of the output is one JSON object.
"""

import argparse
import json
import logging
import platform
import resource
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from features.consent import consent
from features.reader import read_facts
from models.basis import fit_basis
from models.contact import EFFECT_FACTS, own_facts, terms_of, usual_order
from models.effect import OfferModels, predict_offers, train_offer_models
from models.metric import resamples
from simulator.simulate import simulate
from simulator.world import World
from tables.checking import check_tables
from tables.history import Histories, read_histories
from tables.moment import DAY, local_day
from tables.offer import Offer, offers_at
from tables.sorting import write_histories

Floats = npt.NDArray[np.float64]
HORIZON = 91 * DAY
GOAL, GOAL_RISKIEST = 0.95, 2.0
DEPTHS = (0.1, 0.2, 0.3)
LEAST_NET = 50.0  # as in config/policy.yaml
TREES = 120
ORACLE = {
    "objective": "regression", "num_leaves": 15, "learning_rate": 0.06, "feature_fraction": 0.2,
    "min_data_in_leaf": 60, "lambda_l2": 5.0, "max_bin": 63, "verbosity": -1, "seed": 1,
}  # fmt: skip


class Known(NamedTuple):
    """Customers who may be contacted, a horizon before the world's end: all facts; added: what each offer
    adds over nothing (net, minor units), redeemed: with which probability it is redeemed, shape (customers,
    offers), nan where not valid; risk: true."""

    histories: Histories
    offers: tuple[Offer, ...]
    tables: Path
    facts: Floats
    names: tuple[str, ...]
    added: Floats
    redeemed: Floats
    risk: Floats

    @property
    def own(self) -> Floats:
        return own_facts(self.facts, self.names)


def lived(folder: Path, customers: int, seed: int) -> Known:
    world = World(customers=customers, seed=seed)
    raw, base = folder / "raw", folder / "base"
    simulate(world, raw)
    about = {
        "source": "simulator", "description": "benchmark", "time_zone": world.time_zone,
        "currency": world.currency, "minor_units": 100, "counted": {}, "ends_at": world.end.isoformat(),
    }  # fmt: skip
    (raw / "base.json").write_text(json.dumps(about))
    check_tables(raw, base / "tables", base / "refused", share=0.01, now=datetime.now(UTC))
    write_histories(base / "tables", base / "histories")
    histories = read_histories(base / "histories")
    t = histories.last_at - HORIZON
    offers = offers_at(base / "tables", histories.last_at)
    truth = pq.read_table(raw / "truth" / f"{local_day(t, histories.time_zone)}.parquet")
    ids = ["", *(offer.offer_id for offer in offers)]
    place = histories.find(truth["customer_id"].to_numpy(zero_copy_only=False))
    column = np.array([ids.index(each) for each in truth["offer_id"].to_pylist()])
    net = np.full((len(histories), len(ids)), np.nan)
    redeemed, risk = np.full(net.shape, np.nan), np.full(len(histories), np.nan)
    there = place >= 0
    redeemed[place[there], column[there]] = truth["p_redeemed"].to_numpy()[there]
    net[place[there], column[there]] = truth["expected_net_value"].to_numpy()[there]
    risk[place[there]] = truth["p_churn_logged"].to_numpy()[there]
    everyone = np.arange(len(histories))
    told = read_facts(histories, everyone, t)
    reachable = read_facts(histories, everyone, t, (consent,)).values[:, 0] > 0
    base_rows = (told.column("orders_364d") > 0) & reachable & np.isfinite(net[:, 0])
    return Known(
        histories, offers, base / "tables", told.values[base_rows], told.names,
        (net[:, 1:] - net[:, :1])[base_rows], redeemed[base_rows][:, 1:], risk[base_rows],
    )  # fmt: skip


def promised_net(known: Known, models: OfferModels) -> Floats:
    response, uplift = predict_offers(models, known.own, terms_of(known.offers))
    cost = np.array([(offer.cost, offer.contact_cost) for offer in known.offers], dtype=np.float64)
    return uplift - response * cost[:, 0] - cost[:, 1]


def measurable(teacher: Known, known: Known) -> dict[str, Floats]:
    """Net effects as far as facts show them, learnt from the noise-free ones of another world."""
    spend = float(np.nanmedian(teacher.own[:, EFFECT_FACTS.index("spend_per_order_364d")]))
    unit, ours = usual_order(teacher.own, spend), usual_order(known.own, spend)
    basis = fit_basis(teacher.own)
    columns, others = basis(teacher.own).T, basis(known.own).T
    boosted, linear = np.full(known.added.shape, np.nan), np.full(known.added.shape, np.nan)
    for k in range(len(teacher.offers)):
        target = teacher.added[:, k] / unit
        if not np.isfinite(target).all():
            continue
        booster = lgb.train(ORACLE, lgb.Dataset(teacher.facts, target, weight=unit), TREES)
        boosted[:, k] = np.asarray(booster.predict(known.facts)) * ours
        weighted = columns * unit[:, None]
        gram = weighted.T @ columns + unit.mean() * np.eye(columns.shape[1])
        linear[:, k] = others @ np.linalg.solve(gram, weighted.T @ target) * ours
    return {"boosted": boosted, "linear": linear, "both": (boosted + linear) / 2}


def earned(known: Known, net: Floats, share: float = 1.0, least: float = 0.0) -> Floats:
    """What each customer brings when the best offer goes to the `share` of customers promised most."""
    valid = np.isfinite(known.added)
    told = np.where(valid, np.nan_to_num(net, nan=-np.inf), -np.inf)
    best, rows = told.argmax(axis=1), np.arange(len(told))
    first = np.argsort(-told[rows, best], kind="stable")[: int(share * len(told))]
    chosen = np.zeros(len(told), dtype=bool)
    chosen[first] = told[first, best[first]] > least
    return np.where(chosen, np.nan_to_num(known.added[rows, best]), 0.0)


def riskiest(known: Known, share: float) -> Floats:
    """The best single offer, as only the truth knows it, for the customers most at risk."""
    best = int(np.nanargmax(np.where(np.isfinite(known.added).all(axis=0), known.added.sum(axis=0), -np.inf)))
    first = np.argsort(-known.risk, kind="stable")[: int(share * len(known.risk))]
    brought = np.zeros(len(known.risk))
    brought[first] = known.added[first, best]
    return brought


def ratio(part: Floats, whole: Floats) -> dict[str, float]:
    drawn = [float((w * part).sum() / (w * whole).sum()) for w in resamples(np.arange(len(part)), 200)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    told = {"value": part.sum() / whole.sum(), "low": low, "high": high}
    return {name: round(float(each), 4) for name, each in told.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--times", type=float, default=10.0, help="how much larger the teaching world is")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        known = lived(folder / "ours", options.customers, options.seed)
        logging.info("world: %d customers who may be contacted", len(known.risk))
        begun = time.perf_counter()
        t = known.histories.last_at
        trained = train_offer_models(
            known.histories, known.offers, t - HORIZON, t, margin_rate=0.3, horizon_days=91
        )
        seconds = time.perf_counter() - begun
        logging.info("trained in %.1f s; chosen: %s", seconds, trained.learner)
        teacher = lived(folder / "teacher", int(options.customers * options.times), options.seed + 1)
        logging.info("teacher: %d customers who may be contacted", len(teacher.risk))
        measured = {name: earned(known, net) for name, net in measurable(teacher, known).items()}
    net = promised_net(known, trained.evaluated)
    oracle = earned(known, known.added)
    ours, best = earned(known, net, least=LEAST_NET), max(measured.values(), key=np.sum)
    valid = np.isfinite(known.added).all(axis=0)
    blanket = known.added[:, valid][:, known.added[:, valid].sum(axis=0).argmax()]
    limited = {
        f"{depth:.0%}": {
            "ours": ratio(earned(known, net, depth), oracle),
            "riskiest": ratio(riskiest(known, depth), oracle),
        }
        for depth in DEPTHS
    }
    twice = all(
        each["ours"]["value"] >= GOAL_RISKIEST * each["riskiest"]["value"] for each in limited.values()
    )
    result = ratio(ours, best)
    print(
        json.dumps(
            {
                "claim": (__doc__ or "").splitlines()[0],
                "size": {
                    "customers": options.customers,
                    "teaching_customers": round(options.customers * options.times),
                    "contactable": len(oracle), "contacts": trained.contacts,
                },
                "ours": {"share_of_full_oracle": ratio(ours, oracle), "learner": trained.learner,
                         "training_seconds": round(seconds, 1)},
                "peers": {
                    **{f"measurable, {name}": ratio(each, oracle) for name, each in measured.items()},
                    "best single offer for all": ratio(blanket, oracle),
                },
                "ratio": {"of the best measurable": result},
                "contacting only so many": limited,
                "compared": {name: [round(x, 1) for x in each] for name, each in trained.compared.items()},
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "versions": {"python": platform.python_version(), "lightgbm": version("lightgbm")},
                "holds": result["value"] >= GOAL and twice,
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
