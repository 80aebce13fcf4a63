"""What a weekly run has in hand, the same from its beginning to its end."""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from decisions.choice import Choices, choose
from decisions.policy import read_policy
from models.scorer import Scores
from pipelines.as_of import moment_of, offers_of, open_base
from pipelines.configuration import configuration
from pipelines.stopwatch import Stopwatch
from pipelines.tally import Tally
from pipelines.terminal import bar
from pipelines.watch import Watch, begin
from releases.bundle import Bundle, read_bundle
from releases.home import Home, Published
from releases.policy import FrozenPolicy, freeze_policy
from releases.retention import read_retention
from tables.history import Histories
from tables.memory import require
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
# A bucket's part of the week is read back whole: texts in two languages.
WEEK_ROW_BYTES = 6_000


@dataclass(frozen=True)
class Work:
    """began: what the pointer named; t: the moment, microseconds; held: what the week is held against; all of
    it verified when it was opened."""

    began: Published
    bundle: Bundle
    base: Path
    histories: Histories
    t: int
    frozen: FrozenPolicy
    key: bytes
    held: Watch
    watch: Stopwatch = field(default_factory=Stopwatch)

    def nothing(self) -> Tally:
        """To count into."""
        return Tally(self.held.nothing())

    def choose(self, scores: Scores, consents: Floats, held_out: Any, price: float) -> Choices:
        frozen = self.frozen
        return choose(scores, frozen.offers, consents, held_out, frozen.policy, self.t, price)

    def places(self) -> list[npt.NDArray[np.int64]]:
        """The customers of each bucket that has any."""
        borders = self.histories.buckets
        return [np.arange(begin, end) for begin, end in pairwise(borders) if begin < end]


def open_work(home: Home, as_of: str | None) -> Work:
    watch = Stopwatch()
    watch.stage("opening")
    key = home.key()
    began = home.published()
    if not began.bundle:
        raise Refused("no bundle is published; run `holdfast train` and `holdfast promote` first")
    bundle = read_bundle(home.bundles / began.bundle, key)
    with bar("verifying the base") as progress:
        base, histories = open_base(home, progress)
    require(WEEK_ROW_BYTES * int(np.diff(histories.buckets).max()), "the week of the largest bucket")
    t = moment_of(histories, as_of)
    policy = read_policy(configuration() / "policy.yaml")
    read_retention(configuration())  # a mistake in it is refused before the work, not after
    frozen = freeze_policy(home.policies, policy, offers_of(base, t, histories.time_zone), key)
    held = begin(home, key, bundle, t)
    return Work(began, bundle, base, histories, t, frozen, key, held, watch)


def pieces(rows: npt.NDArray[np.int64], most: int) -> list[npt.NDArray[np.int64]]:
    """In even pieces of at most so many."""
    return np.array_split(rows, max(1, -(-len(rows) // most)))
