"""The policy of a week, sealed between its two passes: what it states as statistics of the base is kept from
the policy published before, else frozen now that everybody's scores are known."""

from typing import Any

from decisions.freezing import CUSTOMER_BYTES, freeze_parts
from decisions.frozen import Frozen
from pipelines.run import Run
from pipelines.work import Work
from releases.home import Home
from releases.policy import FrozenPolicy, freeze_policy
from tables.memory import require
from tables.moment import in_zone


def frozen_policy(home: Home, work: Work, run: Run) -> FrozenPolicy:
    """Statistics take memory for one measure of everybody, and for all measures of one bucket; what they are
    read from is mapped."""
    work.watch.stage("freezing", len(work.histories))
    frozen = work.kept
    if frozen is None:
        require(CUSTOMER_BYTES * len(work.histories), "the policy's statistics of the base")
        standings = [run.bucket(number).standing() for number in range(len(work.places()))]
        parts = [(standing.known, standing.stage) for standing in standings]
        frozen = freeze_parts(work.policy, parts, work.t, work.source)
    return freeze_policy(home.policies, work.policy, work.offers, frozen, work.key)


def told(frozen: Frozen, zone: str, *, anew: bool) -> dict[str, Any]:
    """Of which moment and how many customers the statistics are."""
    return {
        "as_of": in_zone(frozen.moment, zone).isoformat(),
        "customers": frozen.customers,
        "taken_anew": anew,
    }
