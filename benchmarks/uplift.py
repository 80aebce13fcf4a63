"""Our uplift learners are ahead of scikit-uplift's and causalml's on Hillstrom and on Starbucks.

Random halves of the customers: learnt from one, judged on the other, the same halves for all. Judged by
uplift at 30 % (scikit-uplift's `uplift_at_k`, overall) and the Qini coefficient (its `qini_auc_score`); both
mails of Hillstrom at once by what the best mail for the most promising 30 % adds, among those who happen to
have got it. Ours is the learner that training would choose, with the others beside it (both mails: the
one it falls back on). Intervals are of the mean over splits; "corrected" widens them for halves that overlap
(Nadeau & Bengio 2003). The last line of the output is one JSON object.
"""

import argparse
import json
import logging
import os
import platform
import resource
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.kept import Kept
from benchmarks.uplift_data import Told, hillstrom, starbucks
from benchmarks.uplift_peer import Peer, peers, several
from models.effect import PREFERRED
from models.trial import Trial
from models.uplift_learner import LEARNERS
from models.uplift_metric import judge, qini_area, qini_coefficient, uplift_at

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Scored = dict[str, dict[str, list[float]]]
# (facts, treatment, outcome) of the half learnt from, facts of the other half -> an effect by treatment
Learner = Callable[[Floats, Int64s, Floats, Floats], Floats]
DEPTH = 0.3


def ours(told: Told, learner: str) -> Peer:
    def promise(facts: Floats, contacted: Floats, outcome: Floats, others: Floats) -> Floats:
        return _learnt(told, learner, facts, contacted.astype(np.int64), outcome, others, np.zeros((1, 1)))[
            :, 0
        ]

    return promise


def chosen(told: Told, learners: list[str]) -> Peer:
    """The learner that training would choose: the preferred one, unless another is surely ahead of it (Qini
    area, paired interval) on a third of the customers learnt from."""

    def promise(facts: Floats, contacted: Floats, outcome: Floats, others: Floats) -> Floats:
        lots = np.random.default_rng(len(facts)).random(len(facts))
        taught, judged = lots >= 1 / 3, lots < 1 / 3
        effects = {
            name: ours(told, name)(facts[taught], contacted[taught], outcome[taught], facts[judged])
            for name in learners
        }
        rows = np.arange(int(judged.sum()))
        _, ahead = judge(qini_area, effects, outcome[judged], contacted[judged], rows, PREFERRED)
        sure = {name: each.value for name, each in ahead.items() if each.low > 0}
        best = max(sure, key=sure.__getitem__) if sure else PREFERRED
        logging.info("chosen: %s", best)
        return ours(told, best)(facts, contacted, outcome, others)

    return promise


def _learnt(
    told: Told,
    learner: str,
    facts: Floats,
    treatment: Int64s,
    outcome: Floats,
    others: Floats,
    terms: Floats,
) -> Floats:
    """Effects of all treatments for `others`. Who got none stands in the trial once for each treatment."""
    kinds = np.arange(1, len(terms) + 1)
    rows = np.concatenate([np.flatnonzero((treatment == k) | (treatment == 0)) for k in kinds])
    offer = np.concatenate([np.full(((treatment == k) | (treatment == 0)).sum(), k - 1) for k in kinds])
    contacted = (treatment[rows] > 0).astype(np.float64)
    share = np.array([contacted[offer == k - 1].mean() for k in kinds])
    trial = Trial(
        facts=facts[rows], offer=offer, terms=terms, contacted=contacted, outcome=outcome[rows],
        chance=share[offer], groups=rows, periods=np.zeros(len(rows), np.int64),
        names=told.names, offer_names=tuple(f"offer_{k}" for k in range(terms.shape[1])),
    )  # fmt: skip
    return LEARNERS[learner](trial).predict(others, terms)


