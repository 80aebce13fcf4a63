"""Reading facts: the same compiled loop for one customer, for all, and for many moments.

The loop is generated from the families' declarations, so that one call reads all of them while a history
is in the cache, and compiled once. Before a family runs, what is not visible at t is taken away: no family
can see it, so no leak can be built by hand.
"""

import hashlib
import importlib.util
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numba
import numpy as np
import numpy.typing as npt

from features.carry import (
    HEAVY,
    Carried,
    carry_interactions,
    carry_kinds,
    carry_lines,
    carry_points,
    no_lines,
    no_points,
    no_reviews,
    nothing_carried,
)
from features.catalogue import FAMILIES
from features.family import Family, NamedFact, as_python_reads, inner
from features.scratch import unowned
from features.sight import as_read as records_as_read
from features.sight import rows_of, sight_scope, sight_text
from tables.cell import TIERS
from tables.compiled import cache_folder, compiled, is_kept
from tables.contract import CUSTOMER_TABLES
from tables.history import Bucket, History, Int64s, Members
from tables.moment import FOREVER
from tables.once import once
from tables.record import RECORD_TYPES, Records
from tables.timeline import Timeline, Timelines

ROWS_AT_ONCE = 2048
ROOM = 64  # rows that fit before a customer needs a larger room
# How a table is carried over, and the name of its totals; customers' own rows are few.
CARRIED = {
    "transactions": (carry_lines, "lines"),
    "points": (carry_points, "points"),
    "interactions": (carry_interactions, "reviews"),
    "contacts": (carry_kinds, ""),
    "responses": (carry_kinds, ""),
    "surveys": (carry_kinds, ""),
}
Progress = Callable[[int, int], None]


class Readable(Protocol):
    """What facts are read from: the histories of a base (tables.history), a portion of them in memory
    (tables.portion), or of some customers with what came since (tables.live)."""

    @property
    def timelines(self) -> Timelines: ...

    @property
    def present(self) -> frozenset[str]: ...

    def ids_of(self, places: Int64s) -> npt.NDArray[np.object_]: ...

    def parts(self, places: Int64s) -> list[tuple[Bucket, Int64s, Int64s]]: ...


class FactTable(NamedTuple):
    """Facts of some customers at some moments.

    places: each row's customer, by place in histories.ids; moments: microseconds; values: float64, shape
    (rows, facts), nan where missing; names: the columns.
    """

    places: npt.NDArray[np.int64]
    moments: npt.NDArray[np.int64]
    names: tuple[str, ...]
    values: npt.NDArray[np.float64]

    def hash(self) -> str:
        """SHA-256 of rows, columns and values: what a model was trained on."""
        digest = hashlib.sha256("\n".join(self.names).encode())
        for part in (self.places, self.moments, self.values):
            digest.update(np.ascontiguousarray(part).ravel().data)  # in place: a frame is large
        return digest.hexdigest()

    def column(self, name: str) -> npt.NDArray[np.float64]:
        return self.values[:, column_of(self.names)[name]]

    def beside(self, other: "FactTable") -> "FactTable":
        """These columns, then those of `other`, which must have the same rows and no column of ours."""
        same_rows = np.array_equal(self.places, other.places) and np.array_equal(self.moments, other.moments)
        if not same_rows or set(self.names) & set(other.names):
            raise ValueError("facts side by side are of the same customers and moments, each once")
        return self._replace(
            names=(*self.names, *other.names), values=np.column_stack([self.values, other.values])
        )

    def only(self, names: Sequence[str]) -> "FactTable":
        """These columns alone, in this order."""
        chosen = [column_of(self.names)[name] for name in names]
        return self._replace(names=tuple(names), values=np.ascontiguousarray(self.values[:, chosen]))


@once
def column_of(names: tuple[str, ...]) -> dict[str, int]:
    """The place of each column among the names of a table: a search of hundreds for each column would take
    longer than to read one customer."""
    return {name: k for k, name in enumerate(names)}


def facts_of(families: Sequence[Family[Any]] = FAMILIES) -> tuple[NamedFact, ...]:
    return tuple(fact for family in families for fact in family.facts)


@cache
def names_of(families: tuple[Family[Any], ...] = FAMILIES) -> tuple[str, ...]:
    return tuple(fact.name for fact in facts_of(families))


