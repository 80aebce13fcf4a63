"""Is what was bought near the top of the list? Metrics a customer, and the lists every ranker must beat.

Three questions of one ranking: of all items; of those the customer bought before (repeat); of those not
bought in the two years before (new: cross-sell). What was bought and can be in no list counts as missed.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.reader import Progress
from models.affinity import Affinity, Known, bought_after, known_at, was_bought
from models.assortment import ITEM_FACTS
from models.bootstrap import paired
from models.candidate import Block, blocks_of
from models.metric import (
    Interval,
    Metric,
    auc,
    brier,
    calibration_error,
    calibration_slope,
    intervals,
    with_interval,
)
from models.purchase import Purchases
from tables.code import lots_of
from tables.history import Histories

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Ranker = Callable[[Block], Floats]
PARTS = ("all", "repeat", "new")
METRICS = ("recall_at_5", "ndcg_at_10", "map_at_10")
SHORT, DEPTH = 5, 10
DISCOUNT = 1.0 / np.log2(np.arange(2, DEPTH + 2))
OURS = "holdfast"
MOST_JUDGED = 5_000
PROMISED: dict[str, Metric] = {
    "auc": auc,
    "brier": brier,
    "calibration_error": calibration_error,
    "calibration_slope": calibration_slope,
}
# Some hundred pairs a customer: more resamples would cost more than they tell.
REPLICATES_OF_PROMISE = 40
# Orders items that a score is silent on, and never reorders those it speaks of.
LITTLE = 1e-9


def by_popularity(block: Block) -> Floats:
    """The same list for everybody: buyers of the last 28 days; of equals, those of 91."""
    buyers = block.assortment.facts[:, ITEM_FACTS.index("item_buyers_28d")]
    return np.broadcast_to(_filled(buyers[None, :]), block.own.shape)


def by_habit(block: Block) -> Floats:
    """What the customer bought often and lately; then what is popular."""
    return _filled(block.by_habit)


def by_neighbours(block: Block) -> Floats:
    """Item-to-item: the sum of cosines with what the customer bought in the year, an item's own being 1."""
    return _filled(block.by_neighbours + block.own_364d)


PEERS: dict[str, Ranker] = {"popularity": by_popularity, "habit": by_habit, "neighbours": by_neighbours}


def ranker_of(model: Affinity) -> Ranker:
    """The model's order of the candidates, then the rest by popularity."""

    def rank(block: Block) -> Floats:
        return _filled(np.where(block.candidate, model(block), -1.0))

    return rank


class Rankings(NamedTuple):
    """places: each row's customer; moments: microseconds; shape (rows,). values: part -> ranker -> metric ->
    shape (rows,), nan where the customer bought nothing of the part."""

    places: Int64s
    moments: Int64s
    values: dict[str, dict[str, dict[str, Floats]]]


def rank_held_out(
    histories: Histories,
    moments: Sequence[int],
    field: str,
    rankers: Mapping[str, Ranker],
    *,
    most: int = MOST_JUDGED,
    progress: Progress | None = None,
) -> Rankings:
    """Every ranker's lists at each moment, for at most so many customers a moment, drawn by lot, who bought
    within the year before: all rankers order the same items for the same customers."""
    lots = lots_of(histories.ids, "affinity judged")
    found: dict[tuple[str, str, str], list[Floats]] = {}
    places, times = [], []
    for k, t in enumerate(moments):
        known = known_at(histories, t, field)
        base = known.base[np.argsort(lots[known.base], kind="stable")[:most]]
        asked = np.sort(base)
        later = bought_after(histories, asked, t, field)
        wanted = _wanted(known, later, asked)
        places.append(asked)
        times.append(np.full(len(asked), t))
        start = 0
        for block in blocks_of(known.purchases, asked, known.assortment):
            rows = slice(start, start + len(block.places))
            start = rows.stop
            bought = was_bought(block, later)
            for name, ranker in rankers.items():
                score = ranker(block)
                for part, allowed in zip(PARTS, (None, block.own, ~block.own), strict=True):
                    hits = hits_of(score, bought, allowed)
                    for metric, value in ranked_metrics(hits, wanted[part][rows]).items():
                        found.setdefault((part, name, metric), []).append(value)
        if progress:
            progress(k + 1, len(moments))
    values = {
        part: {
            name: {metric: np.concatenate(found[part, name, metric]) for metric in METRICS}
            for name in rankers
        }
        for part in PARTS
    }
    return Rankings(np.concatenate(places), np.concatenate(times), values)


def hits_of(score: Floats, bought: Flags, allowed: Flags | None) -> Flags:
    """Whether what stands at each of the first DEPTH places was bought; shape (customers, DEPTH)."""
    told = score if allowed is None else np.where(allowed, score, -np.inf)
    depth = min(DEPTH, told.shape[1])
    best = np.argpartition(-told, depth - 1, axis=1)[:, :depth]
    strength = np.take_along_axis(told, best, axis=1)
    best = np.take_along_axis(best, np.argsort(-strength, axis=1, kind="stable"), axis=1)
    hits = np.zeros((len(told), DEPTH), dtype=bool)
    hits[:, :depth] = np.take_along_axis(bought, best, axis=1)
    hits[:, :depth] &= np.isfinite(np.take_along_axis(told, best, axis=1))
    return hits


