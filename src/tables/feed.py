"""The base that a feed is added to: what the feed's rows may refer to, and what they repeat.

Of the base as little is read as answers that: the ids of customers, the small tables, and of the histories
the versions of the feed's own events.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from tables.arrange import Keys
from tables.check_rules import ONE_VERSION
from tables.code import codes, keys_of
from tables.contract import CUSTOMER_TABLES, KEYS, TABLES, Table
from tables.engine import identifier, literal
from tables.history import read_about, read_owners
from tables.memory import at_once
from tables.merging import StoredBucket, Trust, trusting
from tables.record import Records, known_at, to_records
from tables.refusal import Refused
from tables.small_table import parts_of, relation
from tables.sorting import bucket_of

BATCH_ROWS = 250_000
BATCH_ROW_BYTES = 1_000  # a checked row as it was read, as a record, and its stored version


@dataclass(frozen=True)
class Onto:
    """The tables and histories of a base; trust: verifies a file of it that is about to be read whole."""

    tables: Path
    histories: Path
    trust: Trust = trusting

    @cached_property
    def base(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads((self.tables / "base.json").read_text(encoding="utf-8"))
        return said

    @cached_property
    def number(self) -> int:
        """What the feed's files are numbered with."""
        parts = [int(path.suffixes[0][1:]) for path in self.tables.glob("*.*.parquet")]
        return max(parts, default=0) + 1

    def file_name(self, table: str) -> str:
        return f"{table}.{self.number:04d}.parquet"

    def refuse_other(self, base: dict[str, Any], came: dict[str, list[str]]) -> None:
        """A feed speaks of the same money and clock as its base, and leaves out no column the base has."""
        for what in ("time_zone", "currency", "minor_units"):
            if base[what] != self.base[what]:
                raise Refused(
                    f"the feed's {what} is {base[what]!r}, the base's {self.base[what]!r}; correct the "
                    "source, or check the whole base anew with `holdfast check`"
                )
        for table, columns in came.items():
            missing = sorted(set(self.base["columns"].get(table, [])) - set(columns))
            if missing:
                raise Refused(
                    f"the feed's {table} lack {', '.join(missing)}, which the base has: deliver them (null "
                    "where nothing is known), or check the whole base anew with `holdfast check`"
                )

    def joined_base(self, base: dict[str, Any], columns: dict[str, list[str]]) -> dict[str, Any]:
        """What base.json says of the base with the feed."""
        old = self.base["columns"]
        every = {t: list(dict.fromkeys([*old.get(t, []), *columns.get(t, [])])) for t in TABLES}
        ends = [each["ends_at"] for each in (self.base, base) if "ends_at" in each]
        last = {"ends_at": max(ends)} if ends else {}
        return {**base, **last, "columns": {t: each for t, each in every.items() if each}}

    def parts(self, table: str) -> str:
        """SQL for the rows of a small table that the base holds."""
        return relation([self.trust(path) for path in parts_of(self.tables, table)])

    def keys(self, table: str) -> str:
        """SQL for the keys of a table that the base holds."""
        if table not in self.base["columns"]:
            return f"select null::varchar as {KEYS[table]} where false"
        if table == "customers":
            ids = literal(str(self.histories / "ids.parquet"))
            return f"select id as customer_id from read_parquet({ids})"
        if table == "contacts":  # those that the feed's responses name (find_contacts)
            return "select contact_id as event_id from known_contacts"
        return f"select {KEYS[table]} from {self.parts(table)}"

    def merges(self) -> str:
        """SQL for (customer_id, merged_into) of the mergers the base holds."""
        if "merged_into" not in self.base["columns"].get("customers", []):
            return "select null::varchar as customer_id, null::varchar as merged_into where false"
        parts = self.parts("customers")
        return f"select distinct customer_id, merged_into from {parts} where merged_into is not null"

    def break_known(self, db: duckdb.DuckDBPyConnection, table: type[Table]) -> None:
        """Rows that the base holds already are repeated; those that contradict one are refused.

        Works on the relations `checked`, `broken` and `repeated` (tables.check_versions).
        """
        name = table.table_name
        if name not in self.base["columns"]:
            return
        rows = _standing(table)
        if name not in CUSTOMER_TABLES:
            whole = ", ".join(_or_null(column, self.base["columns"][name]) for column in table.columns)
            parts = self.parts(name)
            db.execute(f"""
                create or replace temp table known as
                select row_number, exists (
                  select 1 from (select {whole} from {parts}) o
                  where {" and ".join(f"o.{c} is not distinct from n.{c}" for c in _names(table))}
                ) as same from ({rows}) n
                where (event_id, known_at) in (select (event_id, known_at) from {parts})
            """)
        else:
            found = [self._known(name, batch) for batch in _batches(db, rows)]
            known = pa.concat_tables(found) if found else _none_known()
            db.register("found_known", known)
            db.execute("create or replace temp table known as from found_known")
            db.unregister("found_known")
        db.execute("insert into repeated select row_number from known where same")
        rule = literal(ONE_VERSION)
        db.execute(f"insert into broken select row_number, {rule} from known where not same")

    def find_contacts(self, db: duckdb.DuckDBPyConnection) -> None:
        """The table known_contacts: which of the contacts that the feed's responses name the base holds."""
        db.execute("create or replace temp table known_contacts (contact_id varchar)")
        if "contacts" not in self.base["columns"]:
            return
        rows = db.sql("select distinct customer_id, contact_id from checked where contact_id is not null")
        pairs = rows.to_arrow_table()
        customers, contacts = self._with_kin(
            pairs["customer_id"].to_pylist(), pairs["contact_id"].to_pylist()
        )
        keys, events = keys_of(pa.array(customers, pa.string())), codes(pa.array(contacts, pa.string()))
        held = np.zeros(len(keys), bool)
        for chosen, bucket in self._by_bucket(keys):
            held[chosen[bucket.versions("contacts", keys[chosen], events[chosen]).given]] = True
        found = pa.table({"contact_id": pa.array(contacts, pa.string()).filter(pa.array(held)).unique()})
        db.register("found_contacts", found)
        db.execute("insert into known_contacts from found_contacts")
        db.unregister("found_contacts")

    def _with_kin(self, customers: list[str], contacts: list[str]) -> tuple[list[str], list[str]]:
        """A contact may have been made under an id that was merged into the customer's, or the other way."""
        kin: dict[str, set[str]] = {}
        for each in read_owners(self.histories):
            kin.setdefault(each.customer_id, set()).add(each.owner_id)
            kin.setdefault(each.owner_id, set()).add(each.customer_id)
        pairs = [
            (one, contact)
            for customer, contact in zip(customers, contacts, strict=True)
            for one in {customer, *kin.get(customer, ())}
        ]
        return [one for one, _ in pairs], [contact for _, contact in pairs]

    def _known(self, name: str, rows: pa.Table) -> pa.Table:
        """Of checked rows those of which the base has the same version: (row_number, is it the same row)."""
        keys, ours = keys_of(rows["customer_id"]), to_records(name, rows, self.base["time_zone"])
        numbers, same = [], []
        for chosen, bucket in self._by_bucket(keys):
            mine = ours[chosen]
            found = bucket.versions(name, keys[chosen], np.ascontiguousarray(mine["event_id"]))
            theirs, mine = bucket.taken(name, found), mine[found.given]
            one_version = known_at(theirs) == known_at(mine)
            numbers.append(rows["row_number"].to_numpy()[chosen[found.given[one_version]]])
            same.append(_equal(mine[one_version], theirs[one_version]))
        return pa.table(
            {
                "row_number": pa.array(np.concatenate([np.empty(0, np.int64), *numbers])),
                "same": pa.array(np.concatenate([np.empty(0, bool), *same])),
            }
        )

    def _by_bucket(self, keys: Keys) -> Iterator[tuple[Any, StoredBucket]]:
        buckets = bucket_of(keys, read_about(self.histories)["buckets"])
        for bucket in np.unique(buckets):
            yield np.flatnonzero(buckets == bucket), StoredBucket(self.histories, int(bucket), self.trust)


