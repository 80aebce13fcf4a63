"""Checked tables as Spark reads them: a folder anywhere, one Parquet file or folder a table and feed."""

from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.spark.folder import path_of, place_of, read_json
from tables.contract import CUSTOMER_TABLES, TABLES
from tables.record import own_columns
from tables.refusal import Refused
from tables.small_table import parts_of
from tables.sorting import about_base

# Spark's names of the checked columns' types (tables.column).
TYPES = {
    "text": "string",
    "choice": "string",
    "choices": "string",
    "instant": "timestamp",
    "day": "date",
    "integer": "bigint",
    "money": "bigint",
    "number": "double",
    "flag": "boolean",
}


@dataclass(frozen=True)
class Checked:
    """The checked tables in `folder`: a path of this machine, or a URL that Spark reads."""

    spark: SparkSession
    folder: str

    @cached_property
    def base(self) -> dict[str, Any]:
        """What base.json says: time zone, currency, and the columns of each table."""
        expected = "what `holdfast check` leaves in bases/<name>/tables: checked tables, with their columns"
        base = read_json(self.spark, f"{self.folder}/base.json", expected)
        if not isinstance(base.get("columns"), dict):
            raise Refused(f"{self.folder}/base.json: expected {expected}; `columns` is missing")
        return base

    def has(self, name: str, column: str = "event_id") -> bool:
        return column in self.base["columns"].get(name, [])

    def table(self, name: str) -> DataFrame:
        """All rows of a table, what came first and each feed since, in the contract's types.

        The types are told, not asked of the files: a column that a feed does not have is missing there.
        """
        kinds = TABLES[name].columns
        schema = ", ".join(f"`{c}` {TYPES[kinds[c].kind]}" for c in self.base["columns"][name])
        reader = self.spark.read.schema(schema).option("parquet.page.verify-checksum.enabled", "true")
        here = path_of(self.folder)
        found = [place_of(path) for path in parts_of(here, name)] if here else []
        # What this machine does not see, Spark finds; of a pattern it warns, at length.
        return reader.parquet(*(found or [f"{self.folder}/{name}{{,.*}}.parquet"]))

    def rows(self, names: list[str]) -> int:
        """How many rows the tables have together, from their files' footers."""
        events = [self.table(name).select("event_id") for name in names]
        return int(reduce(DataFrame.unionAll, events).count())

    def recorded(self, name: str) -> DataFrame:
        """The columns of a customers' table that its records keep."""
        wanted = ["event_id", "customer_id", "at", "known_at", "deleted"]
        wanted += [c for c in own_columns(TABLES[name]) if self.has(name, c)]
        return self.table(name).select(*wanted)

    def mergers(self) -> pa.Table | None:
        """Every version of the events that ever told of a merger: few among the rows of customers."""
        if not self.has("customers", "merged_into"):
            return None
        event = ["customer_id", "event_id"]
        rows = self.table("customers").select(*event, "at", "known_at", "deleted", "merged_into")
        told = rows.where("merged_into is not null").select(*event).distinct()
        return rows.join(told, event, "left_semi").toArrow()

    def about(self) -> dict[str, Any]:
        """What histories.json says of a whole base (tables.sorting.about_base)."""
        names = [name for name in CUSTOMER_TABLES if self.has(name) and name != "customers"]
        if not names:
            return about_base(self.base, [])
        clocks = [self.table(name).where("not deleted").select("at", "known_at") for name in names]
        first, last = (
            reduce(DataFrame.unionAll, clocks)
            .select(F.min("at"), F.max(F.greatest("at", "known_at")))
            .select(*(F.unix_micros(F.col(c)) for c in ("min(at)", "max(greatest(at, known_at))")))
            .collect()[0]
        )
        return about_base(self.base, [] if first is None else [(first, last)])
