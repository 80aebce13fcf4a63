"""What a weekly run has in hand, the same from its beginning to its end."""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from decisions.freezing import frozen_for
from decisions.frozen import Frozen
from decisions.policy import Policy, read_policy
from pipelines.as_of import moment_of, offers_of, open_base, source_of
from pipelines.configuration import configuration
from pipelines.stopwatch import Stopwatch
from pipelines.tally import Tally
from pipelines.terminal import bar, say
from pipelines.watch import Watch, begin
from releases.bundle import Bundle, read_bundle
from releases.home import Home, Published
from releases.policy import read_frozen_policy
from releases.retention import read_retention
from tables.history import Histories
from tables.memory import require
from tables.offer import Offer
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
# A bucket's part of the week is read back whole: texts in two languages, segments among them.
WEEK_ROW_BYTES = 7_000


@dataclass(frozen=True)
class Work:
    """began: what the pointer named; t: the moment, microseconds; policy, offers: as they will be published;
    kept: the published statistics of the base, where they answer this policy; source: of the base; held:
    what the week is held against; all of it verified when it was opened."""

    began: Published
    bundle: Bundle
    base: Path
    histories: Histories
    t: int
    policy: Policy
    offers: tuple[Offer, ...]
    kept: Frozen | None
    source: str
    key: bytes
    held: Watch
    watch: Stopwatch = field(default_factory=Stopwatch)

    def nothing(self) -> Tally:
        """To count into."""
        return Tally(self.held.nothing())

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
    offers = offers_of(base, t, histories.time_zone)
    source = source_of(base)
    kept = _kept(home, began.policy, key, policy, source)
    held = begin(home, key, bundle, t)
    return Work(began, bundle, base, histories, t, policy, offers, kept, source, key, held, watch)


def _kept(home: Home, name: str, key: bytes, policy: Policy, source: str) -> Frozen | None:
    """The statistics of the published policy `name`, where they answer this one on a base of this source;
    where others will be taken and the business did not ask for it, that is said."""
    if not name:
        return None
    try:
        last = read_frozen_policy(home.policies / name, key).frozen
    except Refused as error:
        say(f"{error}; the statistics of the base that it held are taken anew")
        return None
    if last.stated and last.source != source:
        say(f"statistics of the base are taken anew: they are of {last.source!r}, the base is of {source!r}")
    return frozen_for(policy, last, source)


def pieces(rows: npt.NDArray[np.int64], most: int) -> list[npt.NDArray[np.int64]]:
    """In even pieces of at most so many."""
    return np.array_split(rows, max(1, -(-len(rows) // most)))
