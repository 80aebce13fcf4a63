"""Sorting checked tables into histories, bucket by bucket (see tables.history for what a history is)."""

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tables.arrange import Keys, arranged, keys_of_rows, split_by_tier
from tables.bloom import event_hashes, make_filter, write_filter
from tables.cell import TIERS, Part, cell_path, filter_path, tier_borders, write_cell
from tables.code import keys_of
from tables.contract import CUSTOMER_TABLES, TABLES
from tables.memory import at_once, left, threads
from tables.moment import FOREVER, to_micros
from tables.record import STORED_TYPES, WITHDRAWS, Records, to_records
from tables.small_table import parts_of, write_ids, write_owners, write_small_tables
from tables.timeline import JOINED, timeline_type

BATCH_ROWS = 250_000
BATCH_ROW_BYTES = 1_000  # a checked row as it was read, and as a record
# So many customers and a bucket's rows fit in memory several times over.
CUSTOMERS_A_BUCKET = 50_000
LEAST_CUSTOMERS_A_BUCKET = 1_000
# While a bucket is sorted its rows stand in memory so many times: as they came, in order, by tier, and what
# they are ordered by.
SORTING = 5
Progress = Callable[[int, int], None]


def write_histories(
    tables: Path, into: Path, *, buckets: int | None = None, progress: Progress | None = None
) -> None:
    """Sort the checked tables in folder `tables` (see tables.checking) into histories in folder `into`.

    buckets: a power of two; by default what the number of customers asks for, more where memory is limited.
    """
    (into / "cells").mkdir(parents=True, exist_ok=True)
    base = json.loads((tables / "base.json").read_text(encoding="utf-8"))
    there = {name: parts_of(tables, name) for name in base["columns"]}
    ids = write_small_tables(tables, base, into)
    keys = keys_of(ids)
    buckets = buckets or _buckets_for(len(keys), _bytes_of(there))
    spill = Spill(into / ".spill", buckets)
    try:
        for name in CUSTOMER_TABLES:
            for path in there.get(name, []):
                spill.add(name, path, base["time_zone"])
        about = about_base(base, spill.spans)
        borders = tier_borders(about["last_at"])
        write_cells(into, buckets, borders, spill.take, progress, bucket_bytes=spill.largest)
    finally:
        shutil.rmtree(spill.folder, ignore_errors=True)
    write_about(into, about | {"buckets": buckets, "rows": spill.counts})


def write_filtered(into: Path, bucket: int, tier: int, parts: dict[str, Part]) -> None:
    """A cell and its filter."""
    write_cell(cell_path(into, bucket, tier), parts)
    hashes = [
        event_hashes(keys_of_rows(parts[name]), parts[name].rows["event_id"], k)
        for k, name in enumerate(CUSTOMER_TABLES)
    ]
    write_filter(filter_path(into, bucket, tier), make_filter(np.concatenate(hashes)))


def write_made(
    into: Path,
    ids: pa.Array,
    rows: dict[str, tuple[Keys, Records]],
    base: dict[str, Any],
    buckets: int,
    timelines: dict[str, npt.NDArray[Any]] | None = None,
) -> None:
    """Histories of records made in memory, for tests and benchmarks; `rows`: (customers' keys, records)."""
    (into / "cells").mkdir(parents=True, exist_ok=True)
    write_ids(into, ids)
    write_owners(into, [])
    for other in JOINED:
        made = (timelines or {}).get(other, np.zeros(0, timeline_type(other)))
        np.save(into / f"{other}.npy", made, allow_pickle=False)
    spans = [
        (int(r["at"].min()), int(r["seen_at"].max()))
        for n, (_, r) in rows.items()
        if len(r) and n != "customers"
    ]
    about = about_base(base, spans)
    numbers = {name: bucket_of(keys, buckets) for name, (keys, _) in rows.items()}

    def rows_of(bucket: int, name: str) -> tuple[Keys, Records]:
        chosen = np.flatnonzero(numbers[name] == bucket)
        return rows[name][0][chosen], rows[name][1][chosen]

    write_cells(into, buckets, tier_borders(about["last_at"]), rows_of)
    counts = {name: len(keys) for name, (keys, _) in rows.items()}
    write_about(into, about | {"buckets": buckets, "rows": counts})


def write_cells(
    into: Path,
    buckets: int,
    borders: npt.NDArray[np.int64],
    rows_of: Callable[[int, str], tuple[Keys, Records]],
    progress: Progress | None = None,
    *,
    bucket_bytes: int = 0,
) -> None:
    """The cells of all buckets; `rows_of(bucket, table)` gives a bucket's rows in any order, of which the
    largest bucket has so many bytes."""

    def write(bucket: int) -> None:
        tiers: list[dict[str, Part]] = [{} for _ in range(TIERS)]
        for name in CUSTOMER_TABLES:
            for tier, part in enumerate(split_by_tier(*arranged(*rows_of(bucket, name)), borders)):
                tiers[tier][name] = part
        for tier, parts in enumerate(tiers):
            write_filtered(into, bucket, tier, parts)

    with ThreadPoolExecutor(threads(SORTING * bucket_bytes, "sorting the largest bucket")) as pool:
        for done, _ in enumerate(pool.map(write, range(buckets)), start=1):
            if progress:
                progress(done, buckets)


