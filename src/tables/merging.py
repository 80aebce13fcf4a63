"""The week's increment: a feed's rows are merged into the cells they touch, and all other cells stay.

What comes out has the bytes that sorting everything anew would give (tables.sorting): where a row lies and
how it is marked follows from the rows alone. Cells that nothing touches are linked from the old histories,
not read; whether a new row has a version there is asked of their filters.
"""

import itertools
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tables.arrange import Keys, arranged, as_part, find_versions, keys_of_rows, sort_rows
from tables.bloom import event_hashes, may_hold, read_filter
from tables.cell import TIERS, Part, cell_path, filter_path, read_cell, tier_borders, tiers_of
from tables.contract import CUSTOMER_TABLES
from tables.history import read_about, read_ids
from tables.memory import threads
from tables.record import CORRECTS, Records, known_at
from tables.small_table import sorted_ids, write_ids
from tables.sorting import Spill, about_base, write_about, write_filtered

# While a bucket is merged its rows stand in memory so many times: as stored, beside the new ones, in order,
# by tier, and what they are ordered by.
MERGING = 6
Int64s = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]
Trust = Callable[[Path], Path]
EVERYTHING = np.iinfo(np.int64)


def trusting(path: Path) -> Path:
    """For files that were verified already."""
    return path


class Versions(NamedTuple):
    """Stored versions of the events of given rows: which given row, in which tier, which stored row."""

    given: Int64s
    tier: Int64s
    row: Int64s


@dataclass(frozen=True)
class Merged:
    """Cells written and linked; `linked` names the files (from the histories' folder) that were not read."""

    written: int
    linked: list[str]


class StoredBucket:
    """A bucket of the old histories, of which as little is read as is asked for."""

    def __init__(self, folder: Path, bucket: int, trust: Trust = trusting) -> None:
        self.folder, self.bucket, self.trust = folder, bucket, trust
        cells = [cell_path(folder, bucket, tier) for tier in range(TIERS)]
        self.tiers = [read_cell(path, here_and_there=True) for path in cells]
        paths = [filter_path(folder, bucket, tier) for tier in range(TIERS)]
        self.filters = [read_filter(trust(path)) for path in paths]

    def whole(self, tier: int) -> dict[str, Part]:
        """A cell of which everything is about to be read."""
        return read_cell(self.trust(cell_path(self.folder, self.bucket, tier)))

    def versions(self, name: str, keys: Keys, events: Int64s) -> Versions:
        """The stored versions of these customers' events, any order."""
        hashes = event_hashes(keys, events, CUSTOMER_TABLES.index(name))
        given, tiers, rows = [], [], []
        for tier in range(TIERS):
            asked = np.flatnonzero(may_hold(self.filters[tier], hashes))
            part = self.tiers[tier][name]
            k, row = find_versions(part.keys, part.ends, part.rows["event_id"], keys[asked], events[asked])
            given.append(asked[k])
            tiers.append(np.full(len(k), tier))
            rows.append(row)
        return Versions(*(np.concatenate(each).astype(np.int64) for each in (given, tiers, rows)))

    def taken(self, name: str, found: Versions) -> Records:
        """The stored rows that were found."""
        records = np.empty(len(found.row), self.tiers[0][name].rows.dtype)
        for tier in range(TIERS):
            here = found.tier == tier
            records[here] = self.tiers[tier][name].rows[found.row[here]]
        return records


