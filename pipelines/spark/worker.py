"""What a worker does with portions: facts, and scores of them, by the functions of the local engine."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from decisions.assess import IN_BASE, status_of
from features.catalogue import FAMILIES
from features.family import Family
from features.reader import FactTable, names_of, read_facts
from features.value import margin, net_spend
from models.scorer import Scores
from pipelines.spark.block import portions_of
from pipelines.spark.shipment import shipment
from tables.offer import Offer
from tables.portion import Portion
from tables.refusal import Refused

# Customers whose facts are held at once.
CUSTOMERS_AT_ONCE = 4_096
ROWS_A_BATCH = 1_024
MOMENT = pa.timestamp("us", "UTC")
OFFERS = "array<struct<offer_id: string, response: double, uplift: double>>"
SCORES = (
    "customer_id string, as_of timestamp, status string, churn_probability double, expected_value double, "
    f"offers {OFFERS}"
)


def families_of(only: tuple[str, ...]) -> tuple[Family[Any], ...]:
    """The families so named, those of labels too; without a name those of the catalogue."""
    if not only:
        return FAMILIES
    known = {family.name: family for family in (*FAMILIES, margin, net_spend)}
    if unknown := set(only) - set(known):
        raise Refused(f"no such family: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return tuple(known[name] for name in only)


def facts_schema(families: tuple[Family[Any], ...]) -> str:
    """The columns of facts in Spark's words."""
    facts = [f"`{name}` double" for name in names_of(families)]
    return ", ".join(["customer_id string", "as_of timestamp", *facts])


def facts_in(
    batches: Iterator[pa.RecordBatch], shipped: str, moments: tuple[int, ...], only: tuple[str, ...] = ()
) -> Iterator[pa.RecordBatch]:
    """Facts of every customer in the blocks at each of the moments; `only`: of the families so named."""
    families = families_of(only)
    for portion, t, facts in _facts(batches, shipped, moments, families):
        columns = {name: pa.array(facts.values[:, k], from_pandas=True) for k, name in enumerate(facts.names)}
        yield from _batches(_of_whom(portion, facts, t) | columns)


def scores_in(batches: Iterator[pa.RecordBatch], shipped: str, t: int) -> Iterator[pa.RecordBatch]:
    """Scores of every customer in the blocks as of t; missing for those whom the models do not speak of."""
    known = shipment(shipped)
    question, scorer = known.bundle.question, known.bundle.scorer
    for portion, _, facts in _facts(batches, shipped, (t,), FAMILIES):
        status = status_of(facts, question)
        inside = status == IN_BASE
        scores = scorer.score(facts.values[inside], facts.names, known.offers, t)
        columns = {
            "status": pa.array(status, pa.string()),
            "churn_probability": _spread(scores.churn, inside),
            "expected_value": _spread(scores.value, inside),
            "offers": _of_offers(scores, known.offers, inside),
        }
        yield from _batches(_of_whom(portion, facts, t) | columns)


def _facts(
    batches: Iterator[pa.RecordBatch],
    shipped: str,
    moments: tuple[int, ...],
    families: tuple[Family[Any], ...],
) -> Iterator[tuple[Portion, int, FactTable]]:
    for portion in portions_of(batches, shipped):
        for t in moments:
            for start in range(0, len(portion), CUSTOMERS_AT_ONCE):
                places = np.arange(start, min(start + CUSTOMERS_AT_ONCE, len(portion)))
                # Spark gives a task one core.
                yield portion, t, read_facts(portion, places, t, families, threads=1)


def _of_whom(portion: Portion, facts: FactTable, t: int) -> dict[str, pa.Array]:
    return {
        "customer_id": pa.array(portion.ids[facts.places], pa.string()),
        "as_of": pa.repeat(pa.scalar(t, MOMENT), len(facts.places)),
    }


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


def _batches(columns: dict[str, pa.Array]) -> Iterator[pa.RecordBatch]:
    return iter(pa.table(columns).to_batches(max_chunksize=ROWS_A_BATCH))
