"""What a worker does to score: it reads facts of its portions and asks the bundle's models."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from decisions.assess import IN_BASE, status_of
from features.catalogue import FAMILIES
from models.scorer import Scores
from pipelines.spark.reading import in_batches, of_whom, read_portions
from pipelines.spark.shipment import shipment
from tables.offer import Offer

OFFERS = "array<struct<offer_id: string, response: double, uplift: double>>"
SCORES = (
    "customer_id string, as_of timestamp, status string, churn_probability double, expected_value double, "
    f"offers {OFFERS}"
)


def scores_in(batches: Iterator[pa.RecordBatch], shipped: str, t: int) -> Iterator[pa.RecordBatch]:
    """Scores of every customer in the blocks as of t; missing for those whom the models do not speak of."""
    known = shipment(shipped)
    question, scorer = known.bundle.question, known.bundle.scorer
    for portion, _, facts in read_portions(batches, shipped, (t,), FAMILIES):
        status = status_of(facts, question)
        inside = status == IN_BASE
        scores = scorer.score(facts.values[inside], facts.names, known.offers, t)
        columns = {
            "status": pa.array(status, pa.string()),
            "churn_probability": _spread(scores.churn, inside),
            "expected_value": _spread(scores.value, inside),
            "offers": _of_offers(scores, known.offers, inside),
        }
        yield from in_batches(of_whom(portion, facts, t) | columns)


def _spread(part: Any, inside: Any) -> pa.Array:
    whole = np.full(len(inside), np.nan)
    whole[inside] = part
    return pa.array(whole, from_pandas=True)


def _of_offers(scores: Scores, offers: tuple[Offer, ...], inside: Any) -> pa.Array:
    """A list of all offers for each customer in the base, null for the others."""
    counts = np.where(inside, len(offers), 0)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    each = pa.StructArray.from_arrays(
        [
            pa.array([offer.offer_id for offer in offers] * int(inside.sum()), pa.string()),
            pa.array(scores.response.ravel(), pa.float64(), from_pandas=True),
            pa.array(scores.uplift.ravel(), pa.float64(), from_pandas=True),
        ],
        names=["offer_id", "response", "uplift"],
    )
    return pa.ListArray.from_arrays(pa.array(offsets), each, mask=pa.array(~inside))
