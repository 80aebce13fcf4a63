"""`holdfast import --engine spark`: raw data becomes incoming tables, as folders of Parquet.

The source's SELECTs are run by Spark as they stand, so they are Spark's SQL. Its settings are made those
under which a text that both engines understand means the same; docs/spark.md says where it does not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import NullType

from pipelines.import_ import source_of_name
from pipelines.spark.checked import TYPES
from pipelines.spark.folder import place_of, read, refuse_existing, write, write_json
from pipelines.spark.session import ROWS_A_BATCH, said, working
from tables.contract import TABLES
from tables.engine import described, engine, identifier
from tables.refusal import Refused
from tables.source import BASE, COUNTED, Base, base_of, selects_of, sql_of
from tables.source_file import create_file_view, found
from tables.source_settings import FileSettings, SourceSettings, read_settings

# A timestamp has no zone unless it says so, and "at" is a name, as in DuckDB.
DIALECT = {
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
}


def import_(name: str, raw: str | None, out: str, master: str | None) -> dict[str, Any]:
    """What `import` says. Refused where the source's SQL or its files are not for Spark."""
    source = source_of_name(name)
    refuse_existing(out)
    with working(master) as spark:
        base, rows = import_source(spark, source, raw, place_of(out))
    return {"incoming": out, "source": name, "rows": rows, "counted": base.counted}


def import_source(
    spark: SparkSession, source: Path, raw: str | None, into: str
) -> tuple[Base, dict[str, int]]:
    """Write `into`/<table>.parquet for each <table>.sql of `source`, and base.json last; the rows of each."""
    settings = read_settings(source)
    selects = selects_of(source)
    if settings.postgres:
        raise Refused(
            f"{source}: rows of a PostgreSQL database come in by the local engine only; run `holdfast "
            "import` without --engine spark, and `holdfast check --engine spark` on what it wrote"
        )
    shared = sorted((source / "views").glob("*.sql"))
    views = [*settings.files, *(path.stem for path in shared)]
    with _in_words_of_the_source(spark, settings, views):
        for view, file in settings.files.items():
            _rows_of(spark, view, file, raw, settings).createOrReplaceTempView(view)
        for path in shared:
            with _refusing(path, views):
                spark.sql(f"create temporary view `{path.stem}` as {sql_of(path)}")
        rows = {}
        for table, path in selects.items():
            with _refusing(path, views):
                rows[table] = write(_typed(spark.sql(sql_of(path)), table), f"{into}/{table}.parquet")
        counted = _counted(spark, source / f"{COUNTED}.sql", views)
    base = base_of(settings, counted)
    write_json(spark, asdict(base), f"{into}/{BASE}")
    return base, rows


@contextmanager
def _in_words_of_the_source(
    spark: SparkSession, settings: SourceSettings, views: list[str]
) -> Iterator[None]:
    wanted = DIALECT | {"spark.sql.session.timeZone": settings.time_zone}
    before = {name: spark.conf.get(name) for name in wanted}
    for name, value in wanted.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for view in reversed(views):
            spark.catalog.dropTempView(view)
        for name, old in before.items():
            spark.conf.set(name, str(old))


def _rows_of(
    spark: SparkSession, view: str, file: FileSettings, raw: str | None, settings: SourceSettings
) -> DataFrame:
    """The rows of files: of Parquet as Spark reads them, of CSV as the local engine does."""
    if raw is None:
        raise Refused("the source reads files; name the folder that holds them (--raw)")
    is_parquet = file.path.endswith(".parquet")
    if "://" in raw and is_parquet:
        return _parquet(spark, view, [f"{raw.rstrip('/')}/{file.path}"])
    if "://" in raw:
        raise Refused(
            f"source.yaml, files, {view}: {file.path} is no Parquet, and {raw} no folder: CSV is read where "
            "it has a path, the same on this machine and on every worker. Mount it, or deliver Parquet"
        )
    paths = found(view, file.path, Path(raw))
    if is_parquet:
        return _parquet(spark, view, [place_of(path) for path in paths])
    names = _names(view, file, paths[0], settings.time_zone)
    places = spark.createDataFrame([(str(path.absolute()),) for path in paths], "path string")
    told = partial(csv_rows, view=view, file=file, names=names, zone=settings.time_zone)
    schema = ", ".join(f"`{name.replace('`', '``')}` string" for name in names)
    # A file is one task's: it may hold lines within quotes.
    return places.repartition(len(paths), "path").mapInArrow(told, schema)


def _parquet(spark: SparkSession, view: str, places: list[str]) -> DataFrame:
    try:
        return read(spark, *places)
    except PySparkException as error:
        raise Refused(f"source.yaml, files, {view}: {said(error)}") from error


def _names(view: str, file: FileSettings, path: Path, zone: str) -> list[str]:
    with TemporaryDirectory(prefix="holdfast-") as passing, engine(Path(passing), zone) as db:
        create_file_view(db, view, file, [path], Path(passing))
        return list(described(db, f"from {identifier(view)}"))


def csv_rows(
    batches: Iterator[pa.RecordBatch], view: str, file: FileSettings, names: list[str], zone: str
) -> Iterator[pa.RecordBatch]:
    """Rows of the CSV files whose paths come, on a worker: texts, as tables.source_file reads them."""
    for batch in batches:
        for path in batch["path"].to_pylist():
            with TemporaryDirectory(prefix="holdfast-") as passing, engine(Path(passing), zone) as db:
                create_file_view(db, view, file, [Path(path)], Path(passing))
                came = list(described(db, f"from {identifier(view)}"))
                if came != names:
                    raise Refused(f"{path}: expected the header {', '.join(names)}, came {', '.join(came)}")
                yield from db.sql(f"from {identifier(view)}").to_arrow_reader(ROWS_A_BATCH)


def _typed(rows: DataFrame, table: str) -> DataFrame:
    """A column of which nothing is said has no type in Spark; Parquet wants one."""
    columns = TABLES[table].columns
    silent = [field.name for field in rows.schema.fields if isinstance(field.dataType, NullType)]
    kinds = {name: TYPES[columns[name].kind] if name in columns else "string" for name in silent}
    return rows.withColumns({name: F.lit(None).cast(kind) for name, kind in kinds.items()})


def _counted(spark: SparkSession, path: Path, views: list[str]) -> dict[str, int]:
    if not path.exists():
        return {}
    with _refusing(path, views):
        rows = spark.sql(
            "select cast(what as string), cast(coalesce(sum(rows), 0) as bigint) "
            f"from ({sql_of(path)}\n) where what is not null group by 1 order by 1"
        ).collect()
    return {row[0]: row[1] for row in rows}


@contextmanager
def _refusing(path: Path, views: list[str]) -> Iterator[None]:
    """Turn an error of Spark into a refusal that names the SQL file."""
    try:
        yield
    except PySparkException as error:
        raise Refused(
            f"{path}: {said(error)}\nWith --engine spark the SELECT is Spark's SQL (docs/spark.md). It can "
            f"read {', '.join(views)}"
        ) from error
