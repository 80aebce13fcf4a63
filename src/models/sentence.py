"""Sentences: how a topic, the value of the fact that speaks for it, and which way it moves the risk are said.

A sentence is a beginning, a number, an end. Beginnings and ends are made once a catalogue and form, so that
those of millions are put together by Arrow.
"""

import re
from enum import IntEnum
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models.spoken import SPOKEN
from models.topic import kin_of, known_facts, topics_of

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
# Lowers, raises; English, Chinese.
ENDS = ((" (lowers the risk)", " (raises the risk)"), ("（降低流失风险）", "（增加流失风险）"))
# How a number is said: an amount of money, a share, days (nobody says a part of one), yes or no, any other
# without and with decimals.
STYLES = MONEY, SHARE, DAYS, FLAG, WHOLE, DECIMAL = range(6)
# What can be counted, so that its number comes first: "3 orders in the last 91 days".
COUNTED = {
    "orders", "lines", "pieces", "products", "categories", "brands", "stores", "channels", "days", "visits",
    "logins", "messages", "interactions", "contacts", "complaints", "reviews", "shares", "referrals",
    "customers", "responses", "points", "answers", "periods", "changes", "times", "levels",
}  # fmt: skip
NOT_COUNTED = ("Mean", "Median", "Longest", "Standard", "Gap", "Age", "Change of")


class Forms(IntEnum):
    """UNSAID: the topic alone."""

    MANY = 0
    ONE = 1
    NO = 2
    YES = 3
    MISSING = 4
    UNSAID = 5


class Money(NamedTuple):
    """How to say an amount of minor units."""

    currency: str
    minor_units: int


class Sentences(NamedTuple):
    """Of one language: beginnings by fact and form, ends by fact, form and whether the risk is raised."""

    begin: pa.Array
    end: pa.Array

    def begin_of(self, fact: Integers, form: Integers) -> Integers:
        return fact * len(Forms) + form

    def end_of(self, fact: Integers, form: Integers, raises: npt.NDArray[np.bool_]) -> Integers:
        return 2 * (fact * len(Forms) + form) + raises

    def join(self, fact: int, form: int, number: str, raises: bool) -> str:
        place = fact * len(Forms) + form
        return f"{self.begin[place]}{number}{self.end[2 * place + raises]}"


def number_of(
    values: Floats, fact: Integers, names: tuple[str, ...], money: Money
) -> tuple[Integers, Floats]:
    """How each value is said, and as which whole number of the smallest part that is said; nan: missing."""
    style = _styles(names)[fact]
    style = np.where((style == WHOLE) & (values != np.rint(values)) & (np.abs(values) < 10), DECIMAL, style)
    smallest = np.array([100 / money.minor_units, 100.0, 1.0, 1.0, 1.0, 100.0])[style]
    return style, np.rint(values * smallest) + 0.0  # never minus zero


def forms_of(style: Integers, number: Floats, fact: Integers, names: tuple[str, ...]) -> Integers:
    """The form of each sentence, from `number_of`."""
    counted = _counted(names)[fact] & ((style == WHOLE) | (style == DAYS))
    form = np.where(counted & (number == 1), Forms.ONE, Forms.MANY)
    form = np.where(counted & (style == WHOLE) & (number == 0), Forms.NO, form)
    form = np.where(style == FLAG, np.where(number == 0, Forms.NO, Forms.YES), form)
    return np.where(np.isnan(number), Forms.MISSING, form).astype(np.int64)


def write(style: int, number: float, money: Money) -> str:
    if style == MONEY:
        return f"{number / 100:,.2f} {money.currency}"
    if style == SHARE:
        return f"{number:.0f}%"
    return f"{number / 100:,.2f}" if style == DECIMAL else f"{number:,.0f}"


@cache
def sentences(names: tuple[str, ...]) -> tuple[Sentences, Sentences]:
    """English and Chinese."""
    every = [
        [_english(name, form) for name in names for form in Forms],
        [_chinese(name, form) for name in names for form in Forms],
    ]
    return tuple(  # type: ignore[return-value]
        Sentences(
            pa.array([begin for begin, _ in parts], pa.string()),
            pa.array([end + way for _, end in parts for way in ways], pa.string()),
        )
        for parts, ways in zip(every, ENDS, strict=True)
    )


def _english(name: str, form: Forms) -> tuple[str, str]:
    """What stands before and after the number."""
    topic, meaning = _meant(name, 0)
    if not meaning[1:2].isupper():  # NPS
        meaning = meaning[0].lower() + meaning[1:]
    if form is Forms.UNSAID:
        return topic, ""
    if form is Forms.MISSING:
        return f"{topic}: {meaning}: none", ""
    if _unit(name) == "flag":
        return f"{topic}: {meaning}: {'yes' if form is Forms.YES else 'no'}", ""
    if not _is_counted(name):
        unit = f" {_unit(name)}" if _unit(name) in ("days", "hours") else ""
        return f"{topic}: {meaning} is ", unit
    if form is Forms.NO:
        return f"{topic}: no {meaning}", ""
    return f"{topic}: ", f" {_singular(meaning) if form is Forms.ONE else meaning}"


def _chinese(name: str, form: Forms) -> tuple[str, str]:
    topic, meaning = _meant(name, 1)
    if form is Forms.UNSAID:
        return topic, ""
    if form is Forms.MISSING:
        return f"{topic}：{meaning}暂无", ""
    if _unit(name) == "flag":
        return f"{topic}：{meaning}：{'是' if form is Forms.YES else '否'}", ""
    return (f"{topic}：{meaning}为0", "") if form is Forms.NO else (f"{topic}：{meaning}为", "")


def _meant(name: str, language: int) -> tuple[str, str]:
    """The topic and the meaning, without what the catalogue explains in brackets or behind a semicolon."""
    (topic,) = topics_of((name,))
    meaning = _spoken(name)[language]
    spoken = re.sub(r"\s*[(（][^)）]*[)）]|[;；].*", "", meaning)
    return (topic.english, topic.chinese)[language], spoken


def _spoken(name: str) -> tuple[str, str]:
    fact = known_facts().get(name)
    if fact is None:
        return name, name
    english, chinese = SPOKEN.get(kin_of(fact), (fact.fact.meaning, fact.fact.chinese))
    return english.format(days=fact.window), chinese.format(days=fact.window)


def _singular(meaning: str) -> str:
    """The first plural noun (of several side by side the last) as one."""

    def one(plural: re.Match[str]) -> str:
        word = plural[0]
        return f"{word[:-3]}y" if word.endswith("ies") else word[:-1]

    return re.sub(r"\b[a-z-]+s\b(?! [a-z-]+s\b)", one, meaning, count=1)


def _unit(name: str) -> str:
    fact = known_facts().get(name)
    return "" if fact is None else fact.fact.unit


def _is_counted(name: str) -> bool:
    unit = _unit(name).partition(" ")[0]
    return unit in COUNTED and not known_facts()[name].fact.meaning.startswith(NOT_COUNTED)


@cache
def _counted(names: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    return np.array([_is_counted(name) for name in names])


@cache
def _styles(names: tuple[str, ...]) -> Integers:
    return np.array([_style_of(_unit(name)) for name in names], np.int64)


def _style_of(unit: str) -> int:
    if unit.startswith("minor units"):
        return MONEY
    return {"share": SHARE, "days": DAYS, "flag": FLAG}.get(unit, WHOLE)
