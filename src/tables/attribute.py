"""Attributes of customers as texts, as they were known at a moment: what histories keep as codes only."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tables.contract import TABLES
from tables.engine import LEAST_MEMORY, identifier
from tables.memory import MEGABYTE, left
from tables.small_table import parts_of, relation


def attributes_at(
    tables: Path, t: int, customer_ids: Sequence[str], columns: Sequence[str]
) -> dict[str, npt.NDArray[np.object_]]:
    """Columns of the checked table `customers` as the last row known at t (microseconds) says, for each of
    the customers, None where nothing does; a column the base does not have is left out."""
    parts = parts_of(tables, "customers")
    if not parts:
        return {}
    db = duckdb.connect()
    if (there := left()) is not None:
        db.execute(f"set memory_limit = '{max(LEAST_MEMORY, there // 2) // MEGABYTE}MiB'")
    rows = relation(parts)
    present = {row[0] for row in db.execute(f"describe from {rows}").fetchall()}
    wanted = [name for name in columns if name in present and name in TABLES["customers"].columns]
    if not wanted:
        return {}
    asked = pa.table(
        {"customer_id": pa.array(customer_ids, pa.string()), "row": np.arange(len(customer_ids))}
    )
    db.register("asked", asked)
    named = ", ".join(identifier(name) for name in wanted)
    found = db.sql(
        f"""
        with versions as (
          from {rows} where epoch_us("at") <= $t and epoch_us(known_at) <= $t
          and customer_id in (select customer_id from asked)
          qualify row_number() over (partition by event_id order by known_at desc) = 1
        ), last as (
          from versions where not deleted
          qualify row_number() over (
            partition by customer_id order by "at" desc, known_at desc, event_id desc
          ) = 1
        )
        select {named} from asked left join last using (customer_id) order by "row"
        """,
        params={"t": t},
    ).to_arrow_table()
    return {name: _objects(found[name]) for name in wanted}


def _objects(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """One Python object a value that occurs, not one a row: regions are few and customers many."""
    coded = column.combine_chunks().dictionary_encode()
    values = np.array([*coded.dictionary.to_pylist(), None], dtype=object)
    places = coded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
    return np.asarray(values[places], dtype=object)
