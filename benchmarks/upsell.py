"""Who buys the dearer half of a category next is told better than by the customer's own habit.

Up-sell, at the held-out moments of benchmarks.affinity: of the customers who bought a category within two
years, which will within 28 days buy a line of it that costs more a piece than its median line of the year
before? Two groups: those who bought the dearer half before (habit), and those who bought the cheaper half
only (up). Within every category customers are ordered; of two, one who will and one who will not, how often
does the first stand higher (AUC), and how many times the share of all stands among the first tenth (lift)?
Means over categories and moments. Ours is the affinity model's learner on the facts of customer and category
over all lines and over the dearer ones; peers are the customer's own habit in the dearer half (purchases that
fade by half in 91 days), that habit in the category, how often the customer comes at all (days with an order
in 91), and the taste for dear things (the share of own lines that are of their category's dearer half).
Differences are paired bootstraps over customers. The last line of the output is one JSON object.
"""

import argparse
import json
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.affinity import histories_of
from models.affinity import PARAMETERS, Known, affinity_moments, bought_after, known_at
from models.assortment import ITEM_FACTS, YEAR, Assortment, assortment_of
from models.bootstrap import paired
from models.candidate import CELLS_AT_ONCE, NAMES, PAIR_FACTS, Block, blocks_of
from models.learner import fit
from models.lift import lift_at
from models.metric import Interval, Metric, auc
from models.purchase import CATEGORY, Purchases
from tables.code import lots_of
from tables.history import Histories
from tables.moment import local_day

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
SETS = ("complete_journey_1y", "simulator")
FACTS = (
    *NAMES,
    *(f"dearer_{name}" for name in (*PAIR_FACTS, *ITEM_FACTS)),
    "dearer_habit_share",
    "taste_for_dear_things",
)
HABIT = NAMES.index("frequency_recency")
DEARER_HABIT = len(NAMES) + HABIT
TASTE = FACTS.index("taste_for_dear_things")
COMING = NAMES.index("days_with_order_91d")
OURS = "holdfast"
PARTS = ("habit", "up")
TENTH = 0.1
METRICS: dict[str, Metric] = {"auc": auc, "lift_at_10": lift_at(TENTH)}
# A category of fewer customers, or of which fewer bought, says nothing of an order.
LEAST_CUSTOMERS, LEAST_BUYERS = 50, 5
REPLICATES = 100
assert PAIR_FACTS[HABIT] == "frequency_recency"


class Pairs(NamedTuple):
    """Customers and categories they bought, at moments; values: FACTS, (pairs, facts); bought: of the dearer
    half within the horizon, is_new: never before; shape (pairs,)."""

    values: Floats
    bought: Floats
    is_new: npt.NDArray[np.bool_]
    places: Int64s
    items: Int64s
    moments: Int64s


class Halves(NamedTuple):
    """The categories, ascending, and what a piece costs in the median line of each; shape (categories,)."""

    items: Int64s
    price: Floats

    def dearer(self, lines: Purchases) -> Purchases:
        """Lines of categories known that cost more a piece."""
        place = np.minimum(np.searchsorted(self.items, lines.item), len(self.items) - 1)
        price = np.where(self.items[place] == lines.item, self.price[place], np.inf)
        return lines.rows(lines.amount / lines.pieces > price)


def halves_at(purchases: Purchases, t: int) -> Halves:
    year = purchases.within(t, YEAR)
    order = np.argsort(year.item, kind="stable")
    items, start = np.unique(year.item[order], return_index=True)
    price = (year.amount / year.pieces)[order]
    return Halves(items, np.array([np.median(each) for each in np.split(price, start[1:])]))


def pairs_at(histories: Histories, t: int, most: int) -> Pairs:
    """Of at most so many customers, drawn by lot, everything as it was known at t."""
    known: Known = known_at(histories, t, CATEGORY)
    lots = lots_of(histories.ids, "affinity judged")
    asked = np.sort(known.base[np.argsort(lots[known.base], kind="stable")[:most]])
    halves = halves_at(known.purchases, t)
    dear = halves.dearer(known.purchases)
    shelf = assortment_of(dear, t)
    there = known.assortment.place_of(shelf.items)
    later = halves.dearer(bought_after(histories, asked, t, CATEGORY))
    taste = _taste(known.purchases, dear, asked)
    parts = []
    # Both cut the customers alike: what comes at once is settled by the larger assortment.
    for whole, own in zip(
        blocks_of(known.purchases, asked, known.assortment),
        _in_step(dear, asked, shelf, known.assortment),
        strict=True,
    ):
        parts.append(_pairs(whole, own, there, later, taste[np.searchsorted(asked, whole.places)], t))
    return joined(parts)


