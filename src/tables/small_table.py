"""What all buckets share: who is known, who was merged into whom, what was known of products and offers."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tables.code import codes, keys_of
from tables.contract import CUSTOMER_TABLES, KEYS, TABLES
from tables.engine import engine, identifier, literal
from tables.merger import Merger, Ownership, ownerships
from tables.moment import FOREVER
from tables.record import missing_of, stored_column
from tables.refusal import Refused
from tables.timeline import JOINED, timeline_type


def parts_of(tables: Path, name: str) -> list[Path]:
    """The files of a checked table: what came first, then each feed since."""
    first = tables / f"{name}.parquet"
    return [*([first] if first.exists() else []), *sorted(tables.glob(f"{name}.*.parquet"))]


def relation(paths: list[Path]) -> str:
    """The files as one relation for DuckDB; a column that a file does not have is missing there."""
    listed = ", ".join(literal(str(path)) for path in paths)
    return f"read_parquet([{listed}], union_by_name = true)"


def write_small_tables(tables: Path, base: dict[str, Any], into: Path) -> pa.Array:
    """Timelines, owners and ids: what all buckets share. Returns the ids in the order of their keys."""
    owners = write_timelines_and_owners(tables, base, into)
    ids = _ids_of(tables, base, into, owners)
    write_ids(into, ids)
    return ids


def write_timelines_and_owners(tables: Path, base: dict[str, Any], into: Path) -> list[Ownership]:
    """What is read of the tables of products, offers and customers."""
    with engine(into, base["time_zone"]) as db:
        for name in ("products", "offers", "customers"):
            if name in base["columns"]:
                db.execute(f"create view {name} as from {relation(parts_of(tables, name))}")
        write_timelines(db, base["columns"], into)
        owners = owners_of(db, base["columns"])
    write_owners(into, owners)
    return owners


def write_owners(into: Path, owners: list[Ownership]) -> None:
    kinds = {"customer_id": pa.string(), "owner_id": pa.string(), "since": pa.int64(), "until": pa.int64()}
    rows = [owner._asdict() for owner in owners]
    table = pa.Table.from_pylist(rows, schema=pa.schema(list(kinds.items())))
    pq.write_table(table, into / "owners.parquet", compression="zstd", write_page_checksum=True)


def write_ids(into: Path, ids: pa.Array) -> None:
    table = pa.table({"id": ids})
    pq.write_table(table, into / "ids.parquet", compression="zstd", write_page_checksum=True)


def sorted_ids(ids: pa.Array) -> pa.Array:
    """In the order of their keys."""
    keys = keys_of(ids)
    order = np.argsort(keys, kind="stable")
    if len(keys) and (keys[order][1:] == keys[order][:-1]).any():
        twins = ids.take(pa.array(order[np.flatnonzero(keys[order][1:] == keys[order][:-1])]))
        raise Refused(f"two customers have one key, which happens once in 10^7 bases: rename {twins[0]}")
    return ids.take(pa.array(order))


def _ids_of(tables: Path, base: dict[str, Any], into: Path, owners: list[Ownership]) -> pa.Array:
    named = [
        f"select customer_id as id from {relation(parts_of(tables, name))}"
        for name in CUSTOMER_TABLES
        if name in base["columns"]
    ]
    with engine(into, base["time_zone"]) as db:
        ids = db.sql(f"select distinct id from ({' union all '.join(named)})").to_arrow_table()["id"]
    found = pa.concat_arrays([*ids.chunks, pa.array([owner.owner_id for owner in owners], pa.string())])
    return sorted_ids(found.unique())


def owners_of(db: duckdb.DuckDBPyConnection, columns: dict[str, list[str]]) -> list[Ownership]:
    """Who owns whose events and when (tables.merger); only ids that were ever merged have rows."""
    if "merged_into" not in columns.get("customers", []):
        return []
    mergers = db.execute(f"""
        select customer_id, merged_into, seen_at, until from (
          select *, epoch_us(greatest("at", known_at)) as seen_at,
            coalesce(min(epoch_us(greatest("at", known_at))) over (
              partition by customer_id, event_id order by known_at
              rows between 1 following and unbounded following
            ), {FOREVER}) as until
          from customers where customer_id in (
            select customer_id from customers where merged_into is not null)
        ) where not deleted and seen_at < until and merged_into is not null
    """).fetchall()
    return ownerships(Merger(*row) for row in mergers)


def write_timelines(db: duckdb.DuckDBPyConnection, present: dict[str, list[str]], into: Path) -> None:
    """Of the relations `db` has for the tables in `present` (table -> columns), whole checked tables."""
    for other in JOINED:
        there = other in present
        rows = _rows(db, other, present[other]) if there else np.zeros(0, timeline_type(other))
        np.save(into / f"{other}.npy", rows, allow_pickle=False)


def _rows(db: duckdb.DuckDBPyConnection, other: str, there: list[str]) -> npt.NDArray[Any]:
    wanted = {new: column for new, column in JOINED[other].items() if column in there}
    picked = "".join(f", {identifier(column)} as {identifier(new)}" for new, column in wanted.items())
    best = "".join(f", arg_max({identifier(new)}, rank) as {identifier(new)}" for new in wanted)
    # A missing value is a value here: arg_max would pass over it.
    best = best.replace("arg_max(", "arg_max_null(")
    found = db.sql(f"""
        with versions as (
          select {KEYS[other]} as key, {{'at': "at", 'known': known_at, 'event': event_id}} as rank,
            epoch_us(greatest("at", known_at)) as seen_at,
            coalesce(min(epoch_us(greatest("at", known_at))) over (
              partition by event_id order by known_at rows between 1 following and unbounded following
            ), {FOREVER}) as until, deleted {picked}
          from {other}
        ), valid as (
          from versions where not deleted and seen_at < until
        ), turns as (
          select key, seen_at as since from valid union select key, until from valid where until < {FOREVER}
        )
        select turns.key, turns.since {best} from turns
        left join valid on valid.key = turns.key and valid.seen_at <= since and since < valid.until
        group by all order by turns.key, since
    """).to_arrow_table()
    rows = np.zeros(len(found), timeline_type(other))
    rows["key"] = codes(found["key"])
    rows["since"] = found["since"].to_numpy()
    for new, column in JOINED[other].items():
        kept = TABLES[other].columns[column]
        rows[new] = stored_column(kept, found[new]) if new in wanted else missing_of(kept)
    return rows[np.lexsort([rows["since"], rows["key"]])]
