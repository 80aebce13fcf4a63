"""The second pass of a weekly run: everybody is chosen for, by the plan that was made over all."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from decisions.choice import NOTHING, decide, taken
from decisions.equal_terms import Offered, offered_by
from pipelines.planning import Planned
from pipelines.run import Run
from pipelines.terminal import bar
from pipelines.work import Floats, Work, pieces
from releases.policy import FrozenPolicy
from releases.row import ROWS_AT_ONCE, week_rows
from releases.week import Part, write_part


@dataclass(frozen=True)
class Chosen:
    """net: expected net value, of those who got an offer, in the customers' order; used: of each limit;
    offered: to everybody, in their order."""

    net: Floats
    used: Floats
    offered: Offered


def write_parts(
    work: Work, run: Run, frozen: FrozenPolicy, folder: Path, planned: Planned
) -> tuple[tuple[Part, ...], Chosen]:
    """The week's parts, one a bucket, by the one choice function at the plan's prices."""
    work.watch.stage("writing", len(work.histories))
    parts: list[Part] = []
    net: list[Floats] = []
    used: list[Floats] = []
    offered: list[Offered] = []

    def rows(number: int, places: Any) -> Iterator[Any]:
        bucket, may, reserved = run.bucket(number), planned.may(number), planned.reserved(number)
        assessed, standing = bucket.rows(), bucket.standing()
        who = bucket.who(work.histories.ids[places], standing.stage)
        for piece in pieces(np.arange(assessed.num_rows), ROWS_AT_ONCE):
            begin, size = int(piece[0]), len(piece)
            own = slice(begin, begin + size)
            mine = may.rows(own)
            choices = decide(mine, who.rows(own), work.policy, work.t, planned.market, reserved.rows(own))
            given = np.flatnonzero(choices.chosen != NOTHING)
            net.append(choices.net_value[given, choices.chosen[given]])
            used.append(taken(choices, mine, planned.market))
            offered.append(offered_by(choices, work.offers))
            work.watch.look()
            yield week_rows(
                assessed.slice(begin, size), standing.take(own), choices, frozen, work.bundle.name, work.t
            )

    with bar("writing the week") as progress:
        for number, places in enumerate(work.places()):
            parts.append(write_part(folder, number, rows(number, places)))
            progress(int(places[-1]) + 1, len(work.histories))
    everybody = Offered(*(np.concatenate(each) for each in zip(*offered, strict=True)))
    return tuple(parts), Chosen(np.concatenate(net), np.sum(used, axis=0), everybody)


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
