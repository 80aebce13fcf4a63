"""The strongest reasons for a churn probability, in words an employee can say aloud."""

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.catalogue import FAMILIES
from features.family import NamedFact
from features.reader import facts_of

Floats = npt.NDArray[np.float64]
STRONGEST = 5


class Reason(NamedTuple):
    """A fact, its value, how much it moves the log-odds of leaving (with its kin), and the words."""

    fact: str
    value: float
    effect: float
    english: str
    chinese: str


class Words(NamedTuple):
    """Reasons of some customers. fact: places in names; effect: log-odds; shape (customers, STRONGEST)."""

    fact: npt.NDArray[np.int64]
    effect: Floats


def strongest(contributions: Floats, names: tuple[str, ...]) -> Words:
    """The windows of one quantity speak together, through the window that weighs most.

    contributions: SHAP values in log-odds, shape (customers, facts), columns named by `names`.
    """
    by_kin, starts = _kin(names)
    kin = contributions[:, by_kin]
    total = np.add.reduceat(kin, starts, axis=1)
    top = np.argsort(-np.abs(total), axis=1, kind="stable")[:, :STRONGEST]
    weight = np.abs(kin)
    ends = np.append(starts[1:], len(names))
    speaker = np.empty(top.shape, np.int64)
    for row, groups in enumerate(top):
        for k, group in enumerate(groups):
            begin = starts[group]
            speaker[row, k] = by_kin[begin + weight[row, begin : ends[group]].argmax()]
    return Words(speaker, np.take_along_axis(total, top, 1))


class Money(NamedTuple):
    """How to say an amount of minor units."""

    currency: str
    minor_units: int


def reasons(words: Words, values: Floats, names: tuple[str, ...], money: Money) -> list[list[Reason]]:
    """In words, for each customer; values: facts in the columns of `names`."""
    facts = [_known()[name] for name in names]
    return [
        [
            _say(facts[place], float(values[row, place]), float(effect), money)
            for place, effect in zip(words.fact[row], words.effect[row], strict=True)
        ]
        for row in range(len(values))
    ]


def _say(named: NamedFact, value: float, effect: float, money: Money) -> Reason:
    english, chinese = ("raises", "增加") if effect > 0 else ("lowers", "降低")
    unit = named.fact.unit
    return Reason(
        named.name,
        value,
        effect,
        f"{named.fact.meaning}: {_number(value, unit, money, 'unknown')} ({english} the risk)",
        f"{named.fact.chinese}：{_number(value, unit, money, '未知')}（{chinese}流失风险）",
    )


def _number(value: float, unit: str, money: Money, missing: str) -> str:
    if np.isnan(value):
        return missing
    if unit.startswith("minor units"):
        return f"{value / money.minor_units:,.2f} {money.currency}"
    if unit == "share":
        return f"{value:.0%}"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.2f}" if abs(value) < 10 else f"{value:,.0f}"


@cache
def _known() -> dict[str, NamedFact]:
    return {fact.name: fact for fact in facts_of(FAMILIES)}


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
