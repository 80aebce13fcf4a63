"""`holdfast features`: the catalogue, one customer's facts, or everybody's as a file."""

import os
from collections.abc import Iterator
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.catalogue import FAMILIES
from features.page import window
from features.reader import Progress, names_of, read_facts
from pipelines.as_of import moment_of, open_base
from pipelines.terminal import bar, grid
from releases.home import Home
from tables.history import Histories
from tables.memory import at_once
from tables.moment import DAY, in_zone
from tables.refusal import Refused
from tables.sealed import STAGING, file_hash

# A customer's facts as they are read, as columns, and on their way into the file.
CUSTOMER_BYTES = 10_000


def catalogue() -> dict[str, Any]:
    return {
        "facts": [
            {
                "name": named.name,
                "family": family.name,
                "meaning": named.fact.meaning,
                "chinese": named.fact.chinese,
                "unit": named.fact.unit,
                "window_days": named.window or None,
                "window": window(named),
                "sources": list(family.sources),
                "owner": family.owner,
                "sensitivity": named.fact.sensitivity,
                "since": named.fact.since,
            }
            for family in FAMILIES
            for named in family.facts
        ]
    }


def customer_facts(home: Home, customer: str, as_of: str | None) -> dict[str, Any]:
    _, histories = open_base(home)
    t = moment_of(histories, as_of)
    facts = read_facts(histories, histories.places([customer]), t)
    return {
        "customer_id": customer,
        "moment": in_zone(t, histories.time_zone).isoformat(),
        "facts": dict(zip(facts.names, facts.values[0].tolist(), strict=True)),
    }


def write_facts(home: Home, out: Path, as_of: str | None) -> dict[str, Any]:
    if not out.parent.is_dir():
        raise Refused(f"--out {out}: {out.parent} is not a folder; make it first")
    _, histories = open_base(home)
    t = moment_of(histories, as_of)
    with bar("reading facts") as progress:
        _write_at(histories, t, out, progress)
    return {
        "moment": in_zone(t, histories.time_zone).isoformat(),
        "customers": len(histories),
        "facts": len(names_of()),
        "path": str(out),
        "hash": file_hash(out),
    }


def backfill(home: Home, out: Path, first: str, last: str, every: int) -> dict[str, Any]:
    """Everybody's facts at past moments, as they were known then: one Parquet file a moment in `out`."""
    _, histories = open_base(home)
    begin, end = moment_of(histories, first), moment_of(histories, last)
    if begin > end:
        raise Refused(f"--from {first} lies after --to {last}")
    out.mkdir(parents=True, exist_ok=True)
    moments = range(begin, end + 1, every * DAY)
    files = []
    for k, t in enumerate(moments, start=1):
        path = out / f"facts-{in_zone(t, histories.time_zone):%Y-%m-%dT%H%M}.parquet"
        with bar(f"moment {k} of {len(moments)}") as progress:
            _write_at(histories, t, path, progress)
        files.append(str(path))
    return {"customers": len(histories), "facts": len(names_of()), "files": files}


def _write_at(histories: Histories, t: int, out: Path, progress: Progress) -> None:
    """Bucket by bucket, written aside: the file is there whole or not at all."""
    aside = out.with_name(f"{out.name}{STAGING}{os.getpid()}")
    schema = pa.schema(
        [
            ("customer_id", pa.string()),
            *((name, pa.float64()) for name in names_of()),
            ("moment", pa.timestamp("us", "UTC")),
        ]
    )
    moment = pa.scalar(t, pa.timestamp("us", "UTC"))
    try:
        with pq.ParquetWriter(aside, schema, compression="zstd", write_page_checksum=True) as writer:
            for begin, end in _portions(histories):
                facts = read_facts(histories, np.arange(begin, end), t)
                columns = [pa.array(column, from_pandas=True) for column in facts.values.T]
                ids = pa.array(histories.ids[begin:end], pa.string())
                rows = [ids, *columns, pa.repeat(moment, end - begin)]
                writer.write_table(pa.table(rows, schema=schema))
                progress(end, len(histories))
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)


def _portions(histories: Histories) -> Iterator[tuple[int, int]]:
    """Customers to be read and written together: a bucket's, or fewer where memory is limited."""
    for begin, end in pairwise(histories.buckets.tolist()):
        most = at_once(
            CUSTOMER_BYTES, max(end - begin, 1), "facts of customers", least=min(end - begin, 1_000)
        )
        for first in range(begin, end, most):
            yield first, min(first + most, end)


def render_catalogue(result: dict[str, Any]) -> list[Any]:
    parts: list[Any] = []
    for family, grouped in groupby(result["facts"], itemgetter("family")):
        facts = list(grouped)
        classes = ", ".join(dict.fromkeys(fact["sensitivity"] for fact in facts))
        sources = ", ".join(facts[0]["sources"]) or "all tables of customers"
        rows = [
            [f["name"], f"{f['meaning']}\n{f['chinese']}", f["unit"], f["window"], f["since"]] for f in facts
        ]
        title = f"{family} (owner: {facts[0]['owner']}; {classes}) from {sources}"
        parts.append(grid(title, ["name", "meaning 含义", "unit", "window", "since"], rows))
    return [*parts, f"{len(result['facts'])} facts in {len(parts)} families"]


def render_customer(result: dict[str, Any]) -> list[Any]:
    rows = [[name, "-" if np.isnan(v) else f"{v:,.10g}"] for name, v in result["facts"].items()]
    return [grid(f"{result['customer_id']} as of {result['moment']}", ["fact", "value"], rows)]


def render_written(result: dict[str, Any]) -> list[Any]:
    return [
        f"{result['facts']} facts of {result['customers']:,} customers "
        f"as of {result['moment']}: {result['path']}"
    ]


def render_backfill(result: dict[str, Any]) -> list[Any]:
    said = f"{result['facts']} facts of {result['customers']:,} customers at {len(result['files'])} moments"
    return [grid(said, ["file"], [[file] for file in result["files"]])]
