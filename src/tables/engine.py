"""One DuckDB for one piece of work, and Parquet whose pages carry checksums."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tables.memory import MEGABYTE, require
from tables.moment import zone_of
from tables.refusal import Refused

BATCH_ROWS = 250_000
# DuckDB wants so much for each of its threads, and holds beside its limit what it reads and hands over.
LEAST_MEMORY, THREAD_MEMORY = 64 * MEGABYTE, 128 * MEGABYTE
OWN_SHARE = 0.5


@contextmanager
def engine(folder: Path, zone: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in a passing folder inside `folder`: what does not fit in memory spills there.

    A timestamp without a zone is a moment in `zone`; nothing is fetched from the network. Within a limit of
    memory (tables.memory) the database has its own; Refused where it could do nothing with it.
    """
    zone_of(zone)
    with tempfile.TemporaryDirectory(prefix=".engine-", dir=folder) as passing:
        connection = duckdb.connect(str(Path(passing) / "work.duckdb"))
        try:
            connection.execute(f"set temp_directory = {literal(f'{passing}/spill')}")
            connection.execute("set autoinstall_known_extensions = false")
            connection.execute("set autoload_known_extensions = false")
            connection.execute("set preserve_insertion_order = true")
            _limit(connection)
            connection.execute(f"set TimeZone = {literal(zone)}")
            yield connection
        finally:
            connection.close()


def _limit(connection: duckdb.DuckDBPyConnection) -> None:
    there = require(int(LEAST_MEMORY / OWN_SHARE), "the database")
    if there is None:
        return
    own = int(there * OWN_SHARE)
    threads = max(1, min(os.cpu_count() or 1, own // THREAD_MEMORY))
    connection.execute(f"set memory_limit = '{own // MEGABYTE}MiB'")
    connection.execute(f"set threads = {threads}")


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def described(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """The columns that `query` delivers, with DuckDB's names of their types."""
    return {row[0]: row[1] for row in rows_of(connection, f"describe {query}")}


def rows_of(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = connection.execute(query).fetchall()
    return rows


def write_parquet(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    path: Path,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Stream what `query` delivers into `path`, zstd, instants in UTC; return the number of rows."""
    reader = connection.sql(query).to_arrow_reader(BATCH_ROWS)
    schema = pa.schema([field.with_type(_in_utc(field.type)) for field in reader.schema])
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for batch in _batches(reader):
            writer.write_batch(batch.cast(schema))
            rows += batch.num_rows
            if progress is not None:
                progress(rows)
    return rows


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The reader's batches; what DuckDB reports while they stream is DuckDB's error again."""
    try:
        yield from reader
    except (OSError, pa.ArrowException) as error:
        raise duckdb.Error(str(error)) from error


def _in_utc(kind: pa.DataType) -> pa.DataType:
    return pa.timestamp("us", "UTC") if pa.types.is_timestamp(kind) and kind.tz else kind


def verify_parquet(path: Path) -> int:
    """Read every page of `path` against its checksum; return the number of rows."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                for _ in file.iter_batches(BATCH_ROWS, row_groups=[group]):
                    pass
            return int(file.metadata.num_rows)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise Refused(
            f"{path}: expected a whole Parquet file; it is cut off, damaged or none ({brief(error)}). "
            "Write it anew"
        ) from error


def brief(error: Exception) -> str:
    """What an error says and of which file, without DuckDB's advice and without pages of raw lines."""
    said, _, advice = str(error).partition("Possible fixes")
    lines = [line[:200] for line in said.strip().split("\n")[:6]]
    lines += [line.strip() for line in advice.split("\n") if line.strip().startswith("file = ")]
    return "\n".join(lines)
