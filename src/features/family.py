"""A family of facts: one compiled function of one customer's visible history and a moment."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, TypeVar, get_type_hints

import numba
import numpy as np

from tables.compiled import is_kept
from tables.history import History

# Windows are whole weeks, so that every one holds as many Saturdays as Mondays: (t - days, t].
WINDOWS = (7, 28, 91, 182, 364)
PerWindow = tuple[float, float, float, float, float]
# What is rare needs a quarter or a year to be seen at all.
LONG_WINDOWS = (91, 364)
PerLongWindow = tuple[float, float]
# What is older than this is at most a summary: a fact looks back no further, or says what it needs of it.
LONGEST = 728
_WINDOWS_OF: dict[Any, tuple[int, ...]] = {PerWindow: WINDOWS, PerLongWindow: LONG_WINDOWS}

# Who answers for a family: what it means, that it is right, and who may see it.
OWNERS = {
    "commerce": "orders, products, prices and returns",
    "loyalty": "the programme: points, levels, membership, word of mouth",
    "marketing": "touches, messages, offers and consents",
    "sales": "company accounts and contracts",
    "service": "service contacts, complaints and surveys",
}
# Only what a customer says of themselves is personal here. Complaints and answers are not among the sensitive
# information of PIPL art. 28, but were told in confidence: whoever speaks up should not fare worse for it.
SENSITIVITIES = {
    "personal": "who the customer is: kept out of every model that steers offers",
    "sensitive": "told to the service or in a survey: for those who serve the customer",
    "derived": "counted from what the customer and we did",
}

Facts = TypeVar("Facts", bound=tuple[Any, ...])


@dataclass(frozen=True)
class Fact:
    """What a fact means. In a windowed fact, {days} stands for the window in both languages.

    days: the window where the name does not end in it. summary: what a fact without a window needs of events
    older than LONGEST days. sensitivity and since: where they are not the family's.
    """

    meaning: str
    chinese: str
    unit: str
    days: int = 0
    summary: str = ""
    sensitivity: str = ""
    since: str = ""

    def over(self, days: int) -> "Fact":
        meaning, chinese = self.meaning.format(days=days), self.chinese.format(days=days)
        return replace(self, meaning=meaning, chinese=chinese)


def inner(function: Callable[..., Any]) -> Any:
    """Compile as tables.compiled does, for compiled callers only.

    Without the wrappers for other callers, the reader of all families compiles in two thirds of the time.
    """
    options = {"nogil": True, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return numba.njit(cache=is_kept(function), **options)(function)


class NamedFact(NamedTuple):
    """One column: its name, its meaning, and its window in days (0: all that is visible)."""

    name: str
    fact: Fact
    window: int


@dataclass(frozen=True, eq=False)  # a family is itself only: it is looked up on every read
class Family(Generic[Facts]):
    """Facts read together. `sources` are the tables and columns without which they are missing; `owner` is
    the team that answers for them (OWNERS)."""

    name: str
    meaning: str
    facts: tuple[NamedFact, ...]
    fields: tuple[tuple[str, int], ...]  # field -> number of columns (one, or one a window)
    sources: tuple[str, ...]
    owner: str
    plain: Callable[[History, int], Facts]
    compiled: Any

    def __call__(self, history: History, t: int) -> Facts:
        """The facts of one visible history as of t (microseconds), not compiled: to look at, and to debug."""
        if not numba.config.DISABLE_JIT:
            raise RuntimeError(
                "a family is called by compiled code; set NUMBA_DISABLE_JIT=1 to call it yourself"
            )
        return self.plain(as_python_reads(history), t)


def as_python_reads(rows: Any) -> Any:
    """The same records, with their fields as attributes, as compiled code has them anyway; of arrays in
    tuples too; numbers as they are."""
    if isinstance(rows, tuple):
        parts = [as_python_reads(each) for each in rows]
        return type(rows)(*parts) if hasattr(rows, "_fields") else tuple(parts)
    return rows.view(np.recarray) if isinstance(rows, np.ndarray) and rows.dtype.names else rows


def family(
    facts: type[Facts], sources: tuple[str, ...], *, owner: str, since: str, sensitivity: str = "derived"
) -> Callable[[Callable[[History, int], Facts]], Family[Facts]]:
    """Make a function `read(history, t) -> facts` a family.

    facts: a NamedTuple whose fields are Annotated[float, Fact(...)] or, for one value a window of WINDOWS
    or LONG_WINDOWS, Annotated[PerWindow, Fact(...)] or Annotated[PerLongWindow, Fact(...)]; a float over one
    window has a name that ends in it, as in orders_91d. The function sees only what is visible at t. since:
    the version the facts came in with; sensitivity: one of SENSITIVITIES.
    """
    named: list[NamedFact] = []
    fields: list[tuple[str, int]] = []
    for field, hint in get_type_hints(facts, include_extras=True).items():
        (declared,) = hint.__metadata__
        fact = replace(
            declared,
            sensitivity=declared.sensitivity or sensitivity,
            since=declared.since or since,
        )
        if hint.__origin__ is float:
            one = re.search(r"_(\d+)d$", field)
            days = fact.days or (int(one[1]) if one else 0)
            named.append(NamedFact(field, fact.over(days), days))
            fields.append((field, 1))
            continue
        windows = _WINDOWS_OF[hint.__origin__]
        named += [NamedFact(f"{field}_{days}d", fact.over(days), days) for days in windows]
        fields.append((field, len(windows)))

    def make(read: Callable[[History, int], Facts]) -> Family[Facts]:
        return Family(
            name=read.__name__,
            meaning=(facts.__doc__ or "").strip(),
            facts=tuple(named),
            fields=tuple(fields),
            sources=sources,
            owner=owner,
            plain=read,
            compiled=inner(read),
        )

    return make