def _in_step(dear: Purchases, asked: Int64s, shelf: Assortment, whole: Assortment) -> Any:
    """Blocks of the dearer lines for the customers of each block of all lines."""
    size = max(1, CELLS_AT_ONCE // max(len(whole), 1))
    for start in range(0, len(asked), size):
        yield next(blocks_of(dear, asked[start : start + size], shelf))


def _taste(lines: Purchases, dear: Purchases, asked: Int64s) -> Floats:
    """The share of each customer's lines that are dearer than most of their category."""
    number, dearer = (
        np.bincount(np.searchsorted(asked, each.place[mine]), minlength=len(asked))
        for each in (lines, dear)
        for mine in [np.isin(each.place, asked)]
    )
    return np.asarray((dearer + 1) / (number + 2))


def _pairs(whole: Block, own: Block, there: Int64s, later: Purchases, taste: Floats, t: int) -> Pairs:
    """whole, own: the same customers by all lines and by the dearer ones; there: where the items of `own`
    stand in `whole`."""
    bought_before = whole.own[:, there]  # (customers, items of own)
    row, item = np.nonzero(bought_before)
    chosen = np.zeros(whole.own.shape, dtype=bool)
    chosen[row, there[item]] = True
    values = whole.values(chosen)
    # `values` go by customer and place in `whole`.
    order = np.lexsort([there[item], row])
    row, item = row[order], item[order]
    pair = own.pair[:, row, item].T.astype(np.float64)
    share = pair[:, HABIT] / np.maximum(values[:, HABIT], 1e-9)
    came = np.unique(later.place * 2**20 + own.assortment.place_of(later.item))
    codes = own.places[row] * 2**20 + item
    return Pairs(
        np.column_stack([values, pair, own.assortment.facts[item], share, taste[row]]),
        np.isin(codes, came).astype(np.float64),
        ~own.own[row, item],
        own.places[row],
        own.assortment.items[item],
        np.full(len(row), t),
    )


def joined(parts: Sequence[Pairs]) -> Pairs:
    return Pairs._make(np.concatenate(each) for each in zip(*parts, strict=True))


def judged(histories: Histories, most: int) -> dict[str, Any]:
    moments = affinity_moments(histories, histories.last_at)
    begun = time.perf_counter()
    learnt = joined([pairs_at(histories, t, most) for t in moments.train])
    fitted = fit(learnt.values, learnt.bought, learnt.places, FACTS, "binary", parameters=PARAMETERS)
    asked = joined([pairs_at(histories, t, most) for t in moments.test])
    promises = {
        OURS: np.asarray(fitted.booster.predict(asked.values)),
        "habit, dearer half": asked.values[:, DEARER_HABIT],
        "habit, category": asked.values[:, HABIT],
        "how often they come": asked.values[:, COMING],
        "taste for dear things": asked.values[:, TASTE],
    }
    told: dict[str, Any] = {
        "moments": [local_day(t, histories.time_zone) for t in moments.test],
        "moments_learnt": len(moments.train),
        "pairs_learnt": len(learnt.bought),
        "trees": fitted.trees,
        "parts": {},
    }
    for part, rows in zip(PARTS, (~asked.is_new, asked.is_new), strict=True):
        told["parts"][part] = _compared(asked, promises, rows)
    return told | {"seconds": time.perf_counter() - begun}


def _compared(asked: Pairs, promises: dict[str, Floats], rows: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Figures of one part: by metric and ranker, and how far ours is ahead of each."""
    cells = _cells(asked, rows)
    inside = np.concatenate(cells)
    starts = np.cumsum([0, *(len(each) for each in cells)])
    bought, places = asked.bought[inside], asked.places[inside]
    figures, ahead = {}, {}
    for name, metric in METRICS.items():
        of = {
            ranker: partial(_mean_over_cells, metric, promised[inside], bought, starts)
            for ranker, promised in promises.items()
        }
        alone, behind = paired(of, places, OURS, replicates=REPLICATES)
        figures[name] = alone
        ahead[name] = {other: Interval(-each.value, -each.high, -each.low) for other, each in behind.items()}
    return {
        "cells": len(cells),
        "categories": len({int(asked.items[each[0]]) for each in cells}),
        "pairs": len(inside),
        "customers": len(np.unique(places)),
        "bought": float(bought.mean()),
        "figures": figures,
        "ahead": ahead,
    }


def _cells(asked: Pairs, rows: npt.NDArray[np.bool_]) -> list[Int64s]:
    """The rows of every category at every moment that has enough customers and buyers."""
    there = np.flatnonzero(rows)
    order = there[np.lexsort([asked.items[there], asked.moments[there]])]
    apart = (np.diff(asked.items[order]) != 0) | (np.diff(asked.moments[order]) != 0)
    return [
        each
        for each in np.split(order, 1 + np.flatnonzero(apart))
        if len(each) >= LEAST_CUSTOMERS
        and LEAST_BUYERS <= asked.bought[each].sum() <= len(each) - LEAST_BUYERS
    ]


def _mean_over_cells(metric: Metric, promised: Floats, bought: Floats, starts: Any, weight: Floats) -> float:
    told = []
    for begin, end in pairwise(starts):
        own, drawn = bought[begin:end], weight[begin:end]
        if 0 < (own * drawn).sum() < drawn.sum():  # else nothing is to be ordered in this resample
            told.append(metric(promised[begin:end], own, drawn))
    return float(np.mean(told))


def show(name: str, told: dict[str, Any]) -> None:
    print(f"\n{name}: judged at {told['moments']}; learnt from {told['pairs_learnt']:,} pairs at "
          f"{told['moments_learnt']} moments, {told['trees']} trees, {told['seconds']:.0f} s")  # fmt: skip
    for part, each in told["parts"].items():
        print(f"  {part}: {each['categories']} categories, {each['cells']} lists, {each['pairs']:,} pairs of "
              f"{each['customers']:,} customers, {each['bought']:.1%} bought")  # fmt: skip
        for ranker in each["figures"]["auc"]:
            line = "  ".join(f"{metric} {by[ranker]}" for metric, by in each["figures"].items())
            gained = "  ".join(
                f"{metric} {by[ranker]}" for metric, by in each["ahead"].items() if ranker in by
            )
            print(f"    {ranker:22} {line}" + (f"  ours ahead {gained}" if gained else ""), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--customers", type=int, default=20_000, help="of the simulated world")
    parser.add_argument("--most", type=int, default=5_000, help="customers asked about at each moment")
    parser.add_argument("--work", type=Path, help="a folder that keeps the bases between runs")
    options = parser.parse_args()
    told = {}
    with tempfile.TemporaryDirectory() as passing:
        work = options.work or Path(passing)
        work.mkdir(parents=True, exist_ok=True)
        for name in options.sets:
            told[name] = judged(histories_of(name, options.customers, work), options.most)
            show(name, told[name])
    gains = [
        gain.value
        for each in told.values()
        for part in each["parts"].values()
        for by in part["ahead"].values()
        for gain in by.values()
    ]
    parts = {name: each["parts"] for name, each in told.items()}
    result = {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {
            name: {
                part: {key: value for key, value in one.items() if key not in ("figures", "ahead")}
                for part, one in each.items()
            }
            for name, each in parts.items()
        },
        "ours": _of(parts, lambda ranker: ranker == OURS),
        "peers": _of(parts, lambda ranker: ranker != OURS),
        "difference": {
            name: {part: one["ahead"] for part, one in each.items()} for name, each in parts.items()
        },
        "seconds": {name: each["seconds"] for name, each in told.items()},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {"python": platform.python_version(), "lightgbm": version("lightgbm")},
        "holds": min(gains) > 0,
    }
    print(json.dumps(result))


def _of(parts: dict[str, Any], wanted: Callable[[str], bool]) -> dict[str, Any]:
    """The figures of some rankers: data set -> part -> metric -> ranker."""
    return {
        name: {
            part: {
                metric: {ranker: figure for ranker, figure in by.items() if wanted(ranker)}
                for metric, by in one["figures"].items()
            }
            for part, one in each.items()
        }
        for name, each in parts.items()
    }


if __name__ == "__main__":
    main()
