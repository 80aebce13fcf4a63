"""The week's plan over everybody: what may be offered to whom is put aside by bucket, then limits priced."""

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.choice import Market, Reserved, free_market
from decisions.option import Options, options
from decisions.plan import Part, Plan, plan_week, spent_out
from pipelines.bucket import mapped_array, write_array
from pipelines.run import Run
from pipelines.terminal import bar
from pipelines.work import Work
from releases.policy import FrozenPolicy
from tables.memory import require
from tables.refusal import Refused
from tables.sealed import read_manifest, verified, write_manifest

# A byte an offer beside the mapped options, and what the solver keeps of a customer.
OFFER_BYTES, CUSTOMER_BYTES = 2, 64


class Planned(NamedTuple):
    """market: as choices are made, with nothing left beside what is reserved; folder: everybody's options, by
    bucket, with their manifest."""

    plan: Plan
    market: Market
    folder: Path
    manifest: dict[str, str]

    def may(self, number: int) -> Options:
        """As they were put aside, or Refused is raised."""
        names = (f"{number:03}-{field}.npy" for field in Options._fields)
        try:
            return Options(*(mapped_array(verified(self.folder, self.manifest, name)) for name in names))
        except Refused as error:
            raise Refused(f"{error}; `holdfast score --resume` makes it anew") from error

    def reserved(self, number: int) -> Reserved:
        return self.plan.reserved[number]


def plan_of(work: Work, run: Run, frozen: FrozenPolicy) -> Planned:
    """Everybody's options are mapped files: 18 bytes a customer and offer on disk."""
    folder, places = run.folder / "options", work.places()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    customers, offers = len(work.histories), len(work.offers)
    require(customers * (OFFER_BYTES * offers + CUSTOMER_BYTES), "the week's plan")
    work.watch.stage("applying the rules", customers)
    parts: list[Part] = []
    with bar("applying the rules") as progress:
        for number, own in enumerate(places):
            parts.append(_part(work, run, frozen, number, own, folder))
            work.watch.look()
            progress(int(own[-1]) + 1, customers)
    write_manifest(folder)
    work.watch.stage("planning", customers)
    with bar("pricing the limits"):
        plan = plan_week(parts, work.policy, work.t, free_market(work.policy, work.offers))
    return Planned(plan, spent_out(plan.market), folder, read_manifest(folder, named=False))


def _part(
    work: Work, run: Run, frozen: FrozenPolicy, number: int, places: npt.NDArray[np.int64], folder: Path
) -> Part:
    bucket = run.bucket(number)
    standing = bucket.standing()
    who = bucket.who(work.histories.ids[places], standing.stage)
    segments = standing.segments(frozen.policy, frozen.frozen)
    may = options(bucket.scores(), work.offers, who, segments, work.policy, work.t)
    for name, array in may._asdict().items():
        write_array(folder, f"{number:03}-{name}", array)
    mapped = Options(*(mapped_array(folder / f"{number:03}-{name}.npy") for name in Options._fields))
    return Part(mapped, who.ids, who.held_out)