def read_facts(
    histories: Readable,
    places: npt.NDArray[np.int64],
    moments: npt.NDArray[np.int64] | int,
    families: Sequence[Family[Any]] = FAMILIES,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    heavy: int = HEAVY,
) -> FactTable:
    """Facts of the customers at `places`, each at its moment (or all at one), in that order.

    heavy: a table's old rows above which they are carried over (features.carry); no fact depends on it.
    """
    families = tuple(families)
    places = np.ascontiguousarray(places, np.int64)
    moments = moments_of(places, moments)
    names = names_of(families)
    values = np.empty((len(places), len(names)))
    read, timelines = reader(families), as_read(histories.timelines)
    missing = _missing(families, histories.present)

    def parts() -> Iterator[tuple[Bucket, Int64s, Int64s]]:
        for bucket, rows, local in histories.parts(places):
            whole = as_read(bucket)
            for start in range(0, len(rows), ROWS_AT_ONCE):
                chunk = slice(start, start + ROWS_AT_ONCE)
                yield whole, rows[chunk], local[chunk]

    def part(each: tuple[Bucket, Int64s, Int64s]) -> int:
        bucket, rows, local = each
        whole = len(rows) == rows[-1] - rows[0] + 1  # side by side: written in place
        out = values[rows[0] : rows[-1] + 1] if whole else np.empty((len(rows), len(names)))
        read(bucket, timelines, local, moments[rows], heavy, out)
        out[:, missing] = np.nan
        if not whole:
            values[rows] = out
        return len(rows)

    # To count the processors takes longer than to read a customer.
    threads = 1 if len(places) <= ROWS_AT_ONCE else threads or os.cpu_count() or 1
    if threads == 1:
        _count(map(part, parts()), len(places), progress)
    else:
        with ThreadPoolExecutor(threads) as pool:
            _count(_in_turn(pool, part, parts(), 2 * threads), len(places), progress)
    return FactTable(places, moments, names, values)


def as_read(rows: Any) -> Any:
    """What compiled code, or with NUMBA_DISABLE_JIT=1 plain Python, takes."""
    return as_python_reads(rows) if numba.config.DISABLE_JIT else rows


def _in_turn(
    pool: ThreadPoolExecutor, work: Callable[[Any], int], parts: Iterator[Any], ahead: int
) -> Iterator[int]:
    """The results of `work`, with only so many parts opened ahead: a bucket is let go when it is read."""
    waiting: deque[Future[int]] = deque()
    for each in parts:
        waiting.append(pool.submit(work, each))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _count(finished: Iterator[int], total: int, progress: Progress | None) -> None:
    done = 0
    for rows in finished:
        done += rows
        if progress:
            progress(done, total)


@cache
def missing_columns(families: tuple[Family[Any], ...], present: frozenset[str]) -> npt.NDArray[np.bool_]:
    """Which facts the base cannot know, because a table or column they are read from is not there."""
    return np.array([not present.issuperset(family.sources) for family in families for _ in family.facts])


@cache
def _missing(families: tuple[Family[Any], ...], present: frozenset[str]) -> Int64s:
    return np.flatnonzero(missing_columns(families, present))


def moments_of(places: Int64s, t: Int64s | int) -> Int64s:
    """The moment of each customer, of one for all or of one each; shape (customers,)."""
    moments = np.empty(places.shape, np.int64)
    moments[:] = t
    return moments


def visible_history(histories: Readable, place: int, t: int) -> History:
    """What one customer's families see at t."""
    rows = (visible_rows(histories, name, t, np.array([place]))[1] for name in CUSTOMER_TABLES)
    return History(*rows)._replace(carried=nothing_carried())


def visible_rows(histories: Readable, table: str, t: Int64s | int, places: Int64s) -> tuple[Int64s, Records]:
    """The rows of a table that each of `places` sees at t, or each at its own moment.

    Returns which of `places` a row is of, in order, and the records.
    """
    moments, timelines = moments_of(places, t), as_read(histories.timelines)
    found, owners = [], []
    for bucket, rows, local in histories.parts(places):
        whole = as_read(bucket)
        own, offsets = getattr(whole.rows, table), getattr(whole.offsets, table)
        owner, records = _collector(table)(own, offsets, whole.members, rows, local, moments[rows], timelines)
        found.append(np.asarray(records))
        owners.append(owner)
    if len(found) == 1:  # to join record types NumPy compares them field by field
        return owners[0], found[0]
    if not found:
        return np.empty(0, np.int64), np.empty(0, RECORD_TYPES[table])
    owner, records = np.concatenate(owners), np.concatenate(found)
    order = np.argsort(owner, kind="stable")
    return owner[order], records[order]


@cache
def _collector(table: str) -> Any:
    text = f"""
def collect(rows, offsets, members, owners, places, moments, timelines):
    most = 0
    for k in range(len(places)):
        most += rows_of(offsets, members, places[k])
    records, owner, n = as_read(np.empty(most, SEEN)), np.empty(most, np.int64), 0
    for k in range(len(places)):
        count = len(see_{table}(rows, offsets, members, places[k], moments[k], timelines, records[n:]))
        owner[n : n + count] = owners[k]
        n += count
    if n == most:
        return owner, records
    return owner[:n].copy(), records[:n].copy()
"""
    scope = {"np": np, "SEEN": RECORD_TYPES[table], f"see_{table}": _sight(table)}
    scope |= {"rows_of": rows_of, "as_read": records_as_read}
    return compiled(_imported(text, scope, keep=True).collect)


