"""Exact reasons for every customer come at least twelve times as fast as from LightGBM's `pred_contrib`.

Ours explains all customers on both cores, with the tables made before, as a bundle makes them once; the
strongest reasons and their words are timed too. Peers: `pred_contrib` on as many threads, shap's
TreeExplainer and, where it is installed, woodelf_explainer, each on as many customers as it can do in
reasonable time. Values are compared with `pred_contrib`. The last line of the output is one JSON object.
"""

import argparse
import json
import os
import platform
import resource
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.reader import names_of
from models.explainer import Explainer
from models.reason import Money, strongest, texts

Floats = npt.NDArray[np.float64]
TREES, LEAVES, DEPTH, FACTS = 300, 63, 6, 240
LEARNT = 40_000
MISSING = 0.2
CALLS = 200
# At most so many customers a turn: what a peer can do in about five seconds.
PRED_CONTRIB, SHAP, WOODELF = 5_000, 500, 20_000
GOAL, LARGEST_DIFFERENCE = 12.0, 1e-5


def made_facts(customers: int, seed: int) -> Floats:
    random = np.random.default_rng(seed)
    values = random.gamma(1.0, 10.0, size=(customers, FACTS))
    values[:, ::3] = np.rint(values[:, ::3])
    for start in range(0, customers, 10_000):
        part = values[start : start + 10_000]
        part[random.uniform(size=part.shape) < MISSING] = np.nan
    return values


def made_model() -> lgb.Booster:
    random = np.random.default_rng(1)
    values = made_facts(LEARNT, 2)
    score = np.nan_to_num(values, nan=15.0) @ random.normal(size=FACTS)
    target = (score + random.normal(size=LEARNT) * 50 > np.median(score)).astype(float)
    settings = {
        "objective": "binary", "num_leaves": LEAVES, "max_depth": DEPTH, "learning_rate": 0.05,
        "feature_fraction": 0.5, "max_bin": 63, "verbosity": -1,
    }  # fmt: skip
    return lgb.train(settings, lgb.Dataset(values, target), TREES)


def rate(run: Callable[[Floats], Any], values: Floats) -> tuple[float, Any]:
    """Customers a second, and the answer."""
    begun = time.perf_counter()
    answer = run(values)
    return len(values) / (time.perf_counter() - begun), answer


def one_at_a_time(run: Callable[[Floats], Any], values: Floats) -> float:
    begun = time.perf_counter()
    for row in range(CALLS):
        run(values[row : row + 1])
    return CALLS / (time.perf_counter() - begun)


def by_shap(booster: lgb.Booster) -> Callable[[Floats], Any]:
    import shap  # noqa: PLC0415

    explain = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
    # For LightGBM it calls pred_contrib itself.
    return lambda values: np.asarray(explain.shap_values(values))


def by_woodelf(booster: lgb.Booster) -> Callable[[Floats], Any]:
    import pandas as pd  # noqa: PLC0415
    from woodelf.explainer import WoodelfExplainer  # noqa: PLC0415

    explain = WoodelfExplainer(booster)
    names = booster.feature_name()
    return lambda values: explain.shap_values(pd.DataFrame(values, columns=names), verbose=False)


def said(told: Floats, values: Floats, names: tuple[str, ...]) -> dict[str, float]:
    """Rates of finding the strongest reasons and of putting them into words of both languages."""
    known, told, values = names[: told.shape[1]], told[:, : len(names)], values[:, : len(names)]
    money = Money("EUR", 100)
    texts(strongest(told[:10], known), values[:10], known, money)
    found, words = rate(lambda part: strongest(part, known), told)
    spoken, _ = rate(lambda part: texts(words, part, known, money), values)
    return {"strongest reasons": found, "words in two languages": spoken}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3, help="turns of ours and the peers; the best counts")
    options = parser.parse_args()
    booster = made_model()
    values = made_facts(options.customers, 3)
    threads = os.cpu_count() or 1
    begun = time.perf_counter()
    Explainer(booster)
    first_made = time.perf_counter() - begun
    begun = time.perf_counter()
    explain = Explainer(booster)
    made = time.perf_counter() - begun
    explain(values[:2])

    def pred_contrib(part: Floats) -> Any:
        return np.asarray(booster.predict(part, pred_contrib=True, num_threads=threads))[:, :-1]

    reference = f"pred_contrib, {threads} threads"
    peers: dict[str, tuple[Callable[[Floats], Any], int]] = {reference: (pred_contrib, PRED_CONTRIB)}
    if find_spec("shap"):
        peers["shap.TreeExplainer"] = (by_shap(booster), SHAP)
    if find_spec("woodelf"):
        peers["woodelf_explainer"] = (by_woodelf(booster), WOODELF)
    rates: dict[str, list[float]] = defaultdict(list)
    difference = 0.0
    for _ in range(options.rounds):
        spent, told = rate(explain, values)
        rates["all customers"].append(spent)
        rates["all customers, 1 thread"].append(rate(lambda part: explain(part, threads=1), values)[0])
        for name, each in said(told, values, names_of()).items():
            rates[name].append(each)
        rates["one customer"].append(one_at_a_time(explain, values))
        rates["one customer, pred_contrib"].append(one_at_a_time(pred_contrib, values))
        for name, (run, most) in peers.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # theirs
                spent, theirs = rate(run, values[:most])
            rates[name].append(spent)
            apart = float(np.abs(theirs - told[: len(theirs)]).max())
            print(f"{name}: {spent:,.0f} customers/s, at most {apart:.1e} from ours")
            if name == reference:
                difference = max(difference, apart)
    best = {name: max(each) for name, each in rates.items()}
    ratio = {name: best["all customers"] / best[name] for name in peers}
    print(
        f"ours: {best['all customers']:,.0f} customers/s on {threads} threads, "
        f"{1e6 / best['one customer']:,.0f} us for one; tables of {explain.tables.table.nbytes / 1e6:.0f} MB "
        f"made in {made:.2f} s, {first_made:.1f} s in a new process; "
        f"at most {difference:.1e} from pred_contrib"
    )
    compared = ("strongest reasons", "words in two languages")
    result = {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {
            "customers": options.customers, "facts": FACTS, "missing": MISSING, "trees": booster.num_trees(),
            "depth": DEPTH, "leaves": len(explain.tables.fact) + booster.num_trees(),
            "customers_of_peers": {name: min(most, options.customers) for name, (_, most) in peers.items()},
        },
        "unit": "customers a second",
        "ours": {name: each for name, each in best.items() if name not in peers},
        "peers": {name: best[name] for name in peers},
        "ratio": ratio,
        "largest_difference": difference,
        "seconds_to_make_tables": made,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "numba", "lightgbm", "shap") if find_spec(name)},
        },
        "holds": ratio[reference] >= GOAL
        and difference <= LARGEST_DIFFERENCE
        and all(best[name] > best["all customers"] for name in compared),
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
