"""The shipment: what every worker needs beside its rows, made once and opened once by each worker.

Timelines of products and offers, who was merged into whom, and for scores the bundle: files of an archive
named by its hash, without a pickle among them.
"""

import atexit
import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache, cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import SparkFiles
from pyspark.sql import SparkSession

from pipelines.spark.checked import Checked
from tables.code import keys_of
from tables.engine import engine
from tables.history import read_owners
from tables.merger import Ownership
from tables.offer import Offer
from tables.portion import Linked, linked_of
from tables.sealed import canonical_json, verify
from tables.small_table import owners_of, write_owners, write_timelines
from tables.timeline import JOINED, Timelines, read_timelines

if TYPE_CHECKING:
    from releases.bundle import Bundle


class Shipment:
    """An opened shipment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        self.present = frozenset(about["present"])
        self.time_zone: str = about["time_zone"]
        self.offers = tuple(
            Offer(**{**each, "channels": tuple(each["channels"])}) for each in about["offers"]
        )
        self.bundle_name: str = about["bundle"]
        self.timelines: Timelines = read_timelines(folder)
        self._owners = read_owners(folder)
        self._owned = keys_of(pa.array([each.customer_id for each in self._owners], pa.string()))
        self.linked: Linked = linked_of(self._owners)

    def owners_among(self, ids: pa.Array) -> list[Ownership]:
        """Who owns the events of these customers."""
        return [self._owners[k] for k in np.flatnonzero(np.isin(self._owned, keys_of(ids)))]

    @cached_property
    def bundle(self) -> "Bundle":
        """Opened as everywhere: hashes, structure and golden rows hold, or it is refused."""
        from releases.bundle import open_bundle  # noqa: PLC0415 LightGBM takes seconds to import

        folder = self.folder / "bundles" / self.bundle_name
        verify(folder)
        return open_bundle(folder)


def ship(
    spark: SparkSession,
    checked: Checked,
    about: dict[str, Any],
    bundle: Path | None = None,
    offers: tuple[Offer, ...] = (),
) -> str:
    """Send a shipment to all workers; returns the name by which `shipment` opens it."""
    passing = _kept_folder()  # workers that start later fetch the archive then
    folder = passing / "files"
    folder.mkdir()
    _write_small_tables(checked, folder)
    said = {
        "present": about["present"],
        "time_zone": about["time_zone"],
        "offers": [asdict(offer) for offer in offers],
        "bundle": bundle.name if bundle else "",
    }
    (folder / "about.json").write_text(canonical_json(said), encoding="utf-8")
    files = [(path, path.relative_to(folder).as_posix()) for path in _files(folder)]
    if bundle:
        files += [
            (path, f"bundles/{bundle.name}/{path.relative_to(bundle).as_posix()}") for path in _files(bundle)
        ]
    archive = _packed(files, passing)
    spark.addArtifacts(str(archive), file=True)
    return archive.name


@cache
def shipment(name: str) -> Shipment:
    """The shipment of that name, opened where Spark laid it down; once in each worker."""
    folder = _kept_folder()
    with zipfile.ZipFile(SparkFiles.get(name)) as archive:
        archive.extractall(folder)
    return Shipment(folder)


def _kept_folder() -> Path:
    """A passing folder that goes when the process ends."""
    folder = mkdtemp(prefix="holdfast-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _write_small_tables(checked: Checked, folder: Path) -> None:
    """Timelines and owners by the statements that the local engine uses, from the few rows they need."""
    columns = checked.base["columns"]
    mergers = checked.mergers()
    with engine(folder, checked.base["time_zone"]) as db:
        for other in JOINED:
            if other in columns:
                _register(db, other, checked.table(other).toArrow())
        write_timelines(db, {other: columns[other] for other in JOINED if other in columns}, folder)
        if mergers is not None:
            _register(db, "customers", mergers)
        write_owners(folder, [] if mergers is None else owners_of(db, columns))


def _register(db: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    db.register(f"came_{name}", rows)
    db.execute(f"create table {name} as from came_{name}")


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(path for path in folder.rglob("*") if path.is_file()))


def _packed(files: list[tuple[Path, str]], folder: Path) -> Path:
    """An archive of the files; equal files make an equal archive, which Spark takes again."""
    digest = hashlib.sha256()
    aside = folder / "archive"
    with zipfile.ZipFile(aside, "w") as packed:
        for path, name in files:
            content = path.read_bytes()
            digest.update(f"{name}\n".encode() + hashlib.sha256(content).digest())
            packed.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return aside.rename(folder / f"holdfast-{digest.hexdigest()[:16]}.zip")


def write_offers(checked: Checked, folder: Path) -> None:
    """The offers' table as a file of `folder`/tables, where tables.offer reads it."""
    (folder / "tables").mkdir()
    if checked.has("offers"):
        pq.write_table(checked.table("offers").toArrow(), folder / "tables" / "offers.parquet")