class Spill:
    """Rows on their way to their buckets: one file a bucket and table, in the order in which they came."""

    def __init__(self, folder: Path, buckets: int) -> None:
        self.folder = folder
        self.buckets = buckets
        self.counts = dict.fromkeys(CUSTOMER_TABLES, 0)
        self.bytes = np.zeros(buckets, np.int64)
        self.spans: list[tuple[int, int]] = []
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def add(self, name: str, path: Path, zone: str) -> None:
        """The rows of a checked file; remembers when they happened, but for customers' announcements."""
        for keys, records in rows_in(name, path, zone):
            self.counts[name] += len(records)
            stands = records[records["mark"] & WITHDRAWS == 0]
            if len(stands) and name != "customers":
                self.spans.append((int(stands["at"].min()), int(stands["seen_at"].max())))
            buckets = bucket_of(keys, self.buckets)
            order = np.argsort(buckets, kind="stable")
            cuts = np.searchsorted(buckets[order], np.arange(self.buckets + 1))
            self.bytes += np.diff(cuts) * _keyed_type(name).itemsize
            for bucket in np.flatnonzero(np.diff(cuts)):
                rows = order[cuts[bucket] : cuts[bucket + 1]]
                with self._path(name, int(bucket)).open("ab") as file:
                    _keyed(name, keys[rows], records[rows]).tofile(file)

    @property
    def largest(self) -> int:
        """Bytes of the largest bucket."""
        return int(self.bytes.max())

    def take(self, bucket: int, name: str) -> tuple[Keys, Records]:
        path = self._path(name, bucket)
        if not path.exists():
            return np.empty(0, np.uint64), np.empty(0, STORED_TYPES[name])
        rows = np.fromfile(path, _keyed_type(name))
        path.unlink()
        return rows["key"], rows["row"]

    def _path(self, name: str, bucket: int) -> Path:
        return self.folder / f"{name}-{bucket:04d}"


def _keyed_type(name: str) -> np.dtype[np.void]:
    return np.dtype([("key", "u8"), ("row", STORED_TYPES[name])])


def _keyed(name: str, keys: Keys, records: Records) -> npt.NDArray[Any]:
    rows = np.empty(len(keys), _keyed_type(name))
    rows["key"], rows["row"] = keys, records
    return rows


def rows_in(name: str, path: Path, zone: str) -> Iterator[tuple[Keys, Records]]:
    """A checked file as (customers' keys, stored records), batch by batch."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        wanted = [column for column in file.schema_arrow.names if column in TABLES[name].columns]
        rows_at_once = at_once(BATCH_ROW_BYTES, BATCH_ROWS, "reading checked rows", least=10_000)
        for batch in file.iter_batches(rows_at_once, columns=wanted):
            rows = pa.Table.from_batches([batch])
            yield keys_of(rows["customer_id"]), to_records(name, rows, zone)


def bucket_of(keys: Keys, buckets: int) -> npt.NDArray[np.int64]:
    """The first bits of the key."""
    return (
        (keys // np.uint64(2**64 // buckets)).astype(np.int64)
        if buckets > 1
        else np.zeros(len(keys), np.int64)
    )


def _buckets_for(customers: int, size: int) -> int:
    """How many buckets for so many customers, whose rows take so many bytes."""
    buckets = 1
    while buckets * CUSTOMERS_A_BUCKET < customers:
        buckets *= 2
    there = left()
    # Some buckets are larger than others.
    while there is not None and 2 * SORTING * size > buckets * max(there, 1):
        if 2 * buckets * LEAST_CUSTOMERS_A_BUCKET > customers:
            break
        buckets *= 2
    return buckets


def _bytes_of(tables: dict[str, list[Path]]) -> int:
    """What the rows of checked files take as they are sorted."""
    return sum(
        pq.read_metadata(path).num_rows * _keyed_type(name).itemsize
        for name in CUSTOMER_TABLES
        for path in tables.get(name, [])
    )


def about_base(base: dict[str, Any], spans: list[tuple[int, int]]) -> dict[str, Any]:
    """What histories.json says; spans: (first at, last seen_at) of rows of events."""
    first = min((span[0] for span in spans), default=FOREVER)
    last = max((span[1] for span in spans), default=-FOREVER)
    if "ends_at" in base:  # a source may know that nothing happened after its last event
        last = max(last, to_micros(datetime.fromisoformat(base["ends_at"])))
    return {
        "present": sorted(_present(base["columns"])),
        "time_zone": base["time_zone"],
        "currency": base["currency"],
        "minor_units": base["minor_units"],
        "first_at": first,
        "last_at": last,
    }


def write_about(into: Path, about: dict[str, Any]) -> None:
    text = json.dumps(about, indent=1, sort_keys=True)
    (into / "histories.json").write_text(text + "\n", encoding="utf-8")


def _present(columns: dict[str, list[str]]) -> Iterator[str]:
    for name in CUSTOMER_TABLES:
        if name not in columns:
            continue
        yield name
        yield from (f"{name}.{column}" for column in columns[name])
        for new, (key, other, column) in TABLES[name].joined.items():
            if key in columns[name] and column in columns.get(other, []):
                yield f"{name}.{new}"