def halves(groups: Int64s, seed: int) -> tuple[Int64s, Int64s]:
    """Rows of one half of the customers, and of the other."""
    customers = np.unique(groups)
    taught = np.random.default_rng(seed).permutation(customers)[: len(customers) // 2]
    inside = np.isin(groups, taught)
    return np.flatnonzero(inside), np.flatnonzero(~inside)


def judged(told: Told, learn: Peer, a: Int64s, b: Int64s) -> dict[str, float]:
    """Learnt from rows a, judged on rows b."""
    contacted = (told.treatment > 0).astype(np.float64)
    effect = learn(told.facts[a], contacted[a], told.outcome[a], told.facts[b])
    of = effect, told.outcome[b], contacted[b], np.ones(len(b))
    return {"uplift_at_30": uplift_at(DEPTH, *of), "qini": qini_coefficient(*of)}


def one_treatment(
    data: str, told: Told, splits: int, learners: list[str], with_peers: bool, kept: Kept
) -> Scored:
    scored: Scored = {}
    everyone = {f"ours, {name}": ours(told, name) for name in learners}
    if PREFERRED in learners and len(learners) > 1:
        everyone["ours, chosen"] = chosen(told, learners)
    if with_peers:
        everyone |= peers(len(told.groups) // 2)
    for seed in range(splits):
        a, b = halves(told.groups, seed)
        for name, learn in everyone.items():
            figures = kept.measured(f"{data}; {name}; {seed}", judged, told, learn, a, b)
            for metric, value in figures.items():
                scored.setdefault(name, {}).setdefault(metric, []).append(value)
        logging.info("split %d of %d", seed + 1, splits)
    return scored


def two_treatments(
    data: str, told: Told, splits: int, learners: list[str], with_peers: bool, kept: Kept
) -> Scored:
    """What a customer gains when the most promising 30 % get the mail that is best for each."""
    scored: Scored = {}
    mails = int(told.treatment.max())
    everyone: dict[str, Learner] = {}
    for learner in learners:
        everyone[f"ours, {learner}"] = lambda x, t, y, others, learner=learner: _learnt(  # type: ignore[misc]
            told, learner, x, t, y, others, np.eye(mails)
        )
    if with_peers:
        everyone |= several(len(told.groups) // 2)
    for seed in range(splits):
        a, b = halves(told.groups, seed)
        for name, learn in everyone.items():
            figure = kept.measured(f"{data}; {name}; {seed}", best_mail, told, learn, a, b)
            scored.setdefault(name, {"best_mail_at_30": []})["best_mail_at_30"].append(figure)
        logging.info("both mails: split %d of %d", seed + 1, splits)
    return scored


def best_mail(told: Told, learn: Learner, a: Int64s, b: Int64s) -> float:
    effect = learn(told.facts[a], told.treatment[a], told.outcome[a], told.facts[b])
    return best_at(DEPTH, effect, told.treatment[b], told.outcome[b])


def best_at(share: float, effect: Floats, treatment: Int64s, outcome: Floats) -> float:
    """What the best treatment adds to a customer of the most promising share: those who happen to have got
    their best one, less those who happen to have got none."""
    best = effect.argmax(axis=1) + 1
    first = np.argsort(-effect.max(axis=1), kind="stable")[: int(share * len(effect))]
    got, none = treatment[first] == best[first], treatment[first] == 0
    return float(outcome[first][got].mean() - outcome[first][none].mean())


def summary(scored: Scored, best: str) -> dict[str, Any]:
    """The mean over splits of every model, and ours less each, with 95 % intervals."""
    result: dict[str, Any] = {}
    for name, figures in scored.items():
        result[name] = {}
        for metric, values in figures.items():
            told = np.array(values)
            ahead = np.array(scored[best][metric]) - told
            spread = ahead.std(ddof=1) if len(told) > 1 else float("nan")
            plain, wide = (1.96 * spread * np.sqrt(w) for w in (1 / len(told), 1 / len(told) + 1.0))
            result[name][metric] = {
                "mean": round(float(told.mean()), 5),
                "ours_ahead": round(float(ahead.mean()), 5),
                "interval": [round(float(ahead.mean() + s * plain), 5) for s in (-1, 1)],
                "corrected": [round(float(ahead.mean() + s * wide), 5) for s in (-1, 1)],
                "wins": int((ahead > 0).sum()),
            }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--starbucks-splits", type=int, default=20)
    parser.add_argument("--both-splits", type=int, default=30)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("HOLDFAST_DATA", "../data")))
    parser.add_argument("--learners", default=",".join(LEARNERS), help="ours, to be shown")
    parser.add_argument("--ours", default="chosen", help="the one that is held against the peers")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--kept", type=Path, help="a file to keep figures in, so that a run can be resumed")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("causalml").setLevel(logging.ERROR)
    learners, with_peers = options.learners.split(","), not options.no_peers
    kept = Kept(options.kept)
    best = f"ours, {options.ours}"
    results: dict[str, Any] = {}
    mails = hillstrom(options.data / "hillstrom")
    if options.splits:
        womens = mails.treatment != 2
        one = Told(
            mails.facts[womens],
            mails.treatment[womens],
            mails.outcome[womens],
            mails.groups[womens],
            mails.names,
        )
        scored = one_treatment("women's", one, options.splits, learners, with_peers, kept)
        results["hillstrom, women's mail"] = summary(scored, best)
        logging.info("%s", json.dumps(results, indent=1))
    if options.both_splits:
        both = two_treatments("both", mails, options.both_splits, learners, with_peers, kept)
        fixed = best.replace("chosen", PREFERRED)
        results["hillstrom, both mails"] = summary(both, fixed)
        logging.info("%s", json.dumps(results["hillstrom, both mails"], indent=1))
    if options.starbucks_splits:
        waves = starbucks(options.data / "starbucks")
        scored = one_treatment("waves", waves, options.starbucks_splits, learners, with_peers, kept)
        results["starbucks, waves"] = summary(scored, best)
    ahead = [
        figure["ours_ahead"] > 0
        for models in results.values()
        for name, figures in models.items()
        if not name.startswith("ours")
        for figure in figures.values()
    ]
    print(
        json.dumps(
            {
                "claim": (__doc__ or "").splitlines()[0],
                "size": {
                    "splits": options.splits,
                    "both_splits": options.both_splits,
                    "starbucks_splits": options.starbucks_splits,
                },
                "ours": {
                    data: models.get(best, models.get(f"ours, {PREFERRED}"))
                    for data, models in results.items()
                },
                "peers": {
                    data: {name: each for name, each in models.items() if name != best}
                    for data, models in results.items()
                },
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "versions": {"python": platform.python_version()}
                | {name: version(name) for name in ("lightgbm", "scikit-uplift", "causalml", "xgboost")},
                "holds": bool(ahead) and all(ahead),
            }
        )
    )


if __name__ == "__main__":
    main()
