"""A promise of 30 % means 30 %: debiased calibration error at most 0.02 on real data, 0.01 on the simulator.

Ours and the peers' probabilities on the sets of the churn benchmark, out of time. The error is the root mean
squared one over fifteen equal groups less what chance alone shows (Kumar, Liang & Ma 2019), with slope and
intercept of the log-odds; overall and by slice. Sets whose judged moments are several are told as a whole:
their rows are not independent, so that their intervals are too narrow. The last line is one JSON object.
"""

import argparse
import json
import os
import platform
import resource
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.churn_accuracy import predictions_of
from benchmarks.churn_set import SETS, ChurnSet, simulator
from models.evaluation import LEAST_IN_SLICE, slices
from models.metric import (
    Interval,
    calibration_intercept,
    calibration_slope,
    debiased_calibration_interval,
    intervals,
)

Floats = npt.NDArray[np.float64]
GOALS = {"simulator": 0.01}
GOAL = 0.02
SLOPE = (0.9, 1.1)
# Those that split customers and not time know the level of the time they are judged on.
JUDGED = ("online_retail", "cdnow", "complete_journey", "simulator")
LINES = {"slope": calibration_slope, "intercept": calibration_intercept}


def calibrated(predicted: Floats, happened: Floats) -> dict[str, Any]:
    error = debiased_calibration_interval(predicted, happened)
    return {
        "error": error,
        **intervals(LINES, predicted, happened, replicates=100),
        "promised": float(predicted.mean()),
        "came": float(happened.mean()),
        "rows": len(happened),
    }


def told_of(them: ChurnSet, found: dict[str, Floats]) -> dict[str, Any]:
    happened = them.test.churned
    whole = {name: calibrated(each, happened) for name, each in found.items()}
    by_slice = {}
    for name, member in slices(them.test, them.question).items():
        left = happened[member].sum()
        if min(left, member.sum() - left) >= LEAST_IN_SLICE:
            by_slice[name] = calibrated(found["holdfast"][member], happened[member])
    by_moment = {}
    for k, t in enumerate(np.unique(them.test.facts.moments)):
        rows = them.test.facts.moments == t
        by_moment[str(k)] = calibrated(found["holdfast"][rows], happened[rows])
    return {"says": them.says, "whole": whole, "by_slice": by_slice, "by_moment": by_moment}


def held(name: str, told: dict[str, Any]) -> bool:
    ours = told["whole"]["holdfast"]
    error, slope = ours["error"], ours["slope"]
    return bool(error.value <= GOALS.get(name, GOAL) and SLOPE[0] <= slope.value <= SLOPE[1])


def show(name: str, told: dict[str, Any]) -> None:
    print(f"\n{name}: {told['says']}")
    for group in ("whole", "by_slice"):
        for which, each in told[group].items():
            line = f"error {each['error']}  slope {each['slope']}  intercept {each['intercept']}"
            came = f"promised {each['promised']:.3f}, came {each['came']:.3f}, {each['rows']:,} rows"
            print(f"  {which:30} {line}  {came}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="*", default=list(JUDGED), choices=list(JUDGED))
    parser.add_argument("--customers", type=int, default=20_000, help="of the simulated world")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, help="a folder that keeps the bases between runs")
    options = parser.parse_args()
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as passing:
        work = options.work or Path(passing)
        work.mkdir(parents=True, exist_ok=True)
        for name in options.sets:
            them = simulator(work, options.customers) if name == "simulator" else SETS[name](work)
            found, _ = predictions_of(them, ["xgboost_rfm", "catboost_rfm"], options.threads)
            told[name] = told_of(them, found)
            show(name, told[name])

    def errors(of: str) -> dict[str, Interval]:
        return {name: each["whole"][of]["error"] for name, each in told.items() if of in each["whole"]}

    peers = dict.fromkeys(model for each in told.values() for model in each["whole"] if model != "holdfast")
    result = {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {name: each["whole"]["holdfast"]["rows"] for name, each in told.items()},
        "ours": errors("holdfast"),
        "peers": {peer: errors(peer) for peer in peers},
        "slope": {name: each["whole"]["holdfast"]["slope"] for name, each in told.items()},
        "intercept": {name: each["whole"]["holdfast"]["intercept"] for name, each in told.items()},
        "by_slice": {
            name: {s: each["error"] for s, each in t["by_slice"].items()} for name, t in told.items()
        },
        "by_moment": {n: {m: each["error"] for m, each in t["by_moment"].items()} for n, t in told.items()},
        "difference": {
            peer: {name: each.value - errors("holdfast")[name].value for name, each in errors(peer).items()}
            for peer in peers
        },
        "holds_by_set": {name: held(name, each) for name, each in told.items()},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("lightgbm", "xgboost", "catboost", "scikit-learn")},
        },
        "holds": all(held(name, each) for name, each in told.items()),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
