"""Ours with its defaults ranks leavers better than every peer does, on every data set, out of time.

Ours is what `holdfast train` makes of the rows of each set (benchmarks.churn_set). Peers, on the same rows:
recency alone, logistic regression on RFM, BG/NBD, XGBoost and CatBoost on RFM, LightGBM on featuretools'
features. Differences are paired bootstraps over customers. On the simulated world the share of the gap
between recency and the ceiling is told as well: the ceiling is the same learner, taught ten times as many
customers of another such world, with the truth's own probabilities for labels. The last line of the
output is one JSON object.
"""

import argparse
import json
import os
import platform
import resource
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.churn_ceiling import ceiling_frame
from benchmarks.churn_peer import PEERS
from benchmarks.churn_set import SETS, ChurnSet, simulator, truth_of
from models.baseline import predict_baselines
from models.metric import REPLICATES, Interval, auc, average_precision, brier, difference, intervals
from models.recipe import learn_churn
from tables.moment import local_day

Floats = npt.NDArray[np.float64]
GOAL_SHARE = 0.97
TIMES_AS_MANY = 10
METRICS = {"auc": auc, "average_precision": average_precision, "brier": brier}
# Published for the protocol, on what may differ in a detail; never a condition.
PUBLISHED = {
    "online_retail": {"LightGBM on 38 simple facts (data README)": 0.770},
    "cdnow": {"LightGBM on 38 simple facts (data README)": 0.744},
    "cdnow_split": {"tuned CatBoost (gregorywmorris/cdnow-customer-value)": 0.8472},
    "cdnow_sample": {"BG/NBD, expected count (data README)": 0.773},
}


def predictions_of(
    them: ChurnSet, peers: list[str], threads: int
) -> tuple[dict[str, Floats], dict[str, float]]:
    """Ours first, then each peer; and the seconds each took."""
    begun = time.perf_counter()
    promise = learn_churn(them.train, them.horizon_days)
    found = {"holdfast": promise(them.test.facts.values, them.test.facts.moments)}
    seconds = {"holdfast": time.perf_counter() - begun}
    begun = time.perf_counter()
    found |= predict_baselines(them.train, them.test, them.question)
    seconds["baselines"] = time.perf_counter() - begun
    for name in peers:
        begun = time.perf_counter()
        found[name] = PEERS[name](them, threads)
        seconds[name] = time.perf_counter() - begun
    return found, seconds


def judged(them: ChurnSet, found: dict[str, Floats]) -> dict[str, Any]:
    """Figures of each model and how far ours is ahead, with intervals over customers."""
    happened, groups = them.test.churned, them.test.facts.places
    figures = {name: intervals(METRICS, each, happened, groups) for name, each in found.items()}
    ours = found["holdfast"]
    ahead = {
        name: {
            "auc": difference(auc, ours, each, happened, groups),
            "brier": difference(brier, ours, each, happened, groups),
        }
        for name, each in found.items()
        if name != "holdfast"
    }
    return {
        "says": them.says,
        "rows_learnt": len(them.train),
        "moments_learnt": len(np.unique(them.train.facts.moments)),
        "rows": len(happened),
        "customers": len(np.unique(groups)),
        "churn_rate": float(happened.mean()),
        "figures": figures,
        "ahead": ahead,
        "published_auc": PUBLISHED.get(them.name, {}),
    }


def share_of_gap(them: ChurnSet, found: dict[str, Floats], customers: int, work: Path) -> dict[str, Any]:
    """How far from recency to the ceiling ours comes, in AUC: on what happened, and on the truth's own
    probabilities, that is on average over all that could have happened."""
    taught = ceiling_frame(customers, work)
    known = truth_of(
        them.tables, them.histories, local_day(int(them.test.facts.moments[0]), them.histories.time_zone)
    )
    known = known[them.test.facts.places]
    there = np.isfinite(known)
    teacher = learn_churn(taught, them.horizon_days, objective="cross_entropy")
    ceiling = teacher(them.test.facts.values, them.test.facts.moments)[there]
    ours, recency = found["holdfast"][there], found["recency"][there]

    def share(outcome: Floats, weight: Floats) -> float:
        low, high, mine = (auc(each, outcome, weight) for each in (recency, ceiling, ours))
        return (mine - low) / (high - low)

    told: dict[str, Any] = {"customers_taught": customers, "rows_taught": len(taught)}
    random = np.random.default_rng(7)
    n = int(there.sum())
    draws = [
        np.bincount(random.integers(n, size=n), minlength=n).astype(np.float64) for _ in range(REPLICATES)
    ]
    for name, outcome in (("happened", them.test.churned[there]), ("expected", known[there])):
        one = np.ones(n)
        low, high = np.percentile([share(outcome, weight) for weight in draws], [2.5, 97.5])
        told[name] = {
            "share": Interval(share(outcome, one), float(low), float(high)),
            "recency": auc(recency, outcome, one),
            "ours": auc(ours, outcome, one),
            "ceiling": auc(ceiling, outcome, one),
            "truth": auc(known[there], outcome, one),
        }
    return told


