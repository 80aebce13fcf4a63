"""Sorting checked tables into histories (see tables.history for what a history is)."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tables.code import codes
from tables.contract import CUSTOMER_TABLES, TABLES, Table
from tables.engine import engine, literal
from tables.history import MISSING_DAY, MISSING_NUMBER, RECORD_TYPES, Records, kept_columns
from tables.merger import Merger, ownerships
from tables.moment import FOREVER, to_micros


def write_histories(tables: Path, into: Path) -> None:
    """Sort the checked tables in folder `tables` (see tables.checking) into histories in folder `into`."""
    into.mkdir(parents=True, exist_ok=True)
    base = json.loads((tables / "base.json").read_text(encoding="utf-8"))
    with engine(into, base["time_zone"]) as db:
        _write(db, tables, base, into)


def _write(db: duckdb.DuckDBPyConnection, tables: Path, base: dict[str, Any], into: Path) -> None:
    for name in base["columns"]:
        db.execute(f"create view {name} as from read_parquet({literal(f'{tables / name}.parquet')})")
    _create_owners(db, base["columns"])

    named = ["select owner_id as id from owners"]
    named += [f"select customer_id from {name}" for name in CUSTOMER_TABLES if name in base["columns"]]
    ids = db.sql(f"select distinct id from ({' union all '.join(named)}) order by id").to_arrow_table()
    pq.write_table(ids, into / "ids.parquet", compression="zstd", write_page_checksum=True)
    db.register("known_ids", ids)
    db.execute(
        "create table places as select id, row_number() over (order by id) - 1 as place from known_ids"
    )

    present: list[str] = []
    first, last = FOREVER, -FOREVER
    for name in CUSTOMER_TABLES:
        rows = np.empty(0, RECORD_TYPES[name])
        places = np.empty(0, np.int64)
        if name in base["columns"]:
            rows, places = _sorted_records(db, name, base["columns"])
            present += [name, *(f"{name}.{column}" for column in _available(name, base["columns"]))]
            if len(rows) and name != "customers":
                first, last = min(first, int(rows["at"].min())), max(last, int(rows["seen_at"].max()))
        np.save(into / f"{name}.npy", rows, allow_pickle=False)
        offsets = np.searchsorted(places, np.arange(len(ids) + 1)).astype(np.int64)
        np.save(into / f"{name}.offsets.npy", offsets, allow_pickle=False)
    if "ends_at" in base:  # a source may know that nothing happened after its last event
        last = max(last, to_micros(datetime.fromisoformat(base["ends_at"])))
    facts = {
        "present": sorted(present),
        "time_zone": base["time_zone"],
        "currency": base["currency"],
        "minor_units": base["minor_units"],
        "first_at": first,
        "last_at": last,
    }
    (into / "histories.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _available(name: str, columns: dict[str, list[str]]) -> list[str]:
    joined = [
        new
        for new, (key, other, column) in TABLES[name].joined.items()
        if key in columns[name] and column in columns.get(other, [])
    ]
    return [*columns[name], *joined]


def _create_owners(db: duckdb.DuckDBPyConnection, columns: dict[str, list[str]]) -> None:
    """The table owners (tables.merger.Ownership); only ids that were ever merged have rows."""
    db.execute("create table owners (customer_id text, owner_id text, since bigint, until bigint)")
    if "merged_into" in columns.get("customers", []):
        mergers = db.execute(f"""
            select customer_id, merged_into, seen_at, until
            from ({_versions("customers")}) where merged_into is not null
        """).fetchall()
        if owned := ownerships(Merger(*row) for row in mergers):
            db.executemany("insert into owners values (?, ?, ?, ?)", owned)


def _versions(name: str) -> str:
    """Every row with the moments between which it is the version that counts; withdrawals are gone."""
    return f"""
        select * from (
          select *, epoch_us(greatest("at", known_at)) as seen_at,
            coalesce(min(epoch_us(greatest("at", known_at))) over (
              partition by event_id order by known_at rows between 1 following and unbounded following
            ), {FOREVER}) as until
          from {name}
        ) where not deleted and seen_at < until
    """


def _sorted_records(
    db: duckdb.DuckDBPyConnection, name: str, columns: dict[str, list[str]]
) -> tuple[Records, npt.NDArray[np.int64]]:
    """Records of a table sorted by customer and time, with each one's place among the customers."""
    table = TABLES[name]
    available = _available(name, columns)
    chosen, joins = [], []
    for other in dict.fromkeys(other for _, other, _ in table.joined.values()):
        key, news = _key_and_columns(table, other, available)
        if news:
            picked = ", ".join(f"o.{column} as {new}" for new, column in news.items())
            joins.append(f"""
                left join (
                  select r.row_id, {picked} from numbered r join ({_versions(other)}) o
                    on o.{key} = r.{key} and o.seen_at <= r.seen_at and r.seen_at < o.until
                  qualify row_number() over (
                    partition by r.row_id order by o."at" desc, o.known_at desc, o.event_id desc) = 1
                ) as {other}_then using (row_id)
            """)
            chosen += [f"{other}_then.{new}" for new in news]
    own = [f"numbered.{c}" for c in kept_columns(table) if c in columns[name]]
    db.execute(
        f"create or replace temp table numbered as select row_number() over () as row_id, * "
        f"from ({_versions(name)})"
    )
    # What an id says of itself is not said of the one it was merged into.
    own_rows = "and owners.owner_id = numbered.customer_id" if name == "customers" else ""
    rows = db.sql(f"""
        select place, epoch_us(numbered."at") as at_us,
          greatest(seen_at, coalesce(owners.since, seen_at)) as seen_us,
          least(numbered.until, coalesce(owners.until, numbered.until)) as until_us,
          cast(date_diff('day', date '1970-01-01', cast(numbered."at" as date)) as integer) as local_day,
          cast(hour(numbered."at") as tinyint) as local_hour, {", ".join([*own, *chosen])}
        from numbered {" ".join(joins)}
        left join owners on owners.customer_id = numbered.customer_id {own_rows}
        join places on places.id = coalesce(owners.owner_id, numbered.customer_id)
        where greatest(seen_at, coalesce(owners.since, seen_at))
            < least(numbered.until, coalesce(owners.until, numbered.until))
    """).to_arrow_table()
    records = np.zeros(len(rows), RECORD_TYPES[name])
    for field, source in (("at", "at_us"), ("seen_at", "seen_us"), ("until", "until_us")):
        records[field] = rows[source].to_numpy()
    for column, kind in kept_columns(table).items():
        if column in rows.column_names:
            records[column] = _stored(rows[column], kind, _choices_of(table, column))
        else:
            records[column] = _PLAIN[kind][1]
    records["local_day"] = rows["local_day"].to_numpy()
    records["local_hour"] = rows["local_hour"].to_numpy()
    places = rows["place"].to_numpy().astype(np.int64)
    order = record_order(records, places)
    return records[order], places[order]


