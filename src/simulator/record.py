"""Turning arrays into rows of the contract's tables, with the delays and mistakes of real feeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from simulator.world import HOUR, SECOND
from tables.column import Kind
from tables.contract import TABLES

Columns = dict[str, Any]  # by name: NumPy or Arrow arrays, or lists of words, of one length
ARROW: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "instant": pa.timestamp("us", tz="UTC"),
    "day": pa.date32(),
    "integer": pa.int64(),
    "money": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "choice": pa.string(),
    "choices": pa.string(),
}
LATE_SHARE = 0.03
WRONG_SHARE = 0.005
TWICE_SHARE = 0.002
WRONG_FACTOR = 1.1


def schema(name: str) -> pa.Schema:
    """The contract's columns of the table, in its order."""
    return pa.schema([(c.name, ARROW[c.kind]) for c in TABLES[name].columns.values()])


def rows(name: str, columns: Columns) -> pa.Table:
    """The table of these columns; absent ones are null, `known_at` is `at`, nothing is deleted."""
    count = len(columns["at"])
    columns = {"known_at": columns["at"], "deleted": np.zeros(count, bool), **columns}
    arrays = []
    for field in schema(name):
        given = columns.get(field.name)
        if given is None:
            arrays.append(pa.nulls(count, field.type))
        elif isinstance(given, pa.Array | pa.ChunkedArray):
            arrays.append(given.cast(field.type))
        else:
            arrays.append(pa.array(given).cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema(name))


def padded(prefix: str, number: NDArray[np.int64], width: int) -> Any:
    """Names such as "c-0000123"."""
    digits = pc.utf8_lpad(pa.array(number).cast(pa.string()), width=width, padding="0")
    return pc.binary_join_element_wise(prefix, digits, "-")


def decoded(code: NDArray[np.int64], words: Any) -> Any:
    """The words at these places; null where the place is negative."""
    indices = pa.array(code.astype(np.int32), mask=code < 0)
    dictionary = words if isinstance(words, pa.Array) else pa.array(list(words), pa.string())
    return pa.DictionaryArray.from_arrays(indices, dictionary).dictionary_decode()


def event_ids(prefix: str, customer: NDArray[np.int64], names: Any) -> Any:
    """Names such as "t-0000123-0005", counted within the customer; rows must be sorted by customer."""
    begins = np.flatnonzero(np.diff(customer, prepend=-1))
    count = np.arange(len(customer)) - np.repeat(begins, np.diff(begins, append=len(customer)))
    digits = pc.utf8_lpad(pa.array(count).cast(pa.string()), width=4, padding="0")
    return pc.binary_join_element_wise(prefix, decoded(customer, names), digits, "-")


def known_late(at: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """When rows reach us: most at once, some hours to days after."""
    delay = np.rint((2.0 + rng.exponential(30.0, len(at))) * 3_600).astype(np.int64) * SECOND
    late: NDArray[np.int64] = at + np.where(rng.random(len(at)) < LATE_SHARE, delay, 0)
    return late


def with_mistakes(table: pa.Table, rng: np.random.Generator, wrong: Sequence[str]) -> pa.Table:
    """Add earlier versions with wrong money, corrected later, and rows told twice, deleted later.

    The last version known of every event is the right one, so that what is true does not change.
    """
    delay = (rng.integers(6, 240, table.num_rows) * HOUR).astype("timedelta64[us]")
    uniform = rng.random(table.num_rows)
    is_wrong = (uniform < WRONG_SHARE) & bool(wrong)
    later = pc.add(table["known_at"], pa.array(np.where(is_wrong, delay, np.timedelta64(0, "us"))))
    parts = [_replaced(table, "known_at", later)]
    if wrong:
        early = table.filter(pa.array(is_wrong))
        for name in wrong:
            mistaken = np.rint(early[name].to_numpy() * WRONG_FACTOR).astype(np.int64)
            early = _replaced(early, name, pa.array(mistaken))
        parts.append(early)
    is_twice = uniform > 1 - TWICE_SHARE
    twice = table.filter(pa.array(is_twice))
    twice = _replaced(twice, "event_id", pc.binary_join_element_wise(twice["event_id"], "x", ""))
    withdrawn = _replaced(twice, "deleted", pa.array(np.ones(twice.num_rows, bool)))
    known = pc.add(withdrawn["known_at"], pa.array(delay[is_twice]))
    return pa.concat_tables([*parts, twice, _replaced(withdrawn, "known_at", known)])


def arrived(table: pa.Table, end: int) -> pa.Table:
    """The rows known by the end (microseconds), in the order they arrived."""
    at, known = (np.asarray(table[c].cast(pa.int64())) for c in ("at", "known_at"))
    order = np.lexsort((at, known))
    return table.take(pa.array(order[(at[order] <= end) & (known[order] <= end)]))


def _replaced(table: pa.Table, name: str, column: Any) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)
