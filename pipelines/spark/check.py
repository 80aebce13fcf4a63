"""`holdfast check --engine spark`: incoming tables against the contract, into folders for Spark."""

from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial, reduce
from typing import Any, NamedTuple

import pyarrow as pa
from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StringType, StructField, StructType

from pipelines.check import Unusable
from pipelines.spark.checked import TYPES
from pipelines.spark.folder import path_of, place_of, read, read_json, refuse_existing, write, write_json
from pipelines.spark.session import working
from pipelines.spark.verdict import VERDICT, database, found_by, refused_merges, verdicts_in, whole_in
from releases.home import Home
from tables.check_incoming import EMPTY, incoming_tables, refuse_base, refuse_columns
from tables.check_rules import written_columns
from tables.checking import CHECK, Broken, CheckReport, TableCheck
from tables.contract import KEYS, TABLES
from tables.engine import described
from tables.refusal import Refused
from tables.sealed import verify
from tables.source import BASE

# A worker has so many rows in memory at once, several times over.
ROWS_A_TASK = 250_000
HOLDS = f"{VERDICT} is null"


class Task(NamedTuple):
    """incoming, tables, refused: places; now: an instant as text; share: of rows that may be refused."""

    spark: SparkSession
    incoming: str
    tables: str
    refused: str
    zone: str
    now: str
    share: float


def check(home: Home, share: float, out: str, master: str | None, tables: str | None) -> dict[str, Any]:
    """`out`/tables holds the rows that hold, `out`/refused the others; base.json stands if it can be used."""
    refuse_existing(out)
    if tables is None:
        incoming = home.current_incoming()
        verify(incoming)
        tables = str(incoming)
    with working(master) as spark:
        report = check_tables(spark, place_of(tables), place_of(out), share=share, now=datetime.now(UTC))
    if not report.usable:
        raise Unusable(asdict(report), f"{out}/refused")
    return {**asdict(report), "tables_of_rows": f"{out}/tables", "refused_rows": f"{out}/refused"}


def check_tables(spark: SparkSession, incoming: str, out: str, *, share: float, now: datetime) -> CheckReport:
    """As tables.checking does, row by row; but rows have no numbers, for Spark's have no order."""
    base = read_json(spark, f"{incoming}/{BASE}", "what `import` writes; import anew")
    refuse_base(base, f"{incoming}/{BASE}")
    task = Task(spark, incoming, f"{out}/tables", f"{out}/refused", base["time_zone"], now.isoformat(), share)
    checks: dict[str, TableCheck] = {}
    columns: dict[str, list[str]] = {}
    for table in _tables(spark, incoming):
        checks[table], columns[table] = _check_table(task, table, list(checks))
    report = CheckReport(all(each.usable for each in checks.values()), share, checks)
    write_json(spark, asdict(report), f"{task.refused}/{CHECK}")
    if report.usable:
        write_json(spark, {**base, "columns": columns}, f"{task.tables}/{BASE}")
    return report


def _tables(spark: SparkSession, incoming: str) -> list[str]:
    here = path_of(incoming)
    if here:
        return incoming_tables(here)
    return [table for table in TABLES if _is_there(spark, f"{incoming}/{table}.parquet")]


def _is_there(spark: SparkSession, place: str) -> bool:
    try:
        spark.read.parquet(place)
    except PySparkException as error:
        if error.getCondition() == "PATH_NOT_FOUND":
            return False
        raise
    return True


def _check_table(task: Task, table: str, done: list[str]) -> tuple[TableCheck, list[str]]:
    place = f"{task.incoming}/{table}.parquet"
    came = read(task.spark, place)
    _refuse_shape(table, place, came, task.zone)
    rows = came.count()
    if not rows:
        raise Refused(f"{place}: {EMPTY}")
    judged = _judged(task, table, came, rows, done).persist(StorageLevel.DISK_ONLY)
    if table == "customers" and "merged_into" in came.columns:
        judged = _without_lost_merges(judged, task.zone).persist(StorageLevel.DISK_ONLY)
    written = written_columns(TABLES[table], came.columns)
    hold = write(_whole(task, table, judged, written), f"{task.tables}/{table}.parquet")
    refused = judged.where(f"size({VERDICT}) > 0")
    each = (F.count_if(F.expr(f"size({VERDICT}) {than} 0")) for than in (">", "="))
    count, repeated = judged.select(*each).collect()[0]
    if rows != hold + count + repeated:
        raise RuntimeError(f"{place}: {rows} rows came, but {hold} + {count} + {repeated} went")
    if count:
        write(refused, f"{task.refused}/{table}.parquet")
    broken = _broken(refused)
    judged.unpersist()
    return TableCheck(
        rows=rows,
        hold=hold,
        refused=count,
        repeated=repeated,
        broken=broken,
        ignored=[name for name in came.columns if name not in TABLES[table].columns],
        usable=hold > 0 and count <= task.share * rows,
    ), written