@cache
def _tables_of(families: tuple[Family[Any], ...]) -> tuple[str, ...]:
    """The tables whose rows the families look at."""
    looked_at = {name for family in families for name in family.plain.__code__.co_names}
    return tuple(table for table in CUSTOMER_TABLES if table in looked_at)


@cache
def reader(families: tuple[Family[Any], ...]) -> Any:
    """The compiled loop read(bucket, timelines, places, moments, heavy, out) over these families.

    The caller holds all arrays, and what a customer's families see stands in rooms that are made once: no
    owners are counted while it runs.
    """
    tables = _tables_of(families)
    lines = [
        # What is compiled is kept under its text, and holds what it calls.
        *(f"# {table}: {_name_of(sight_text(table))}" for table in tables),
        "def read(bucket, timelines, places, moments, heavy, out):",
        f"    members = Members({', '.join(f'unowned(bucket.members.{n})' for n in Members._fields)})",
        "    timelines = Timelines(",
        *(
            f"        Timeline(unowned(timelines.{other}.slots), unowned(timelines.{other}.rows)),"
            for other in Timelines._fields
        ),
        "    )",
        "    places, moments, out = unowned(places), unowned(moments), unowned(out)",
    ]
    for table in tables:
        tiers = ", ".join(f"unowned(bucket.rows.{table}[{tier}])" for tier in range(TIERS))
        lines += [
            f"    rows_{table}, offsets_{table} = ({tiers}), unowned(bucket.offsets.{table})",
            f"    room_{table} = as_read(np.empty({ROOM}, SEEN_{table}))",
        ]
    lines += [
        "    for k in range(len(places)):",
        "        place, t, first_at = places[k], moments[k], FOREVER",
        "        lines_, points_, reviews_ = no_lines(), no_points(), no_reviews()",
    ]
    for table in tables:
        lines += [
            f"        count, {table} = rows_of(offsets_{table}, members, place), unowned(room_{table})[:0]",
            "        if count:",
            f"            if count > len(room_{table}):",
            f"                room_{table} = as_read(np.empty(2 * count, SEEN_{table}))",
            f"            {table} = see_{table}(",
            f"                rows_{table}, offsets_{table}, members, place, t, timelines,"
            f" unowned(room_{table})",
            "            )",
        ]
        if table in CARRIED:
            _, totals = CARRIED[table]
            into = f"{table}, {totals}_" if totals else table
            lines += [
                f"            if len({table}) > heavy:",
                f"                first_at = min(first_at, {table}[0].at)",
                f"                {into} = carry_{table}({table}, t, heavy)",
            ]
    lines.append("        carried = Carried(lines_, points_, reviews_, first_at)")
    column = 0
    for number, family in enumerate(families):
        # A table that the family does not look at takes no room among its arguments.
        looked_at = _tables_of((family,))
        seen = ", ".join(table if table in looked_at else "()" for table in CUSTOMER_TABLES)
        carried = "carried" if "carried" in family.plain.__code__.co_names else "()"
        lines.append(f"        facts_ = family_{number}(History({seen}, {carried}), t)  # {family.name}")
        for field, width in family.fields:
            if width == 1:
                lines.append(f"        out[k, {column}] = facts_.{field}")
            else:
                lines += [f"        out[k, {column + w}] = facts_.{field}[{w}]" for w in range(width)]
            column += width
    scope: dict[str, Any] = {f"family_{number}": family.compiled for number, family in enumerate(families)}
    scope |= {f"see_{table}": _sight(table) for table in tables}
    scope |= {f"SEEN_{table}": RECORD_TYPES[table] for table in tables}
    scope |= {f"carry_{table}": CARRIED[table][0] for table in tables if table in CARRIED}
    scope |= {"Carried": Carried, "no_lines": no_lines, "no_points": no_points, "no_reviews": no_reviews}
    scope |= {"Members": Members, "Timeline": Timeline, "Timelines": Timelines, "np": np, "FOREVER": FOREVER}
    scope |= {"rows_of": rows_of, "as_read": records_as_read, "unowned": unowned}
    return compiled(
        _imported("\n".join(lines) + "\n", scope, keep=all(is_kept(f.plain) for f in families)).read
    )


@cache
def _sight(table: str) -> Any:
    module = _imported(sight_text(table), sight_scope(table), keep=True)
    for name in (f"append_{table}", f"append_all_{table}"):
        setattr(module, name, inner(getattr(module, name)))
    return inner(getattr(module, f"see_{table}"))


def _imported(text: str, scope: dict[str, Any], keep: bool) -> Any:
    """Import generated text as a module of its own, so that Numba can keep what it compiles."""
    name = _name_of(text)
    scope = {"History": History, **scope}
    if not keep:
        module = ModuleType(name)
        module.__dict__.update(scope)
        exec(compile(text, "<generated>", "exec"), module.__dict__)
        return module
    path = cache_folder() / f"{name}.py"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}")
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    module.__dict__.update(scope)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _name_of(text: str) -> str:
    return f"holdfast_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