def _equal(ours: Records, theirs: Records) -> Any:
    """Row by row, whatever they are marked with: a mark tells of other rows."""
    same = np.ones(len(ours), bool)
    for field in ours.dtype.names or ():
        if field != "mark":
            a, b = ours[field], theirs[field]
            same &= (a == b) | ((a != a) & (b != b))  # noqa: PLR0124 - nan is the only value unlike itself
        else:
            same &= (ours[field] & 1) == (theirs[field] & 1)
    return same


def _standing(table: type[Table]) -> str:
    return f"""select row_number, {", ".join(_names(table))} from checked
        where row_number not in (from repeated) and row_number not in (select row_number from broken)"""


def _names(table: type[Table]) -> list[str]:
    return [identifier(name) for name in table.columns]


def _or_null(column: str, there: list[str]) -> str:
    return identifier(column) if column in there else f"null as {identifier(column)}"


def _batches(db: duckdb.DuckDBPyConnection, query: str) -> Iterator[pa.Table]:
    """So many at once; the connection does nothing else meanwhile."""
    rows_at_once = at_once(BATCH_ROW_BYTES, BATCH_ROWS, "checking a feed's rows", least=10_000)
    for batch in db.sql(query).to_arrow_reader(rows_at_once):
        yield pa.Table.from_batches([batch])


def _none_known() -> pa.Table:
    return pa.table({"row_number": pa.array([], pa.int64()), "same": pa.array([], pa.bool_())})
