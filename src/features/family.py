"""A family of facts: one compiled function of one customer's visible history and a moment."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, get_type_hints

from tables.compiled import compiled
from tables.history import History

# Windows are whole weeks, so that every one holds as many Saturdays as Mondays: (t - days, t].
WINDOWS = (7, 28, 91, 182, 364)
PerWindow = tuple[float, float, float, float, float]

Facts = TypeVar("Facts", bound=tuple[Any, ...])


@dataclass(frozen=True)
class Fact:
    """What a fact means. In a windowed fact, {days} stands for the window in both languages."""

    meaning: str
    chinese: str
    unit: str


class NamedFact(NamedTuple):
    """One column: its name, its meaning, and its window in days (0: all that is visible)."""

    name: str
    fact: Fact
    window: int


@dataclass(frozen=True)
class Family(Generic[Facts]):
    """Facts read together. `sources` are the tables and columns without which they are missing."""

    name: str
    meaning: str
    facts: tuple[NamedFact, ...]
    fields: tuple[tuple[str, int], ...]  # field -> number of columns (one, or one a window)
    sources: tuple[str, ...]
    plain: Callable[[History, int], Facts]
    compiled: Any

    def __call__(self, history: History, t: int) -> Facts:
        """The facts of one history as of t (microseconds), not compiled: to look at, and to debug."""
        return self.plain(history, t)


def family(
    facts: type[Facts], sources: tuple[str, ...]
) -> Callable[[Callable[[History, int], Facts]], Family[Facts]]:
    """Make a function `read(history, t) -> facts` a family.

    facts: a NamedTuple whose fields are Annotated[float, Fact(...)] or, for one value a window of WINDOWS,
    Annotated[PerWindow, Fact(...)]. The function sees only what is visible at t.
    """
    named: list[NamedFact] = []
    fields: list[tuple[str, int]] = []
    for field, hint in get_type_hints(facts, include_extras=True).items():
        (fact,) = hint.__metadata__
        if hint.__origin__ is float:
            named.append(NamedFact(field, fact, 0))
            fields.append((field, 1))
            continue
        fields.append((field, len(WINDOWS)))
        named += [
            NamedFact(
                f"{field}_{days}d",
                Fact(fact.meaning.format(days=days), fact.chinese.format(days=days), fact.unit),
                days,
            )
            for days in WINDOWS
        ]

    def make(read: Callable[[History, int], Facts]) -> Family[Facts]:
        return Family(
            name=read.__name__,
            meaning=(facts.__doc__ or "").strip(),
            facts=tuple(named),
            fields=tuple(fields),
            sources=sources,
            plain=read,
            compiled=compiled(read),
        )

    return make
