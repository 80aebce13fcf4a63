"""What is counted while customers are assessed: stored with each bucket, added up over all."""

from collections import Counter
from typing import Any

import numpy.typing as npt

from decisions.assess import IN_BASE, Assessment
from pipelines.counted import Counted
from tables.history import Bucket
from tables.offer import Offer


class Tally:
    """Whole numbers only, so that sums do not depend on how customers are parted."""

    def __init__(self, counted: Counted) -> None:
        self.status: Counter[str] = Counter()
        self.held_out = 0
        self.counted = counted

    def add(self, assessed: Assessment, offers: tuple[Offer, ...]) -> None:
        """One batch: its facts (`assessed.facts.values`) and its scores are at hand here only."""
        self.status.update(assessed.status.tolist())
        self.held_out += int(assessed.who.held_out.sum())
        self.counted.add(assessed, offers)

    def add_arrivals(self, bucket: Bucket) -> None:
        """The rows of a bucket as they arrived, once."""
        self.counted.add_arrivals(bucket)

    @property
    def in_base(self) -> int:
        return self.status[IN_BASE]

    def plain(self) -> dict[str, Any]:
        """What a bucket stores as JSON."""
        return {"status": dict(sorted(self.status.items())), "held_out": self.held_out}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What a bucket stores as arrays, by name."""
        return self.counted.arrays()

    def add_stored(self, plain: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> None:
        """What a bucket stored."""
        assert arrays.keys() == self.arrays().keys()
        self.status.update(plain["status"])
        self.held_out += int(plain["held_out"])
        self.counted = self.counted + self.counted.with_arrays(arrays)
