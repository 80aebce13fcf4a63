"""`holdfast features --engine spark` and `holdfast score --engine spark`: Parquet folders of everybody."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from features import warm
from features.reader import names_of
from pipelines.as_of import moment_of, offers_of
from pipelines.spark.block import BLOCK, to_blocks
from pipelines.spark.checked import Checked
from pipelines.spark.folder import place_of, refuse_existing, write
from pipelines.spark.reading import facts_in, facts_schema, families_of
from pipelines.spark.scoring import SCORES, scores_in
from pipelines.spark.session import is_local, working
from pipelines.spark.shipment import ship, write_offers
from releases.bundle import read_bundle
from releases.home import Home
from tables.contract import CUSTOMER_TABLES
from tables.history import read_about
from tables.moment import in_zone
from tables.refusal import Refused
from tables.sealed import verify

# A portion stands in a worker's memory, several times over, at about 100 bytes a row: small ones until there
# are so many that their blocks would hold few rows, then larger ones.
ROWS_A_PORTION, MOST_ROWS_A_PORTION = 250_000, 2_000_000
MOST_SMALL_PORTIONS = 2_000


@dataclass(frozen=True)
class Base:
    """A base for Spark: its checked tables, and what is known of its time."""

    checked: Checked
    about: dict[str, Any]

    @property
    def time_zone(self) -> str:
        return str(self.about["time_zone"])

    @property
    def first_at(self) -> int:
        return int(self.about["first_at"])

    @property
    def last_at(self) -> int:
        return int(self.about["last_at"])


def open_base(spark: SparkSession, home: Home, tables: str | None) -> Base:
    """The checked tables in `tables`, or those of the home's current base, verified."""
    if tables is not None:
        checked = Checked(spark, place_of(tables))
        return Base(checked, checked.about())
    base = home.current_base()
    verify(base)
    return Base(Checked(spark, place_of(base / "tables")), read_about(base / "histories"))


def blocks(base: Base, shipped: str, portions: int | None = None) -> DataFrame:
    """All rows of customers as blocks, each portion's behind each other in one partition of Spark."""
    tables = [name for name in CUSTOMER_TABLES if base.checked.has(name)]
    portions = portions or _portions(base, tables)
    laid = [
        base.checked.recorded(name).mapInArrow(
            partial(to_blocks, name=name, portions=portions, shipped=shipped), BLOCK
        )
        for name in tables
    ]
    together = reduce(DataFrame.unionAll, laid)
    return together.repartition(portions, "portion").sortWithinPartitions("portion")


def facts_of(
    base: Base,
    moments: tuple[int, ...],
    *,
    only: tuple[str, ...] = (),
    portions: int | None = None,
) -> DataFrame:
    """Facts of every customer at each moment (microseconds), of all families or of those named in `only`."""
    shipped = ship(base.checked.spark, base.checked, base.about)
    read = partial(facts_in, shipped=shipped, moments=moments, only=only)
    return blocks(base, shipped, portions).mapInArrow(read, facts_schema(families_of(only)))


def scores_of(
    base: Base, bundle: Path, offers: tuple[Any, ...], t: int, *, portions: int | None = None
) -> DataFrame:
    """Scores of every customer as of t by the models in the folder `bundle`, which the caller verified."""
    shipped = ship(base.checked.spark, base.checked, base.about, bundle, offers)
    return blocks(base, shipped, portions).mapInArrow(partial(scores_in, shipped=shipped, t=t), SCORES)


def write_facts(
    home: Home, out: str, as_of: str | None, master: str | None, tables: str | None
) -> dict[str, Any]:
    with _based(home, master, tables, out) as base:
        t = moment_of(base, as_of)
        customers = write(facts_of(base, (t,)), place_of(out))
        return {
            "customers": customers,
            "facts": len(names_of()),
            "moment": in_zone(t, base.time_zone).isoformat(),
            "path": out,
        }


def write_scores(
    home: Home, out: str, as_of: str | None, master: str | None, tables: str | None
) -> dict[str, Any]:
    name = home.published().bundle
    if not name:
        raise Refused("no bundle is published; run `holdfast train` and `holdfast promote` first")
    read_bundle(home.bundles / name, home.key())
    with _based(home, master, tables, out) as base:
        t = moment_of(base, as_of)
        with TemporaryDirectory(prefix="holdfast-") as passing:
            write_offers(base.checked, Path(passing))
            offers = offers_of(Path(passing), t, base.time_zone)
        customers = write(scores_of(base, home.bundles / name, offers, t), place_of(out))
        return {
            "customers": customers,
            "offers": len(offers),
            "moment": in_zone(t, base.time_zone).isoformat(),
            "bundle": name,
            "path": out,
        }


def render_facts(result: dict[str, Any]) -> list[Any]:
    return [
        f"{result['facts']} facts of {result['customers']:,} customers as of {result['moment']}: "
        f"{result['path']}"
    ]


def render_scores(result: dict[str, Any]) -> list[Any]:
    return [
        f"Scores of {result['customers']:,} customers and {result['offers']} offers as of {result['moment']} "
        f"by bundle {result['bundle']}: {result['path']}",
        "Nothing was published: choices under one budget are made by `holdfast score` on one machine",
    ]


@contextmanager
def _based(home: Home, master: str | None, tables: str | None, out: str) -> Iterator[Base]:
    refuse_existing(out)
    if is_local(master):
        warm.warm()  # once, or each worker would compile for itself
    with working(master) as spark:
        yield open_base(spark, home, tables)


def _portions(base: Base, tables: list[str]) -> int:
    known = base.about.get("rows")  # of a home's base, but not of any folder
    rows = sum(known.values()) if known else base.checked.rows(tables)
    return max(1, min(MOST_SMALL_PORTIONS, -(-rows // ROWS_A_PORTION)), -(-rows // MOST_ROWS_A_PORTION))
