"""The first pass of a weekly run: everybody is assessed, bucket by bucket, and put aside."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from decisions.assess import assess
from decisions.bid import bids_of
from pipelines.bucket import Batch, write_bucket
from pipelines.run import Run
from pipelines.tally import Tally
from pipelines.terminal import bar
from pipelines.work import Work, pieces
from releases.row import assessed_rows

CUSTOMERS_AT_ONCE = 8_192


def assess_all(work: Work, run: Run) -> Tally:
    """Every bucket that is not finished yet; the tally is of all."""
    whole, buckets = Tally(), work.places()
    left = sum(len(places) for number, places in enumerate(buckets) if number not in run.found)
    work.watch.stage("assessing", left)
    done = 0
    with bar("scoring customers") as progress:
        for number, places in enumerate(buckets):
            if number not in run.found:
                tally = Tally()

                def batches(places: Any = places, tally: Tally = tally) -> Iterator[Batch]:
                    nonlocal done
                    for batch in pieces(places, CUSTOMERS_AT_ONCE):
                        yield _assess(work, batch, tally)
                        done += len(batch)
                        progress(done, left)

                write_bucket(run.path(number), batches(), tally)
            whole.add_plain(run.bucket(number).tally())
    return whole


def _assess(work: Work, places: npt.NDArray[np.int64], tally: Tally) -> Batch:
    bundle, frozen = work.bundle, work.frozen
    assessed = assess(
        work.histories, places, work.t, bundle.scorer, bundle.question, frozen.offers, frozen.policy
    )
    tally.add(assessed)
    work.watch.look()
    free = work.choose(assessed.scores, assessed.consents, assessed.held_out, 0.0)
    rows = assessed_rows(work.histories, assessed, frozen.policy)
    return Batch(rows, assessed.scores, assessed.consents, bids_of(free))
