"""The affinity ranker puts what customers buy next higher than popularity, habit and neighbours do.

Asked at held-out moments of customers who bought within the year before: which items will they buy in the
next 28 days? Of all items, of those bought before (repeat) and of those not (new: cross-sell). Ours is what
`holdfast affinity` makes; peers order the same items for the same customers: popularity of the last 28 days,
the customer's own habit (purchases that fade by half in 91 days, then popularity), item-to-item neighbours
(cosine, then popularity), and LightGBM's lambdarank on our candidates and facts. Differences are paired
bootstraps over customers. The last line of the output is one JSON object.
"""

import argparse
import json
import platform
import resource
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from benchmarks.churn_set import ROOT, SOURCES, base_of, world_of
from models.affinity import (
    PARAMETERS,
    AffinityFrame,
    affinity_moments,
    build_affinity_frame,
    learn_affinity,
)
from models.candidate import NAMES, Block
from models.learner import PARAMETERS as PLAIN
from models.purchase import CATEGORY, PRODUCT
from models.ranking import OURS, PEERS, Ranker, compare_rankings, judge_promise, rank_held_out, ranker_of
from tables.history import Histories
from tables.moment import local_day

Floats = npt.NDArray[np.float64]
SOURCES["complete_journey_1y"] = ROOT / "config/sources/complete_journey_1y"
SETS = {
    "simulator, categories": ("simulator", CATEGORY),
    "simulator, products": ("simulator", PRODUCT),
    "online_retail, products": ("online_retail", PRODUCT),
    "complete_journey_1y, categories": ("complete_journey_1y", CATEGORY),
}


def histories_of(name: str, customers: int, work: Path) -> Histories:
    return (world_of(customers, work) if name == "simulator" else base_of(name, work))[1]


def lambdarank(frame: AffinityFrame, trees: int) -> Ranker:
    """The same pairs in lists, one a customer and moment; as many trees."""
    order = np.lexsort([frame.places, frame.moments])
    apart = (np.diff(frame.places[order]) != 0) | (np.diff(frame.moments[order]) != 0)
    starts = np.r_[0, 1 + np.flatnonzero(apart)]
    settings = PLAIN | PARAMETERS | {"objective": "lambdarank", "lambdarank_truncation_level": 20}
    data = lgb.Dataset(
        frame.values[order], frame.bought[order], group=np.diff(np.r_[starts, len(order)]),
        params=settings, feature_name=list(NAMES),
    )  # fmt: skip
    booster = lgb.train(settings, data, trees)

    def rank(block: Block) -> Floats:
        score = np.full(block.candidate.shape, -1e6)
        score[block.candidate] = booster.predict(block.values(block.candidate))
        return score

    return rank


def judged(histories: Histories, field: str, most: int) -> dict[str, Any]:
    moments = affinity_moments(histories, histories.last_at)
    begun = time.perf_counter()
    frame = build_affinity_frame(histories, moments.train, field)
    model = learn_affinity(frame, field)
    trained = time.perf_counter() - begun
    rankers = {
        OURS: ranker_of(model),
        **PEERS,
        "lambdarank": lambdarank(frame, model.promise.booster.num_trees()),
    }
    rankings = rank_held_out(histories, moments.test, field, rankers, most=most)
    figures, ahead = compare_rankings(rankings)
    return {
        "moments": [local_day(t, histories.time_zone) for t in moments.test],
        "moments_learnt": len(moments.train),
        "pairs_learnt": len(frame.bought),
        "trees": model.promise.booster.num_trees(),
        "asked": len(rankings.places),
        "customers": len(np.unique(rankings.places)),
        "buying": {
            part: int(np.count_nonzero(np.isfinite(each[OURS]["ndcg_at_10"])))
            for part, each in rankings.values.items()
        },
        "figures": figures,
        "ahead": ahead,
        "promise": judge_promise(model, histories, moments.test[-1]),
        "seconds_to_train": trained,
        "seconds": time.perf_counter() - begun,
    }


def show(name: str, told: dict[str, Any]) -> None:
    print(f"\n{name}: asked {told['asked']:,} times of {told['customers']:,} customers at {told['moments']}; "
          f"learnt from {told['pairs_learnt']:,} pairs at {told['moments_learnt']} moments, "
          f"{told['trees']} trees, {told['seconds_to_train']:.0f} s")  # fmt: skip
    for part, by_metric in told["figures"].items():
        print(f"  {part} ({told['buying'][part]:,} rows in which something was bought)")
        for ranker in next(iter(by_metric.values())):
            line = "  ".join(f"{metric} {each[ranker]}" for metric, each in by_metric.items())
            gained = told["ahead"][part]["ndcg_at_10"].get(ranker)
            print(f"    {ranker:12} {line}" + (f"  ours ahead in NDCG {gained}" if gained else ""))
    print("  promise:", ", ".join(f"{name} {each}" for name, each in told["promise"].items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--customers", type=int, default=20_000, help="of the simulated world")
    parser.add_argument("--most", type=int, default=5_000, help="customers judged at each moment")
    parser.add_argument("--work", type=Path, help="a folder that keeps the bases between runs")
    options = parser.parse_args()
    told = {}
    with tempfile.TemporaryDirectory() as passing:
        work = options.work or Path(passing)
        work.mkdir(parents=True, exist_ok=True)
        for name in options.sets:
            source, field = SETS[name]
            told[name] = judged(histories_of(source, options.customers, work), field, options.most)
            show(name, told[name])
    print(json.dumps(concluded(told)))


def concluded(told: dict[str, Any]) -> dict[str, Any]:
    """What the run says of the claim: of every question, every peer but the other form of our own."""
    pairs = [
        (f"{name}, {part}: {peer}", gain)
        for name, each in told.items()
        for part, by_metric in each["ahead"].items()
        for peer, gain in by_metric["ndcg_at_10"].items()
    ]
    behind = [name for name, gain in pairs if gain.value <= 0]
    sizes = ("asked", "customers", "buying", "moments", "moments_learnt", "pairs_learnt", "trees")
    return {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {name: {key: each[key] for key in sizes} for name, each in told.items()},
        "ours": {name: _of(each, lambda ranker: ranker == OURS) for name, each in told.items()},
        "peers": {name: _of(each, lambda ranker: ranker != OURS) for name, each in told.items()},
        "difference": {name: each["ahead"] for name, each in told.items()},
        "promise": {name: each["promise"] for name, each in told.items()},
        "behind": behind,
        "interval_touches_zero": [name for name, gain in pairs if gain.low <= 0 < gain.value],
        "seconds": {name: each["seconds"] for name, each in told.items()},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {"python": platform.python_version(), "lightgbm": version("lightgbm")},
        "holds": not [name for name in behind if not name.endswith("lambdarank")],
    }


def _of(told: dict[str, Any], wanted: Any) -> dict[str, Any]:
    return {
        part: {
            metric: {name: each for name, each in by.items() if wanted(name)}
            for metric, by in by_metric.items()
        }
        for part, by_metric in told["figures"].items()
    }


if __name__ == "__main__":
    main()
