"""The matrix: twelve base strategies, one a class of each axis; three of them compose a cell's plan."""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from decisions.setting import Named, Part

AXES = ("value", "behaviour", "stage")
NO_CELL = -1
Int64s = npt.NDArray[np.int64]


class Strategy(Named):
    """What is done for one class of one axis. every_days: at least how often it is looked after; a plan
    takes the shortest; service_level: the least this class is given; channels: the first choices."""

    axis: Literal[AXES]  # type: ignore[valid-type]
    of: str
    actions: tuple[str, ...] = Field(min_length=1)
    actions_chinese: tuple[str, ...] = Field(min_length=1)
    every_days: int = Field(gt=0)
    benefits: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    service_level: str = ""


class Matrix(Part):
    """value: the tier scheme that is the value axis; minimum_customers: a cell with fewer takes the plan of
    a larger one that is like it."""

    value: str
    minimum_customers: int = Field(default=1, ge=1)


class Plan(NamedTuple):
    """What is done for the customers of a cell; strategies in the order of the axes."""

    cell: int
    classes: tuple[str, ...]
    strategies: tuple[str, ...]
    strategies_chinese: tuple[str, ...]
    actions: tuple[str, ...]
    actions_chinese: tuple[str, ...]
    benefits: tuple[str, ...]
    channels: tuple[str, ...]
    service_level: str
    every_days: int


def cells_of(places: tuple[npt.ArrayLike, ...], shape: tuple[int, ...]) -> Int64s:
    """The cell of each customer by the places of its classes; NO_CELL where a class is not known."""
    known = np.logical_and.reduce([np.asarray(place) >= 0 for place in places])
    inside = [np.where(known, np.asarray(place), 0).astype(np.int64) for place in places]
    return np.where(known, np.ravel_multi_index(tuple(inside), shape), NO_CELL).astype(np.int64)


def fallback_cells(counts: npt.ArrayLike, shape: tuple[int, ...], minimum: int) -> tuple[int, ...]:
    """The cell whose plan each cell takes: its own with enough customers; else the largest of the same value
    and stage, whatever the behaviour; else the largest of the same value; else its own."""
    counts = np.asarray(counts, np.int64)
    value, _, stage = np.unravel_index(np.arange(len(counts)), shape)
    taken = np.arange(len(counts))
    for cell in np.flatnonzero(counts < minimum):
        for like in ((value == value[cell]) & (stage == stage[cell]), value == value[cell]):
            best = int(np.where(like, counts, -1).argmax())
            if counts[best] >= minimum:
                taken[cell] = best
                break
    return tuple(taken.tolist())


def compose(
    cell: int, classes: tuple[str, ...], strategies: tuple[Strategy, ...], strictness: tuple[str, ...]
) -> Plan:
    """The plan of three strategies. strictness: the names of service levels, the strictest first."""
    named = [each.service_level for each in strategies if each.service_level]
    return Plan(
        cell=cell,
        classes=classes,
        strategies=tuple(each.name for each in strategies),
        strategies_chinese=tuple(each.chinese for each in strategies),
        actions=_once(action for each in strategies for action in each.actions),
        actions_chinese=_once(action for each in strategies for action in each.actions_chinese),
        benefits=_once(benefit for each in strategies for benefit in each.benefits),
        channels=_once(channel for each in strategies for channel in each.channels),
        service_level=min(named, key=strictness.index) if named else "",
        every_days=min((each.every_days for each in strategies), default=0),
    )


def _once(words: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))  # type: ignore[call-overload]
