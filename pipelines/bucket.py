"""One bucket of a weekly run, assessed and put aside: what the choice and the week need of its customers.

On disk, so that a run holds one bucket in memory: 16 bytes a customer and offer, 8 a customer and fact that
the policy reads, a few hundred a customer for the rest. Complete or absent: written aside, flushed, renamed;
each file is verified when it is read.
"""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from decisions.circumstance import Circumstances
from decisions.known import Known, together
from decisions.label import Places
from decisions.standing import Standing
from models.scorer import Scores
from pipelines.tally import Tally
from releases.row import ASSESSED
from tables.refusal import Refused
from tables.sealed import STAGING, canonical_json, move_whole, read_manifest, verified, write_manifest

ROWS, TALLY, COUNTED = "rows.parquet", "tally.json", "counted"
KNOWN, KNOWN_NAMES = "known", "known.json"
# What of the circumstances a bucket keeps; ids and stages are there anyway.
WHO = tuple(name for name in Circumstances._fields if name not in ("ids", "stage"))


class Batch(NamedTuple):
    """Some customers, assessed: rows as in ASSESSED, response and uplift by offer, where they stand, and what
    bears on what they may be offered."""

    rows: pa.Table
    scores: Scores
    standing: Standing
    who: Circumstances


class Bucket:
    """A finished bucket; what is read of it is as it was written, or Refused is raised."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder, named=False)

    def rows(self, columns: list[str] | None = None) -> pa.Table:
        return pq.read_table(self._file(ROWS), columns=columns, page_checksum_verification=True)

    def add_to(self, tally: Tally) -> None:
        """Add what was counted of this bucket."""
        plain = json.loads(self._file(TALLY).read_text(encoding="utf-8"))
        names = [name.removesuffix(".npy") for name in self.manifest if name.startswith(f"{COUNTED}/")]
        tally.add_stored(plain, {name.removeprefix(f"{COUNTED}/"): self._array(name) for name in names})

    def scores(self) -> Scores:
        """For `choose`: churn and value are not looked at by it and stay with the rows."""
        response = self._array("response")
        nothing = np.full(len(response), np.nan)
        return Scores(churn=nothing, value=nothing, response=response, uplift=self._array("uplift"))

    def who(self, ids: npt.NDArray[np.object_], stage: Places) -> Circumstances:
        """ids, stage: of the bucket's customers, shape (customers,)."""
        kept = {name: self._array(name) for name in WHO}
        return Circumstances(ids=ids, stage=stage, **kept)

    def standing(self) -> Standing:
        names = json.loads(self._file(KNOWN_NAMES).read_text(encoding="utf-8"))
        columns, stage = self._array(KNOWN), self._array("stage")
        known = Known(len(stage), dict(zip(names, columns, strict=True)))
        return Standing(known, stage, self._array("since"))

    def _array(self, name: str) -> Any:
        return mapped_array(self._file(f"{name}.npy"))

    def _file(self, name: str) -> Path:
        try:
            return verified(self.folder, self.manifest, name)
        except Refused as error:
            raise Refused(f"{error}; `holdfast score --resume` makes this bucket anew") from error


def write_bucket(folder: Path, batches: Iterable[Batch], tally: Tally) -> Bucket:
    """Write what the batches bring and, when they are through, the tally they filled."""
    staged = folder.with_name(f"{folder.name}{STAGING}{os.getpid()}")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    try:
        parts: list[Batch] = []
        with pq.ParquetWriter(
            staged / ROWS, ASSESSED, compression="zstd", write_page_checksum=True
        ) as writer:
            for batch in batches:
                writer.write_table(batch.rows)
                parts.append(batch._replace(rows=None))
        write_array(staged, "response", np.concatenate([part.scores.response for part in parts]))
        write_array(staged, "uplift", np.concatenate([part.scores.uplift for part in parts]))
        for name in WHO:
            write_array(staged, name, np.concatenate([getattr(part.who, name) for part in parts]))
        _write_standing(staged, [part.standing for part in parts])
        (staged / COUNTED).mkdir()
        for name, array in tally.arrays().items():
            write_array(staged, f"{COUNTED}/{name}", array)
        (staged / TALLY).write_text(canonical_json(tally.plain()), encoding="utf-8")
        write_manifest(staged)
        if folder.exists():
            shutil.rmtree(folder)
        move_whole(staged, folder)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    return Bucket(folder)


def is_finished(folder: Path) -> bool:
    """Whether the bucket is there and whole."""
    try:
        bucket = Bucket(folder)
        for name in bucket.manifest:
            verified(folder, bucket.manifest, name)
    except Refused:
        return False
    return True


def _write_standing(folder: Path, parts: list[Standing]) -> None:
    """Column by column, so that one is read without the others."""
    known = together(part.known for part in parts)
    write_array(folder, KNOWN, np.stack(list(known.columns.values())))
    (folder / KNOWN_NAMES).write_text(canonical_json(list(known.columns)), encoding="utf-8")
    write_array(folder, "stage", np.concatenate([part.stage for part in parts]))
    write_array(folder, "since", np.concatenate([part.since for part in parts]))


def mapped_array(path: Path) -> Any:
    """Mapped, not read: the system may take the room back."""
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)).view(np.ndarray)


def write_array(folder: Path, name: str, array: npt.NDArray[Any]) -> None:
    """As np.save does, which does not say why it could not write."""
    plain = np.ascontiguousarray(array)
    with (folder / f"{name}.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(plain))
        file.write(plain.view(np.uint8).data if plain.size else b"")