def show(name: str, told: dict[str, Any], seconds: dict[str, float]) -> None:
    print(f"\n{name}: {told['says']}; {told['rows']:,} rows, {told['churn_rate']:.1%} left; learnt from "
          f"{told['rows_learnt']:,} rows at {told['moments_learnt']} moments")  # fmt: skip
    for model, each in told["figures"].items():
        gained = told["ahead"].get(model)
        line = f"  {model:22} AUC {each['auc']}  AP {each['average_precision']}  Brier {each['brier']}"
        print(line + (f"  ours ahead {gained['auc']!s}" if gained else ""))
    print("  seconds:", ", ".join(f"{model} {spent:.0f}" for model, spent in seconds.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="*", default=[*SETS, "simulator"], choices=[*SETS, "simulator"])
    parser.add_argument("--customers", type=int, default=20_000, help="of the simulated world")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, help="a folder that keeps the bases between runs")
    options = parser.parse_args()
    told, spent = {}, {}
    with tempfile.TemporaryDirectory() as passing:
        work = options.work or Path(passing)
        work.mkdir(parents=True, exist_ok=True)
        for name in options.sets:
            them = simulator(work, options.customers) if name == "simulator" else SETS[name](work)
            found, spent[name] = predictions_of(them, options.peers, options.threads)
            told[name] = judged(them, found)
            show(name, told[name], spent[name])
            if name == "simulator":
                gap = share_of_gap(them, found, options.customers * TIMES_AS_MANY, work)
                told[name]["gap"] = gap
                shares = f"{gap['happened']['share']} on what happened, {gap['expected']['share']} expected"
                print(f"  of the gap from recency to the ceiling: {shares}", flush=True)
    result = concluded(told) | {
        "seconds": spent,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {
            "python": platform.python_version(),
            **{n: version(n) for n in ("lightgbm", "xgboost", "catboost", "featuretools", "scikit-learn")},
        },
    }
    print(f"behind: {', '.join(result['behind']) or 'nobody'}; interval touches zero: "
          f"{', '.join(result['interval_touches_zero']) or 'nowhere'}")  # fmt: skip
    print(json.dumps(result))


def concluded(told: dict[str, Any]) -> dict[str, Any]:
    """What the run says of the claim."""
    ahead = {n: {m: each["auc"] for m, each in t["ahead"].items()} for n, t in told.items()}
    pairs = [(f"{n}: {m}", each) for n, by in ahead.items() for m, each in by.items()]
    gaps = {n: t["gap"] for n, t in told.items() if "gap" in t}
    behind = [name for name, each in pairs if each.value <= 0]
    sizes = ("rows", "customers", "rows_learnt", "moments_learnt", "churn_rate", "says")
    return {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {n: {key: t[key] for key in sizes} for n, t in told.items()},
        "ours": {n: t["figures"]["holdfast"] for n, t in told.items()},
        "peers": {n: {m: f for m, f in t["figures"].items() if m != "holdfast"} for n, t in told.items()},
        "difference": ahead,
        "gap": gaps,
        "published_auc": {n: t["published_auc"] for n, t in told.items()},
        "behind": behind,
        "interval_touches_zero": [name for name, each in pairs if each.low <= 0 < each.value],
        "holds": not behind and all(g["happened"]["share"].value >= GOAL_SHARE for g in gaps.values()),
    }


if __name__ == "__main__":
    main()