def ranked_metrics(hits: Flags, wanted: Int64s) -> dict[str, Floats]:
    """wanted: how many items were bought; shape (customers,), nan where none was.

    Recall: the share of them among the first five. NDCG: hits weigh less further down, 1 when no order could
    be better (Järvelin & Kekäläinen 2002). MAP: the mean precision at each hit.
    """
    some = np.where(wanted > 0, wanted, np.nan)
    possible = np.minimum(np.maximum(wanted, 1), DEPTH)
    ideal = np.cumsum(DISCOUNT)[possible - 1]
    precision = np.cumsum(hits, axis=1) / np.arange(1, DEPTH + 1)
    return {
        "recall_at_5": hits[:, :SHORT].sum(axis=1) / some,
        "ndcg_at_10": np.where(wanted > 0, (hits * DISCOUNT).sum(axis=1) / ideal, np.nan),
        "map_at_10": np.where(wanted > 0, (hits * precision).sum(axis=1) / possible, np.nan),
    }


def compare_rankings(
    rankings: Rankings, against: str = OURS
) -> tuple[dict[str, dict[str, dict[str, Interval]]], dict[str, dict[str, dict[str, Interval]]]]:
    """(part -> metric -> ranker -> figure, and -> how far `against` is ahead of each), with 95 % intervals on
    the same resamples of customers; a part of which nobody bought anything is left out."""
    figures: dict[str, dict[str, dict[str, Interval]]] = {}
    ahead: dict[str, dict[str, dict[str, Interval]]] = {}
    for part, by_ranker in rankings.values.items():
        there = np.isfinite(next(iter(by_ranker.values()))[METRICS[0]])
        if not there.any():
            continue
        figures[part], ahead[part] = {}, {}
        for metric in METRICS:
            means = {name: partial(_mean, values[metric][there]) for name, values in by_ranker.items()}
            alone, behind = paired(means, rankings.places[there], against)
            figures[part][metric] = alone
            ahead[part][metric] = {
                name: Interval(-each.value, -each.high, -each.low) for name, each in behind.items()
            }
    return figures, ahead


def judge_promise(
    model: Affinity, histories: Histories, t: int, *, most: int = MOST_JUDGED
) -> dict[str, Interval]:
    """Is a promise of 30 % kept in 30 of 100 cases? Of the candidates as of t, with intervals over customers;
    promised_to_bought is of all pairs, what is no candidate among them."""
    known = known_at(histories, t, model.field)
    lots = lots_of(histories.ids, "affinity judged")
    asked = np.sort(known.base[np.argsort(lots[known.base], kind="stable")[:most]])
    later = bought_after(histories, asked, t, model.field)
    told: list[Floats] = []
    came: list[Floats] = []
    owner: list[Int64s] = []
    promised, bought_in_all = [], []
    for block in blocks_of(known.purchases, asked, known.assortment):
        probability, bought = model(block), was_bought(block, later)
        told.append(probability[block.candidate])
        came.append(bought[block.candidate].astype(np.float64))
        owner.append(block.places[np.nonzero(block.candidate)[0]])
        promised.append(probability.sum(axis=1))
        bought_in_all.append(bought.sum(axis=1).astype(np.float64))
    if not told:
        return {}
    p, y, groups = np.concatenate(told), np.concatenate(came), np.concatenate(owner)
    return intervals(PROMISED, p, y, groups, replicates=REPLICATES_OF_PROMISE) | {
        "promised_to_bought": with_interval(_ratio, np.concatenate(promised), np.concatenate(bought_in_all))
    }


def _ratio(promised: Floats, bought: Floats, weight: Floats) -> float:
    return float((weight * promised).sum() / max((weight * bought).sum(), 1e-12))


def _mean(values: Floats, weight: Floats) -> float:
    return float((weight * values).sum() / weight.sum())


def _filled(score: Floats) -> Floats:
    """Items stand by popularity."""
    return np.asarray(score - LITTLE * np.arange(score.shape[1]))


def _wanted(known: Known, later: Purchases, asked: Int64s) -> dict[str, Int64s]:
    """How many items each customer bought later, by part; items outside the assortment too."""
    before = known.purchases
    item = np.unique(np.r_[later.item, before.item], return_inverse=True)[1]
    span = int(item.max()) + 1 if len(item) else 1
    came = np.unique(later.place * span + item[: len(later.item)])
    row = np.searchsorted(asked, came // span)
    again = np.isin(came, before.place * span + item[len(later.item) :])
    parts = {"all": row, "repeat": row[again], "new": row[~again]}
    return {name: np.bincount(rows, minlength=len(asked)).astype(np.int64) for name, rows in parts.items()}
