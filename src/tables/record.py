"""Records: the fixed-width rows of histories, as they are stored and as facts see them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tables.check_rules import ANNOUNCED
from tables.code import codes, half
from tables.column import Column
from tables.contract import CUSTOMER_TABLES, TABLES, Table

Records = npt.NDArray[np.void]
# What a missing whole number or day becomes: no fact can take it for a value by accident.
MISSING_NUMBER = -(2**62)
MISSING_DAY = -(2**30)
# Marks of a stored row: it withdraws its event; its event has a version that was known earlier.
WITHDRAWS, CORRECTS = 1, 2
MINUTE = 60_000_000


def own_columns(table: type[Table]) -> dict[str, Column]:
    """The columns of a row that its record keeps, beside its clocks, its event and its customer."""
    apart = ("event_id", "customer_id", "at", "known_at", "deleted")
    return {n: column for n, column in table.columns.items() if column.recorded and n not in apart}


def joined_columns(table: type[Table]) -> dict[str, Column]:
    """The columns of other tables that facts see in its records."""
    return {new: TABLES[other].columns[column] for new, (_, other, column) in table.joined.items()}


def packed(fields: list[tuple[str, str]]) -> np.dtype[np.void]:
    """Wide fields first, so that none straddles its alignment; what is left of the last eight bytes is
    named, so that a record's bytes are all its own."""
    fields = sorted(fields, key=lambda field: -np.dtype(field[1]).itemsize)
    over = -sum(np.dtype(kind).itemsize for _, kind in fields) % 8
    return np.dtype([*fields, *((f"rest_{k}", "i1") for k in range(over))], align=True)


def _stored_type(name: str) -> np.dtype[np.void]:
    fields = [("at", "i8"), ("seen_at", "i8"), ("event_id", "i8"), ("zone_minutes", "i2"), ("mark", "i1")]
    if name in ANNOUNCED:  # elsewhere it is seen_at
        fields.append(("known_at", "i8"))
    fields += [(n, column.record) for n, column in own_columns(TABLES[name]).items()]
    return packed(fields)


def _seen_type(name: str) -> np.dtype[np.void]:
    table = TABLES[name]
    fields = [("at", "i8"), ("event_id", "i8"), ("known_at", "i8"), ("local_day", "i4")]
    fields += [("local_hour", "i1"), ("age", "i1"), ("mark", "i1")]
    fields += [(n, c.record) for n, c in (own_columns(table) | joined_columns(table)).items()]
    if "order_id" in table.columns:
        fields.append(("opens_order", "i1"))
    return packed(fields)


# As they lie on disk, and as families see them (features.sight).
STORED_TYPES = {name: _stored_type(name) for name in CUSTOMER_TABLES}
RECORD_TYPES = {name: _seen_type(name) for name in CUSTOMER_TABLES}
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


def missing_of(column: Column) -> float:
    """What a record holds where the column is missing."""
    kept = _PLAIN[column.kind][1]
    return MISSING_DAY if column.record == "i4" and kept == MISSING_NUMBER else kept


def stored_column(column: Column, rows: pa.ChunkedArray) -> npt.NDArray[Any]:
    """A column of checked rows as its records keep it."""
    if column.kind == "text":
        return half(codes(rows)) if column.bits == 32 else codes(rows)
    if column.kind == "choice":
        return np.asarray(pc.add(pc.index_in(rows, pa.array(column.choices)), 1).fill_null(0))
    if column.kind == "choices":
        return _bits(rows, column.choices)
    return np.asarray(rows.cast(_PLAIN[column.kind][0]).fill_null(missing_of(column)))


def to_records(name: str, rows: pa.Table, zone: str) -> Records:
    """Checked rows of a table as stored records, in their order; what they correct is not marked yet.

    rows: columns of the contract, instants in UTC; those that are not there are missing in every record.
    """
    records = np.zeros(len(rows), STORED_TYPES[name])
    for n, column in own_columns(TABLES[name]).items():
        there = n in rows.column_names
        records[n] = stored_column(column, rows[n]) if there else missing_of(column)
    at, known = (np.asarray(rows[n].cast(pa.int64())) for n in ("at", "known_at"))
    records["at"], records["seen_at"] = at, np.maximum(at, known)
    if name in ANNOUNCED:
        records["known_at"] = known
    records["event_id"] = codes(rows["event_id"])
    records["zone_minutes"] = _zone_minutes(rows["at"], at, zone)
    records["mark"] = np.asarray(rows["deleted"].cast(pa.int8())) * WITHDRAWS
    return records


def read_only(rows: Records) -> Records:
    """As mapped rows are: the compiled reader knows one type only."""
    rows.flags.writeable = False
    return rows


def known_at(records: Records) -> npt.NDArray[np.int64]:
    """When each record was known (for tables that are not announced, when it was seen)."""
    field = "known_at" if "known_at" in (records.dtype.names or ()) else "seen_at"
    return np.asarray(records[field])


def _zone_minutes(rows: pa.ChunkedArray, at: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.int64]:
    """How far clocks in `zone` were ahead of UTC."""
    local = pc.local_timestamp(rows.cast(pa.timestamp("us", zone))).cast(pa.int64())
    return (np.asarray(local) - at) // MINUTE


def _bits(column: pa.ChunkedArray, allowed: tuple[str, ...]) -> npt.NDArray[np.int32]:
    words = pc.split_pattern(column, ",").combine_chunks()
    rows = pc.list_parent_indices(words).to_numpy()
    places = pc.index_in(pc.utf8_trim_whitespace(words.flatten()), pa.array(allowed)).fill_null(-1)
    places = places.to_numpy()  # -1: the empty text, which names none
    bits = np.zeros(len(column), np.int32)
    np.bitwise_or.at(bits, rows[places >= 0], np.left_shift(1, places[places >= 0]).astype(np.int32))
    bits[pc.is_null(column).to_numpy()] = MISSING_DAY
    return bits
