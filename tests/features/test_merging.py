"""Merging feeds: any sequence of increments gives the bytes that sorting everything anew gives."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tables.merging import merge_histories
from tables.small_table import write_small_tables
from tables.sorting import write_histories


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def split(tables: Path, into: Path, feeds: int, rng: random.Random, by_week: bool) -> None:
    """The rows of checked tables as parts, in any order or as they became known."""
    into.mkdir()
    (into / "base.json").write_text((tables / "base.json").read_text())
    for path in tables.glob("*.parquet"):
        rows = pq.read_table(path)
        number = [rng.randrange(feeds) for _ in range(len(rows))]
        if by_week and len(rows):
            known = [max(row["at"], row["known_at"]).timestamp() for row in rows.to_pylist()]
            borders = sorted(rng.choices(known, k=feeds - 1))
            number = [sum(border < each for border in borders) for each in known]
        for feed in range(feeds):
            part = rows.filter(pa.array([n == feed for n in number]))
            pq.write_table(part, into / f"{path.stem}.{feed:04d}.parquet")


def grow(parts: Path, feeds: int, folder: Path, buckets: int) -> Path:
    """Histories of the first feed, and then of each feed merged into those before it."""
    base = json.loads((parts / "base.json").read_text())
    tables = folder / "tables"
    tables.mkdir(parents=True)
    (tables / "base.json").write_text((parts / "base.json").read_text())
    for feed in range(feeds):
        new = {}
        for name in base["columns"]:
            part = parts / f"{name}.{feed:04d}.parquet"
            (tables / part.name).hardlink_to(part)
            new[name] = [part]
        after = folder / f"{feed:04d}"
        if feed == 0:
            write_histories(tables, after, buckets=buckets)
            continue
        (after).mkdir()
        ids = write_small_tables(tables, base, after)
        merge_histories(folder / f"{feed - 1:04d}", new, base, after, ids)
    return after


@pytest.mark.parametrize("by_week", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_any_sequence_of_feeds_gives_the_bytes_of_sorting_anew(
    seed: int, by_week: bool, random_base: Callable[..., Any], tmp_path: Path
) -> None:
    rng = random.Random(seed)
    feeds, buckets = rng.randint(2, 7), rng.choice([1, 2, 8])
    random_base(seed + 100, customers=30).write(tmp_path / "made")
    split(tmp_path / "made" / "tables", tmp_path / "parts", feeds, rng, by_week)
    merged = grow(tmp_path / "parts", feeds, tmp_path / "grown", buckets)
    whole = tmp_path / "whole"
    write_histories(tmp_path / "parts", whole, buckets=buckets)
    theirs, ours = files_of(merged), files_of(whole)
    assert sorted(ours) == sorted(theirs)
    different = [name for name, content in ours.items() if theirs[name] != content]
    assert not different
