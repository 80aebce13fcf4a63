"""What a worker does to read facts: it takes portions from their blocks and reads them as on one machine.

Workers that read facts import this module and no models, which take seconds to import.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from features.catalogue import FAMILIES
from features.family import Family
from features.reader import FactTable, names_of, read_facts
from features.value import margin, net_spend
from pipelines.spark.block import portions_of
from tables.portion import Portion
from tables.refusal import Refused

# Customers whose facts are held at once.
CUSTOMERS_AT_ONCE = 4_096
ROWS_A_BATCH = 1_024
MOMENT = pa.timestamp("us", "UTC")


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
    for portion, t, facts in read_portions(batches, shipped, moments, families):
        columns = {name: pa.array(facts.values[:, k], from_pandas=True) for k, name in enumerate(facts.names)}
        yield from in_batches(of_whom(portion, facts, t) | columns)


def read_portions(
    batches: Iterator[pa.RecordBatch],
    shipped: str,
    moments: tuple[int, ...],
    families: tuple[Family[Any], ...],
) -> Iterator[tuple[Portion, int, FactTable]]:
    """The portions in the blocks, and facts of some of their customers at a time, at each of the moments."""
    for portion in portions_of(batches, shipped):
        for t in moments:
            for start in range(0, len(portion), CUSTOMERS_AT_ONCE):
                places = np.arange(start, min(start + CUSTOMERS_AT_ONCE, len(portion)))
                # Spark gives a task one core.
                yield portion, t, read_facts(portion, places, t, families, threads=1)


def of_whom(portion: Portion, facts: FactTable, t: int) -> dict[str, pa.Array]:
    """The first columns of facts and scores."""
    return {
        "customer_id": pa.array(portion.ids[facts.places], pa.string()),
        "as_of": pa.repeat(pa.scalar(t, MOMENT), len(facts.places)),
    }


def in_batches(columns: dict[str, pa.Array]) -> Iterator[pa.RecordBatch]:
    return iter(pa.table(columns).to_batches(max_chunksize=ROWS_A_BATCH))
