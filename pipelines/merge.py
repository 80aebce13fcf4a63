"""`holdfast merge` adds a feed (new rows, corrections, withdrawals) to the base; `holdfast rebuild` sorts the
rows that the base holds anew."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import check as whole
from pipelines.terminal import bar
from releases.home import Home
from tables.checking import check_tables
from tables.contract import TABLES
from tables.feed import Onto
from tables.merging import merge_histories
from tables.sealed import canonical_json, point, read_manifest, sealed_folder, verified, verify
from tables.small_table import write_timelines_and_owners
from tables.sorting import write_histories


def merge(home: Home, share: float) -> dict[str, Any]:
    """Check the incoming tables against the base and merge the rows that hold; raises Refused as check does.

    What the feed does not touch is linked from the base of before, not read: it keeps the hash that it was
    sealed with, and is verified when it is read.
    """
    incoming = home.current_incoming()
    verify(incoming)
    old = home.current_base()
    sealed = read_manifest(old)
    shutil.rmtree(home.refused, ignore_errors=True)
    with sealed_folder(home.bases) as staged:
        onto = Onto(old / "tables", old / "histories", _trust(old, sealed))
        tables, histories = staged.path / "tables", staged.path / "histories"
        with bar("checking the feed"):
            report = check_tables(
                incoming, tables, home.refused, share=share, now=datetime.now(UTC), onto=onto
            )
        if not report.usable:
            raise whole.Unusable(asdict(report), home.refused)
        for name in (path.name for path in sorted(onto.tables.glob("*.parquet"))):
            staged.link(onto.tables / name, f"tables/{name}", sealed[f"tables/{name}"])
        base = json.loads((tables / "base.json").read_text(encoding="utf-8"))
        histories.mkdir()
        write_timelines_and_owners(tables, base, histories)
        new = {name: [tables / onto.file_name(name)] for name in report.tables}
        with bar("merging the feed") as progress:
            merged = merge_histories(
                onto.histories, new, base, histories, _customers(new), trust=onto.trust, progress=progress
            )
        linked = [f"histories/{name}" for name in merged.linked]
        staged.known |= {name: sealed[name] for name in linked}
        (staged.path / "base.json").write_text(canonical_json({"incoming": incoming.name}))
    point(home.bases, staged.name)
    whole.prune(home)
    return {
        **asdict(report),
        "base": staged.name,
        "refused_rows": str(home.refused),
        "cells": {"written": merged.written, "left": len(linked) // 2},
    }


def rebuild(home: Home, buckets: int | None) -> dict[str, Any]:
    """The histories of the current base, sorted anew from its checked tables; the tables stay."""
    old = home.current_base()
    manifest = read_manifest(old)
    tables = [name for name in manifest if name.startswith("tables/")]
    with sealed_folder(home.bases) as staged:
        for name in tables:
            staged.link(verified(old, manifest, name), name, manifest[name])
        with bar("sorting histories") as progress:
            write_histories(
                staged.path / "tables",
                staged.path / "histories",
                buckets=buckets or _buckets_of(old),
                progress=progress,
            )
        staged.link(verified(old, manifest, "base.json"), "base.json", manifest["base.json"])
    point(home.bases, staged.name)
    whole.prune(home)
    return {"base": staged.name, "same": staged.name == old.name}


def _buckets_of(base: Path) -> int | None:
    """As many as the base was first checked with; None of one that an older version sorted."""
    about = json.loads((base / "histories" / "histories.json").read_text(encoding="utf-8"))
    found: int | None = about.get("buckets")
    return found


def _trust(folder: Path, sealed: dict[str, str]) -> Callable[[Path], Path]:
    """Verifies a file of the base that is about to be read, once however often it is."""
    return cache(lambda path: verified(folder, sealed, path.relative_to(folder).as_posix()))


def _customers(new: dict[str, list[Path]]) -> pa.Array:
    """Everybody the feed speaks of."""
    found = [
        pq.read_table(path, columns=["customer_id"])["customer_id"].unique()
        for name, paths in new.items()
        if TABLES[name].is_of_a_customer()
        for path in paths
    ]
    return pa.concat_arrays([pa.array([], pa.string()), *found])


def render(result: dict[str, Any]) -> list[Any]:
    cells = result["cells"]
    written = f"{cells['written']} cells written, {cells['left']} left as they were"
    return [*whole.render(result), written]


def render_rebuilt(result: dict[str, Any]) -> list[Any]:
    said = "the same as before" if result["same"] else "not what they were before"
    return [f"Base {result['base']}: its histories are {said}."]