def record_order(records: Records, places: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """By customer, time, order, event: one order for any way in which the rows came."""
    keys = [records["until"], records["seen_at"], records["event_id"]]
    if "order_id" in (records.dtype.names or ()):
        keys.append(records["order_id"])
    return np.lexsort([*keys, records["at"], places])


def _key_and_columns(table: type[Table], other: str, available: list[str]) -> tuple[str, dict[str, str]]:
    news = {new: (key, column) for new, (key, of, column) in table.joined.items() if of == other}
    key = next(iter(news.values()))[0]
    return key, {new: column for new, (_, column) in news.items() if new in available}


def _choices_of(table: type[Table], column: str) -> tuple[str, ...]:
    if column in table.columns:
        return table.columns[column].choices
    _, other, original = table.joined[column]
    return TABLES[other].columns[original].choices


def _stored(column: pa.ChunkedArray, kind: str, allowed: tuple[str, ...]) -> npt.NDArray[Any]:
    """A column as its records keep it (tables.column.RECORD)."""
    if kind == "text":
        return codes(column)
    if kind == "choice":
        return np.asarray(pc.add(pc.index_in(column, pa.array(allowed)), 1).fill_null(0))
    if kind == "choices":
        return _bits(column, allowed)
    plain, missing = _PLAIN[kind]
    return np.asarray(column.cast(plain).fill_null(missing))


# The type a column passes through, and what a missing value becomes.
_PLAIN: dict[str, tuple[pa.DataType, float]] = {
    "text": (pa.string(), 0),
    "choice": (pa.string(), 0),
    "choices": (pa.string(), MISSING_DAY),
    "instant": (pa.int64(), MISSING_NUMBER),
    "integer": (pa.int64(), MISSING_NUMBER),
    "money": (pa.int64(), MISSING_NUMBER),
    "day": (pa.int32(), MISSING_DAY),
    "number": (pa.float64(), float("nan")),
    "flag": (pa.int8(), -1),
}


def _bits(column: pa.ChunkedArray, allowed: tuple[str, ...]) -> npt.NDArray[np.int32]:
    words = pc.split_pattern(column, ",").combine_chunks()
    rows = pc.list_parent_indices(words).to_numpy()
    places = pc.index_in(pc.utf8_trim_whitespace(words.flatten()), pa.array(allowed)).fill_null(-1)
    places = places.to_numpy()  # -1: the empty text, which names none
    bits = np.zeros(len(column), np.int32)
    np.bitwise_or.at(bits, rows[places >= 0], np.left_shift(1, places[places >= 0]).astype(np.int32))
    bits[pc.is_null(column).to_numpy()] = MISSING_DAY
    return bits
