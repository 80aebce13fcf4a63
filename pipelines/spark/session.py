"""Spark's session, set up so that instants, numbers and files are what the local engine takes them for."""

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tables.refusal import Refused

try:
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession
except ImportError as error:
    raise Refused(
        f"--engine spark needs PySpark ({error}); install it with pip install 'holdfast[spark]', and Java 17"
    ) from error

# A batch of rows on its way to Python is held in memory whole, and a row here may be a block of 1,000
# (pipelines.spark.block): so many of those are about 100 MB.
ROWS_A_BATCH = 1_000
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(ROWS_A_BATCH),
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",  # not INT96, which means nanoseconds
}
# On a cluster these are the operator's; here nothing listens beyond this machine, and few tasks will do for
# the small tables.
LOCAL = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.shuffle.partitions": "4",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


# PySpark logs every error with pages of Java before it raises it.
for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
    logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def working(master: str | None) -> Iterator[SparkSession]:
    """A session (see `session`) whose errors are refusals."""
    with session(master) as spark:
        try:
            yield spark
        except PySparkException as error:
            raise Refused(f"Spark did not finish: {said(error)}") from error


def said(error: PySparkException) -> str:
    """What a worker refused, else the first lines of Spark's own words; not pages of Java."""
    refused = re.search(r"tables\.refusal\.Refused: (.+)", str(error))
    return refused[1] if refused else str(error).strip()[:500]


@contextmanager
def session(master: str | None) -> Iterator[SparkSession]:
    """A session on `master`: local[n], a cluster's URL, or sc://host:port (Spark Connect).

    Without one it is what spark-submit or the environment says, else all cores of this machine. A session
    that is open already is used and stays open.
    """
    if is_local(master):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    before = SparkSession.getActiveSession()
    found = before or _open(master)
    for name, value in SETTINGS.items():
        found.conf.set(name, value)
    try:
        yield found
    finally:
        if before is None:
            found.stop()


def is_local(master: str | None) -> bool:
    """Whether the workers are this machine's; what spark-submit says stands in the environment."""
    if master is not None:
        return master.startswith("local")
    return not {"SPARK_REMOTE", "PYSPARK_GATEWAY_PORT", "MASTER", "PYSPARK_SUBMIT_ARGS"} & set(os.environ)


def _open(master: str | None) -> SparkSession:
    builder = SparkSession.builder.appName("holdfast")
    if is_local(master):
        builder = builder.config(map=dict(LOCAL)).master(master or "local[*]")
    elif master is not None:
        builder = builder.remote(master) if master.startswith("sc://") else builder.master(master)
    try:
        return builder.getOrCreate()
    except Exception as error:  # Java's errors have no class of their own here
        raise Refused(
            f"--master {master}: no Spark session ({str(error).strip()[:500]}); expected local[n], "
            "spark://host:7077, yarn, k8s://..., or sc://host:15002, and Java 17 on this machine"
        ) from error
