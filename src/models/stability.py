"""Which topics and facts a model leans on, and how much of that stays when it is trained again.

Importance is mean |SHAP| on rows held out. A ranking that changes with every training tells of chance, and
nobody should explain a business by it; so each figure comes with what retrainings and resamples of customers
make of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.stats import kendalltau

from models.explainer import Explainer
from models.metric import Interval
from models.topic import grouping, topic_effects

Floats = npt.NDArray[np.float64]
REPLICATES = 100
MOST_ROWS = 2_000
TOP_TOPICS, TOP_FACTS = 5, 10


@dataclass(frozen=True)
class Stability:
    """Over every pair of `models` and resample of the customers: rank correlation (Kendall's tau-b) and the
    share of the strongest (TOP_TOPICS, TOP_FACTS) that stays; topics, facts: mean |SHAP| in log-odds by name,
    the strongest first. Intervals hold 95 % of what models and resamples give."""

    models: int
    rows: int
    tau_topics: Interval
    tau_facts: Interval
    kept_topics: Interval
    kept_facts: Interval
    topics: dict[str, Interval]
    facts: dict[str, Interval]


def stability_of(
    models: Sequence[lgb.Booster],
    values: Floats,
    places: npt.NDArray[np.int64],
    names: tuple[str, ...],
) -> Stability:
    """Of retrainings of one model, on facts held out. values: shape (rows, facts); places: each row's
    customer. At most MOST_ROWS rows are read, taken by lot."""
    if len(models) < 2:
        raise ValueError(f"stability is told by two models or more; came {len(models)}")
    rows = np.sort(np.random.default_rng(11).permutation(len(values))[:MOST_ROWS])
    told = [Explainer(model)(values[rows]) for model in models]
    weights = _weights(places[rows])
    facts = np.stack([weights @ np.abs(each) for each in told])
    topics = np.stack([weights @ np.abs(topic_effects(each, names)) for each in told])
    return Stability(
        models=len(models),
        rows=len(rows),
        tau_topics=_tau(topics),
        tau_facts=_tau(facts),
        kept_topics=_kept(topics, TOP_TOPICS),
        kept_facts=_kept(facts, TOP_FACTS),
        topics=_means(topics, tuple(topic.name for topic in grouping(names).topics)),
        facts=_means(facts, names),
    )


def _weights(places: npt.NDArray[np.int64]) -> Floats:
    """What each row counts in the mean: first as it is, then in resamples of customers; a row sums to 1."""
    _, member = np.unique(places, return_inverse=True)
    random, n = np.random.default_rng(12), int(member.max()) + 1
    draws = [np.bincount(random.integers(n, size=n), minlength=n)[member] for _ in range(REPLICATES)]
    weights = np.vstack([np.ones(len(places)), *draws])
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _tau(means: Floats) -> Interval:
    """means: shape (models, 1 + resamples, names); of one name there is no order to keep."""
    if means.shape[2] < 2:
        return Interval(float("nan"), float("nan"), float("nan"))
    pairs = list(combinations(range(len(means)), 2))
    return _interval(
        np.array(
            [
                [kendalltau(means[a, k], means[b, k]).statistic for k in range(means.shape[1])]
                for a, b in pairs
            ]
        )
    )


def _kept(means: Floats, most: int) -> Interval:
    best = np.argsort(-means, axis=2, kind="stable")[:, :, :most]
    pairs = list(combinations(range(len(means)), 2))
    return _interval(
        np.array([[np.isin(best[a, k], best[b, k]).mean() for k in range(means.shape[1])] for a, b in pairs])
    )


def _means(means: Floats, names: tuple[str, ...]) -> dict[str, Interval]:
    every = {name: _interval(means[:, :, k]) for k, name in enumerate(names)}
    return dict(sorted(every.items(), key=lambda each: -each[1].value))


def _interval(figures: Floats) -> Interval:
    """figures: by pair or model, and by resample, the first being all rows as they are."""
    low, high = np.nanpercentile(figures, [2.5, 97.5])
    return Interval(float(np.nanmean(figures[:, 0])), float(low), float(high))
