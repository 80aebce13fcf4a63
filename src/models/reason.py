"""The strongest reasons for a churn probability, in words an employee can say aloud."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.catalogue import FAMILIES
from features.family import NamedFact
from features.reader import facts_of
from tables.compiled import compiled

Floats = npt.NDArray[np.float64]
STRONGEST = 5
# Log-odds that move no probability: what rounding leaves where windows of one quantity cancel out.
NO_EFFECT = 1e-9
NO_FACT = -1
# English, Chinese.
UNKNOWN = ("unknown", "未知")
END = ((" (lowers the risk)", " (raises the risk)"), ("（降低流失风险）", "（增加流失风险）"))
# How a number is said: an amount of money, a share, any other without and with decimals.
STYLES = MONEY, SHARE, WHOLE, DECIMAL = range(4)


class Reason(NamedTuple):
    """A fact, its value, how much it moves the log-odds of leaving (with its kin), and the words."""

    fact: str
    value: float
    effect: float
    english: str
    chinese: str


class Words(NamedTuple):
    """Reasons of some customers. fact: places in names, NO_FACT where fewer facts have an effect; effect:
    log-odds, nan there; shape (customers, STRONGEST)."""

    fact: npt.NDArray[np.int64]
    effect: Floats


class Texts(NamedTuple):
    """For each customer the list of what can be said, the strongest reason first."""

    english: pa.ListArray
    chinese: pa.ListArray


class Money(NamedTuple):
    """How to say an amount of minor units."""

    currency: str
    minor_units: int


def strongest(contributions: Floats, names: tuple[str, ...]) -> Words:
    """The windows of one quantity speak together, through the window that weighs most.

    contributions: SHAP values in log-odds, shape (customers, facts), columns named by `names`.
    """
    by_kin, starts = _kin(names)
    words = Words(
        np.full((len(contributions), STRONGEST), NO_FACT, np.int64),
        np.full((len(contributions), STRONGEST), np.nan),
    )
    choose(contributions, by_kin, np.append(starts, len(names)), words.fact, words.effect)
    return words


@compiled
def choose(contributions: Any, by_kin: Any, starts: Any, fact: Any, effect: Any) -> None:
    """Of equally strong kins, and of equally heavy windows, the first is taken."""
    for row in range(len(contributions)):
        known = 0
        for kin in range(len(starts) - 1):
            total = 0.0
            for k in range(starts[kin], starts[kin + 1]):
                total += contributions[row, by_kin[k]]
            if abs(total) <= NO_EFFECT:
                continue
            if known < STRONGEST:
                known += 1
            elif abs(total) <= abs(effect[row, STRONGEST - 1]):
                continue
            place = known - 1
            while place > 0 and abs(total) > abs(effect[row, place - 1]):
                effect[row, place], fact[row, place] = effect[row, place - 1], fact[row, place - 1]
                place -= 1
            speaker = by_kin[starts[kin]]
            for k in range(starts[kin] + 1, starts[kin + 1]):
                if abs(contributions[row, by_kin[k]]) > abs(contributions[row, speaker]):
                    speaker = by_kin[k]
            effect[row, place], fact[row, place] = total, speaker


def reasons(words: Words, values: Floats, names: tuple[str, ...], money: Money) -> list[list[Reason]]:
    """In words, for each of a few customers; values: facts in the columns of `names`."""
    is_said = words.fact != NO_FACT
    rows, _ = np.nonzero(is_said)
    fact, effect = words.fact[is_said], words.effect[is_said]
    value = values[rows, fact]
    told: list[list[Reason]] = [[] for _ in values]
    for k, (style, number) in enumerate(zip(*_shown(value, fact, names, money), strict=True)):
        english, chinese = (
            begin[fact[k]]
            + (unknown if np.isnan(number) else _write(style, number, money))
            + end[int(effect[k] > 0)]
            for begin, unknown, end in zip(_begin(names), UNKNOWN, END, strict=True)
        )
        told[rows[k]].append(Reason(names[fact[k]], float(value[k]), float(effect[k]), english, chinese))
    return told


def texts(words: Words, values: Floats, names: tuple[str, ...], money: Money) -> Texts:
    """What `reasons` says, for all customers at once; values: facts in the columns of `names`.

    Each different number is written once; Arrow puts the parts of the sentences together.
    """
    is_said = words.fact != NO_FACT
    rows, _ = np.nonzero(is_said)
    fact = words.fact[is_said]
    style, number = _shown(values[rows, fact], fact, names, money)
    written: list[str] = []
    place = np.empty(len(fact), np.int64)
    for which in STYLES:
        (own,) = np.nonzero(style == which)
        different = pa.array(number[own]).dictionary_encode()
        place[own] = different.indices.to_numpy() + len(written)
        written += [_write(which, each, money) for each in different.dictionary.to_pylist()]
    numbers = pa.array(written, pa.string()).take(pa.array(place, mask=np.isnan(number)))
    told, raises = pa.array(fact), pa.array((words.effect[is_said] > 0).astype(np.int8))
    said = (
        pc.binary_join_element_wise(
            pa.array(begin).take(told), pc.fill_null(numbers, unknown), pa.array(end).take(raises), ""
        )
        for begin, unknown, end in zip(_begin(names), UNKNOWN, END, strict=True)
    )
    ends = pa.array(np.append(0, np.cumsum(is_said.sum(axis=1))), pa.int32())
    return Texts(*(pa.ListArray.from_arrays(ends, each) for each in said))


def _shown(
    values: Floats, fact: npt.NDArray[np.int64], names: tuple[str, ...], money: Money
) -> tuple[npt.NDArray[np.int64], Floats]:
    """How each value is said, and as which whole number of the smallest part that is said; nan: unknown."""
    style = _style(names)[fact]
    style = np.where((style == WHOLE) & (values != np.rint(values)) & (np.abs(values) < 10), DECIMAL, style)
    smallest = np.array([100 / money.minor_units, 100.0, 1.0, 100.0])[style]
    return style, np.rint(values * smallest) + 0.0  # never minus zero


def _write(style: int, number: float, money: Money) -> str:
    if style == MONEY:
        return f"{number / 100:,.2f} {money.currency}"
    if style == SHARE:
        return f"{number:.0f}%"
    return f"{number:,.0f}" if style == WHOLE else f"{number / 100:,.2f}"


@cache
def _known() -> dict[str, NamedFact]:
    return {fact.name: fact for fact in facts_of(FAMILIES)}


@cache
def _style(names: tuple[str, ...]) -> npt.NDArray[np.int64]:
    units = [_known()[name].fact.unit for name in names]
    return np.array(
        [MONEY if unit.startswith("minor units") else SHARE if unit == "share" else WHOLE for unit in units]
    )


@cache
def _begin(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    facts = [_known()[name].fact for name in names]
    return tuple(f"{fact.meaning}: " for fact in facts), tuple(f"{fact.chinese}：" for fact in facts)


@cache
def _kin(names: tuple[str, ...]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Places of the facts with those side by side that differ by their window only, and where each such
    group begins."""
    known = _known()
    stems = [
        name.removesuffix(f"_{known[name].window}d") if name in known and known[name].window else name
        for name in names
    ]
    order = {stem: k for k, stem in enumerate(dict.fromkeys(stems))}
    group = np.array([order[stem] for stem in stems])
    by_kin = np.argsort(group, kind="stable")
    return by_kin, np.flatnonzero(np.diff(group[by_kin], prepend=-1))
