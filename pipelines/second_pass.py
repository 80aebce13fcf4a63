"""The second pass of a weekly run: the budget is priced over everybody, then everybody is chosen for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from decisions.budget import solve_price, spending
from decisions.choice import NOTHING
from models.scorer import Scores
from pipelines.bucket import Bucket
from pipelines.run import Run
from pipelines.terminal import bar
from pipelines.work import Floats, Work, pieces
from releases.policy import FrozenPolicy
from releases.row import ROWS_AT_ONCE, week_rows
from releases.week import Part, write_part


def price_of(work: Work, run: Run) -> float:
    """Over everybody's bids, which are mapped and take 16 bytes each."""
    bids = [run.bucket(number).bids() for number in range(len(work.places()))]
    spent_at = spending(bids, len(work.histories))
    tried = 0

    def counted(price: float) -> float:
        nonlocal tried
        tried += 1
        progress(tried, max(tried, 64))
        return spent_at(price)

    work.watch.stage("pricing", len(work.histories))
    with bar("pricing the budget") as progress:
        return solve_price(counted, work.policy.weekly_budget)


@dataclass(frozen=True)
class Chosen:
    """Of those who got an offer, in the customers' order: its expected net value and cost."""

    net: Floats
    cost: Floats


def write_parts(
    work: Work, run: Run, frozen: FrozenPolicy, folder: Path, price: float
) -> tuple[tuple[Part, ...], Chosen]:
    """The week's parts, one a bucket, by the one choice function at the price found."""
    work.watch.stage("writing", len(work.histories))
    parts: list[Part] = []
    net: list[Floats] = []
    cost: list[Floats] = []

    def rows(bucket: Bucket) -> Iterator[Any]:
        assessed, scores, consents = bucket.rows(), bucket.scores(), bucket.consents()
        standing = bucket.standing()
        for piece in pieces(np.arange(assessed.num_rows), ROWS_AT_ONCE):
            begin, size = int(piece[0]), len(piece)
            mine = assessed.slice(begin, size)
            own = slice(begin, begin + size)
            held_out = mine["held_out"].to_numpy()
            choices = work.choose(Scores(*(each[own] for each in scores)), consents[own], held_out, price)
            given = np.flatnonzero(choices.chosen != NOTHING)
            net.append(choices.net_value[given, choices.chosen[given]])
            cost.append(choices.cost[given, choices.chosen[given]])
            work.watch.look()
            yield week_rows(mine, standing.take(own), choices, frozen, work.bundle.name, work.t)

    with bar("writing the week") as progress:
        for number, places in enumerate(work.places()):
            parts.append(write_part(folder, number, rows(run.bucket(number))))
            progress(int(places[-1]) + 1, len(work.histories))
    return tuple(parts), Chosen(np.concatenate(net), np.concatenate(cost))


@dataclass(frozen=True)
class Scored:
    """Everybody's churn probability and value, nan outside the base."""

    churn: Floats
    value: Floats

    @staticmethod
    def read(run: Run, buckets: int) -> "Scored":
        names = ["churn_probability", "expected_value"]
        tables = [run.bucket(number).rows(names) for number in range(buckets)]
        return Scored(*(np.concatenate([table[name].to_numpy() for table in tables]) for name in names))
