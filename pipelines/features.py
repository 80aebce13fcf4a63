"""`holdfast features`: the catalogue, one customer's facts, or everybody's as a file."""

from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.catalogue import FAMILIES
from features.page import window
from features.reader import names_of, read_facts
from pipelines.as_of import moment_of, open_base
from pipelines.terminal import bar, grid
from releases.home import Home
from tables.moment import in_zone
from tables.refusal import Refused


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
        facts = read_facts(histories, np.arange(len(histories)), t, progress=progress)
    columns = {"customer_id": histories.ids} | {
        name: pa.array(facts.values[:, k], from_pandas=True) for k, name in enumerate(facts.names)
    }
    pq.write_table(pa.table(columns), out, compression="zstd", write_page_checksum=True)
    return {
        "customers": len(histories),
        "facts": len(names_of()),
        "moment": in_zone(t, histories.time_zone).isoformat(),
        "path": str(out),
        "hash": facts.hash(),
    }


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
