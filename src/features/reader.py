"""Reading facts: the same compiled loop for one customer, for all, and for many moments.

The loop is generated from the families' declarations, so that one call reads all of them while a history
is in the cache, and compiled once. Before a family runs, what is not visible at t is taken away: no family
can see it, so no leak can be built by hand.
"""

import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from features.catalogue import FAMILIES
from features.family import Family, NamedFact, as_python_reads, inner
from tables.compiled import cache_folder, compiled, is_kept
from tables.contract import CUSTOMER_TABLES
from tables.history import Histories, History

ROWS_AT_ONCE = 2048
Progress = Callable[[int, int], None]


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
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def column(self, name: str) -> npt.NDArray[np.float64]:
        return self.values[:, self.names.index(name)]


def facts_of(families: Sequence[Family[Any]] = FAMILIES) -> tuple[NamedFact, ...]:
    return tuple(fact for family in families for fact in family.facts)


@cache
def names_of(families: tuple[Family[Any], ...] = FAMILIES) -> tuple[str, ...]:
    return tuple(fact.name for fact in facts_of(families))


def read_facts(
    histories: Histories,
    places: npt.NDArray[np.int64],
    moments: npt.NDArray[np.int64] | int,
    families: Sequence[Family[Any]] = FAMILIES,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> FactTable:
    """Facts of the customers at `places`, each at its moment (or all at one), in that order."""
    families = tuple(families)
    places = np.ascontiguousarray(places, np.int64)
    moments = np.ascontiguousarray(np.broadcast_to(moments, places.shape), np.int64)
    names = names_of(families)
    values = np.empty((len(places), len(names)))
    read = reader(families)
    events = as_python_reads(histories.events) if numba.config.DISABLE_JIT else histories.events

    def part(start: int) -> None:
        rows = slice(start, start + ROWS_AT_ONCE)
        read(events, histories.offsets, places[rows], moments[rows], values[rows])

    starts = range(0, len(places), ROWS_AT_ONCE)
    threads = threads or os.cpu_count() or 1
    if len(starts) <= 1 or threads == 1:
        finished = map(part, starts)
        _count(finished, len(places), progress)
    else:
        with ThreadPoolExecutor(threads) as pool:
            _count(pool.map(part, starts), len(places), progress)
    values[:, missing_columns(families, histories.present)] = np.nan
    return FactTable(places, moments, names, values)


def _count(finished: Any, total: int, progress: Progress | None) -> None:
    for k, _ in enumerate(finished, start=1):
        if progress:
            progress(min(k * ROWS_AT_ONCE, total), total)


@cache
def missing_columns(families: tuple[Family[Any], ...], present: frozenset[str]) -> npt.NDArray[np.bool_]:
    """Which facts the base cannot know, because a table or column they are read from is not there."""
    return np.array([not present.issuperset(family.sources) for family in families for _ in family.facts])


def visible_history(histories: Histories, place: int, t: int) -> History:
    """What one customer's families see at t."""
    seen = []
    for rows, offsets in zip(histories.events, histories.offsets, strict=True):
        own = rows[offsets[place] : offsets[place + 1]]
        seen.append(own[(own["seen_at"] <= t) & (t < own["until"])])
    return History(*seen)


@inner
def visible(rows: Any, begin: int, end: int, t: int) -> Any:
    """The rows of [begin, end) that are visible at t: a view where all are, else a copy of those."""
    while end > begin and rows[end - 1].at > t:
        end -= 1
    hidden = 0
    for i in range(begin, end):
        if rows[i].seen_at > t or rows[i].until <= t:
            hidden += 1
    if hidden == 0:
        return rows[begin:end]
    kept = rows[begin : end - hidden].copy()
    k = 0
    for i in range(begin, end):
        if rows[i].seen_at <= t and rows[i].until > t:
            kept[k] = rows[i]
            k += 1
    return kept


@cache
def reader(families: tuple[Family[Any], ...]) -> Any:
    """The compiled loop read(events, offsets, places, moments, out) over these families."""
    lines = [
        "def read(events, offsets, places, moments, out):",
        "    for k in range(len(places)):",
        "        place, t, row = places[k], moments[k], out[k]",
        "        history = History(",
    ]
    for table in CUSTOMER_TABLES:
        bounds = f"offsets.{table}[place], offsets.{table}[place + 1]"
        lines.append(f"            visible(events.{table}, {bounds}, t),")
    lines.append("        )")
    column = 0
    for number, family in enumerate(families):
        lines.append(f"        facts_ = family_{number}(history, t)  # {family.name}")
        for field, width in family.fields:
            if width == 1:
                lines.append(f"        row[{column}] = facts_.{field}")
            else:
                lines += [f"        row[{column + w}] = facts_.{field}[{w}]" for w in range(width)]
            column += width
    return _compile(
        "\n".join(lines) + "\n",
        {f"family_{number}": family.compiled for number, family in enumerate(families)},
        keep=all(is_kept(family.plain) for family in families),
    )


def _compile(text: str, scope: dict[str, Any], keep: bool) -> Any:
    """Import generated text as a module of its own, so that Numba can keep what it compiles."""
    scope |= {"History": History, "visible": visible}
    if not keep:
        exec(compile(text, "<reader>", "exec"), scope)
        return compiled(scope["read"])
    name = f"holdfast_reader_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
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
    return compiled(module.read)
