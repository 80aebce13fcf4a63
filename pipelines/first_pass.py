"""The first pass of a weekly run: everybody is assessed, bucket by bucket, and put aside."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from decisions.assess import Assessment, Told, assess, tell
from pipelines.bucket import Batch, write_bucket
from pipelines.run import Run
from pipelines.tally import Tally
from pipelines.terminal import bar
from pipelines.work import Work, pieces
from releases.row import assessed_rows
from tables.memory import at_once

# Two batches are in hand at a time; smaller ones make the same week, slower.
CUSTOMERS_AT_ONCE = 8_192
LEAST_AT_ONCE = 128
CUSTOMER_BYTES, OFFER_BYTES = 40_000, 400


def assess_all(work: Work, run: Run) -> Tally:
    """Every bucket that is not finished yet; the tally is of all."""
    whole, buckets = work.nothing(), work.places()
    left = sum(len(places) for number, places in enumerate(buckets) if number not in run.found)
    work.watch.stage("assessing", left)
    done = 0

    def told(rows: int) -> None:
        nonlocal done
        done += rows
        progress(done, left)

    with bar("scoring customers") as progress:
        for number, places in enumerate(buckets):
            if number not in run.found:
                tally = work.nothing()
                tally.add_arrivals(work.histories.bucket_of(int(places[0])))
                write_bucket(run.path(number), _batches(work, places, tally, told), tally)
            run.bucket(number).add_to(whole)
    return whole


def _batches(
    work: Work, places: npt.NDArray[np.int64], tally: Tally, told: Callable[[int], None]
) -> Iterator[Batch]:
    """Customers assessed batch by batch. While one is put into rows, which keeps Python busy, the next one is
    read and scored, which does not."""
    histories, t, scorer, question = work.histories, work.t, work.bundle.scorer, work.bundle.question

    def read(batch: npt.NDArray[np.int64]) -> tuple[Assessment, Told]:
        assessed = assess(histories, batch, t, scorer, question, work.offers, work.policy)
        return assessed, tell(assessed, scorer, t)

    each = 2 * (CUSTOMER_BYTES + OFFER_BYTES * len(work.offers))
    most = at_once(each, CUSTOMERS_AT_ONCE, "assessing customers", least=LEAST_AT_ONCE)
    with ThreadPoolExecutor(1) as pool:
        ahead: deque[Future[tuple[Assessment, Told]]] = deque()
        try:
            for batch in [*pieces(places, most), None]:
                if batch is not None:
                    ahead.append(pool.submit(read, batch))
                if len(ahead) > (batch is not None):
                    assessed, said = ahead.popleft().result()
                    tally.add(assessed, work.offers)
                    work.watch.look()
                    yield _batch(work, assessed, said)
                    told(len(assessed.status))
        finally:
            for waiting in ahead:  # who is told to end does not begin another one
                waiting.cancel()


def _batch(work: Work, assessed: Assessment, said: Told) -> Batch:
    rows = assessed_rows(work.histories, assessed, said, work.policy, work.bundle.scorer.horizon_days)
    return Batch(rows, assessed.scores, assessed.standing, assessed.who)