def merge_histories(
    old: Path,
    new_parts: dict[str, list[Path]],
    base: dict[str, Any],
    into: Path,
    new_ids: pa.Array,
    *,
    trust: Trust = trusting,
    progress: Progress | None = None,
) -> Merged:
    """The histories in `old` and the checked rows of a feed, as histories in `into`.

    new_parts: the feed's checked files by table; base: as `base.json` says of all tables together; new_ids:
    every customer the feed names; trust: verifies a file that is about to be read whole. Timelines and
    owners are the caller's to write (tables.small_table).
    """
    about = read_about(old)
    buckets = about["buckets"]
    (into / "cells").mkdir(parents=True, exist_ok=True)
    write_ids(into, sorted_ids(pa.concat_arrays([read_ids(old), new_ids]).unique()))
    spill = Spill(into / ".spill", buckets)
    try:
        for name in CUSTOMER_TABLES:
            for path in new_parts.get(name, []):
                spill.add(name, path, base["time_zone"])
        said = about_base(base, [*spill.spans, (about["first_at"], about["last_at"])])
        before, after = tier_borders(about["last_at"]), tier_borders(said["last_at"])
        linked: list[str] = []

        def work(bucket: int) -> list[int]:
            fresh = {name: spill.take(bucket, name) for name in CUSTOMER_TABLES}
            return list(_merge_bucket(StoredBucket(old, bucket, trust), into, fresh, before, after))

        largest = spill.largest + max(_bytes_of_cells(old, bucket) for bucket in range(buckets))
        with ThreadPoolExecutor(threads(MERGING * largest, "merging the largest bucket")) as pool:
            for bucket, kept in enumerate(pool.map(work, range(buckets))):
                linked += [
                    path(into, bucket, tier).relative_to(into).as_posix()
                    for tier in kept
                    for path in (cell_path, filter_path)
                ]
                if progress:
                    progress(bucket + 1, buckets)
    finally:
        shutil.rmtree(spill.folder, ignore_errors=True)
    rows = {name: about["rows"][name] + spill.counts[name] for name in CUSTOMER_TABLES}
    write_about(into, said | {"buckets": buckets, "rows": rows})
    return Merged(buckets * TIERS - len(linked) // 2, linked)


def _bytes_of_cells(folder: Path, bucket: int) -> int:
    return sum(cell_path(folder, bucket, tier).stat().st_size for tier in range(TIERS))


def _merge_bucket(
    stored: StoredBucket, into: Path, fresh: dict[str, tuple[Keys, Records]], before: Int64s, after: Int64s
) -> Iterator[int]:
    """Write the cells of a bucket that change, link the others; yields the tiers that were linked."""
    touched = _changed_tiers(before, after)
    corrected: dict[str, Versions] = {}
    fresh = {name: arranged(*rows) for name, rows in fresh.items()}
    for name, (keys, rows) in fresh.items():
        found = stored.versions(name, keys, np.ascontiguousarray(rows["event_id"]))
        theirs, ours = known_at(stored.taken(name, found)), known_at(rows)[found.given]
        rows["mark"][found.given[theirs < ours]] |= CORRECTS
        corrected[name] = Versions(*(each[theirs > ours] for each in found))
        touched |= set(tiers_of(np.ascontiguousarray(rows["seen_at"]), after).tolist())
        touched |= set(corrected[name].tier.tolist())
    # Rows move between tiers whose borders moved; those of a tier that is touched otherwise stay in it.
    tiers: list[dict[str, Part]] = [{} for _ in range(TIERS)]
    before_it = {tier: stored.whole(tier) for tier in touched}
    for name, (keys, rows) in fresh.items():
        whole_keys, whole_rows = [keys], [rows]
        for tier in touched:
            part = before_it[tier][name]
            own = np.array(part.rows)
            own["mark"][corrected[name].row[corrected[name].tier == tier]] |= CORRECTS
            whole_keys.append(keys_of_rows(part))
            whole_rows.append(own)
        together, records = sort_rows(np.concatenate(whole_keys), np.concatenate(whole_rows))
        place = tiers_of(np.ascontiguousarray(records["seen_at"]), after)
        for tier in touched:
            chosen = np.flatnonzero(place == tier)
            tiers[tier][name] = as_part(together[chosen], records[chosen])
    for tier in range(TIERS):
        if tier in touched:
            write_filtered(into, stored.bucket, tier, tiers[tier])
            continue
        for path in (cell_path, filter_path):
            path(into, stored.bucket, tier).hardlink_to(path(stored.folder, stored.bucket, tier))
        yield tier


def _changed_tiers(before: Int64s, after: Int64s) -> set[int]:
    def spans(borders: Int64s) -> list[tuple[int, int]]:
        edges = [EVERYTHING.min, *borders.tolist(), EVERYTHING.max]
        return list(itertools.pairwise(edges))

    return {k for k, (a, b) in enumerate(zip(spans(before), spans(after), strict=True)) if a != b}
