"""Folders that Spark reads and writes: paths of this machine, or URLs."""

import json
from pathlib import Path
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from tables.refusal import Refused
from tables.sealed import canonical_json

HERE = "file://"


def place_of(folder: str | Path) -> str:
    """A folder as Spark names it: a path is this machine's, whatever the cluster's own file system is."""
    if "://" in str(folder):
        return str(folder).rstrip("/")
    return f"{HERE}{Path(folder).absolute()}"


def path_of(place: str) -> Path | None:
    """A place that is this machine's, as a path; None: only Spark can look there."""
    return Path(place.removeprefix(HERE)) if place.startswith(HERE) else None


def refuse_existing(out: str) -> None:
    if "://" not in out and Path(out).exists():
        raise Refused(f"--out {out} is there already; name a folder that is not")


def write(rows: DataFrame, place: str) -> int:
    """Write a folder of Parquet; `_SUCCESS` in it says that it is whole. Returns the number of rows."""
    rows.write.mode("error").parquet(place)
    return int(rows.sparkSession.read.parquet(place).count())


def read(spark: SparkSession, *places: str) -> DataFrame:
    """Files or folders of Parquet, their pages held against their checksums where they have any."""
    return spark.read.option("parquet.page.verify-checksum.enabled", "true").parquet(*places)


def write_json(spark: SparkSession, value: Any, place: str) -> None:
    """A folder that holds one file: Spark writes no other, and only Spark reaches every place."""
    rows = spark.createDataFrame([(canonical_json(value),)], "value string")
    rows.coalesce(1).write.mode("error").text(place)


def read_json(spark: SparkSession, place: str, expected: str) -> dict[str, Any]:
    """The object in a JSON file, or in the folder of one; Refused says what was `expected`."""
    try:
        text = spark.read.text(place, wholetext=True).collect()[0][0]
        value: dict[str, Any] = json.loads(text)
        return value | {}  # an object and nothing else
    except (PySparkException, IndexError, ValueError, TypeError) as error:
        raise Refused(f"{place}: expected {expected} ({str(error).splitlines()[0][:300]})") from error