def _refuse_shape(table: str, place: str, came: DataFrame, zone: str) -> None:
    """The rule of the local engine, which knows types by DuckDB's names."""
    here = path_of(place)
    with database(zone) as db:
        db.register("came", came.limit(0).toArrow())
        refuse_columns(table, str(here or place), described(db, "from came"))


def _judged(task: Task, table: str, came: DataFrame, rows: int, done: list[str]) -> DataFrame:
    """The rows and their verdict, but for what only all mergers together tell."""
    contract = TABLES[table].columns
    references = tuple(
        name for name in came.columns if name in contract and contract[name].references in done
    )
    looked_up = reduce(
        lambda df, name: _looked_up(task, df, name, contract[name].references), references, came
    )
    # All rows of one event come together; those without one spread.
    event = F.coalesce("event_id", F.monotonically_increasing_id().cast("string"))
    together = looked_up.repartition(-(-rows // ROWS_A_TASK), event)
    verdict = StructField(VERDICT, ArrayType(StringType()))
    told = partial(verdicts_in, table=table, zone=task.zone, now=task.now, references=references)
    return together.mapInArrow(told, StructType([*came.schema.fields, verdict]))


def _looked_up(task: Task, rows: DataFrame, column: str, other: str) -> DataFrame:
    """With a column that says whether the other table holds the row that `column` names; else null."""
    key, found = f"{column} key", found_by(column)
    held = read(task.spark, f"{task.tables}/{other}.parquet").select(F.col(KEYS[other]).alias(key)).distinct()
    named = rows[column] == held[key]
    return rows.join(held.withColumn(found, F.lit(True)), named, "left").drop(key)


def _without_lost_merges(judged: DataFrame, zone: str) -> DataFrame:
    """Mergers in a circle, or into nobody, are refused; few rows tell of one, and the driver sees all."""
    pair = ["customer_id", "merged_into"]
    standing = judged.where(HOLDS)
    merges = standing.where("merged_into is not null").select(*pair).distinct()
    into = merges.select(F.col("merged_into").alias("customer_id")).distinct()
    silent = standing.where("merged_into is null").select("customer_id").distinct()
    lost = refused_merges(merges.toArrow(), silent.join(into, "customer_id", "left_semi").toArrow(), zone)
    if not len(lost):
        return judged
    rules = judged.sparkSession.createDataFrame(lost.cast(LOST))
    verdict = F.when(F.expr(f"{HOLDS} and rule is not null"), F.array("rule")).otherwise(F.col(VERDICT))
    return judged.join(F.broadcast(rules), pair, "left").withColumn(VERDICT, verdict).drop("rule")


LOST = pa.schema([(name, pa.string()) for name in ("customer_id", "merged_into", "rule")])


def _whole(task: Task, table: str, judged: DataFrame, written: list[str]) -> DataFrame:
    """The rows that hold, as the local engine writes them but for their order."""
    contract = TABLES[table]
    rows = judged.where(HOLDS).select(*(name for name in judged.columns if name in contract.columns))
    schema = ", ".join(f"`{name}` {TYPES[column.kind]}" for name, column in contract.columns.items())
    return rows.mapInArrow(partial(whole_in, table=table, zone=task.zone), schema).select(*written)


def _broken(refused: DataFrame) -> dict[str, Broken]:
    counted = refused.select(F.explode(VERDICT).alias("rule")).groupBy("rule").count().collect()
    worst = sorted((-rows, rule) for rule, rows in counted)
    return {rule: Broken(-rows, []) for rows, rule in worst}
