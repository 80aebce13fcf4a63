"""What a worker does to check: rows under the rules by which `holdfast check` goes, said by the same DuckDB.

A worker has every row of the events that it judges, so that what contradicts or repeats another row is
seen. What rows refer to elsewhere, Spark has looked up before: a column says whether it was found.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa

from pipelines.spark.session import ROWS_A_BATCH
from tables.check_rows import REASONS, begin_finding, break_row_rules, lay_out
from tables.check_rules import row_rules, whole_row
from tables.check_versions import break_merges, break_versions
from tables.contract import KEYS, TABLES
from tables.engine import engine, identifier, literal

# Of a row that comes: the rules that it breaks; none where it repeats another; null where it holds.
VERDICT = "reasons"
_FOUND = "found by "


def found_by(column: str) -> str:
    """The column that says whether the row was found to which `column` refers."""
    return _FOUND + column


def verdicts_in(
    batches: Iterator[pa.RecordBatch], table: str, zone: str, now: str, references: tuple[str, ...]
) -> Iterator[pa.RecordBatch]:
    """The rows as they came, with their verdict; `references`: the columns that were looked up."""
    arrived = list(batches)
    if not arrived:
        return
    rows = pa.Table.from_batches(arrived)
    came = rows.drop_columns([found_by(column) for column in references])
    contract = TABLES[table]
    with database(zone) as db:
        db.register("incoming", rows.append_column("row_number", pa.array(np.arange(1, len(rows) + 1))))
        lay_out(db, contract, came.column_names)
        kept = {contract.columns[column].references: _found(table, column) for column in references}
        break_row_rules(db, row_rules(contract, f"timestamptz {literal(now)}", kept))
        break_versions(db, contract)
        verdicts = db.sql(
            f"""select case when row_number in (from repeated) then []::varchar[] else reasons end as reasons
            from incoming left join ({REASONS}) using (row_number) order by row_number"""
        ).to_arrow_table()
    judged = came.append_column(VERDICT, verdicts["reasons"].cast(pa.list_(pa.string())))
    yield from judged.to_batches(max_chunksize=ROWS_A_BATCH)


def _found(table: str, column: str) -> str:
    """SQL for those keys of the other table that the rows name and that were found."""
    key = KEYS[TABLES[table].columns[column].references]
    return (
        f"select {identifier(column)} as {key} from incoming where {identifier(found_by(column))} is not null"
    )


def whole_in(batches: Iterator[pa.RecordBatch], table: str, zone: str) -> Iterator[pa.RecordBatch]:
    """Rows that hold, with all columns of the contract in their stored types."""
    contract = TABLES[table]
    with database(zone) as db:
        for batch in batches:
            db.register("incoming", pa.Table.from_batches([batch]))
            whole = db.sql(f"select {whole_row(contract, batch.schema.names)} from incoming").to_arrow_table()
            kinds = [_in_utc(field) for field in whole.schema]
            yield from whole.cast(pa.schema(kinds)).to_batches()


def _in_utc(field: pa.Field) -> pa.Field:
    return field.with_type(pa.timestamp("us", "UTC")) if pa.types.is_timestamp(field.type) else field


def refused_merges(merges: pa.Table, customers: pa.Table, zone: str) -> pa.Table:
    """(customer_id, merged_into, rule) of the mergers that lead nowhere or in a circle; said on the driver.

    merges: (customer_id, merged_into) of all rows not refused so far; customers: (customer_id) of those that
    a merger leads to and that have such a row without one.
    """
    silent = customers.append_column("merged_into", pa.nulls(len(customers), pa.string()))
    rows = pa.concat_tables([merges, silent.cast(merges.schema)])
    with database(zone) as db:
        db.register("checked", rows.append_column("row_number", pa.array(np.arange(len(rows)))))
        begin_finding(db)
        break_merges(db)
        query = "select customer_id, merged_into, rule from broken join checked using (row_number)"
        return db.sql(query).to_arrow_table()


@contextmanager
def database(zone: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A passing database on one thread."""
    with TemporaryDirectory(prefix="holdfast-") as passing, engine(Path(passing), zone) as db:
        db.execute("set threads = 1")  # Spark gives a task one core
        yield db
