"""The behaviour axis: how much a customer is of each type, by where their signals lie among everybody's.

A signal is turned into its rank among customers of the same kind (frozen with the policy), so that a share
and a count weigh the same. A type's score is the mean rank of its signals less that of all types, so that
who does more of everything is not of every type; memberships are the softmax of the scores, and sum to 1.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from decisions.frozen import KINDS, RANK_STEPS, Frozen
from decisions.known import Floats, Measured, Written
from decisions.label import NOT_KNOWN
from decisions.setting import Misplaced, Named, Part
from decisions.tier import Labels, explained
from tables.compiled import compiled
from tables.once import once


class Signal(Part):
    """A measure that speaks for a type, or against it where `direction` is "low"."""

    measure: str
    direction: Literal["high", "low"] = "high"


class Kind(Named):
    """A type of behaviour and what shows it."""

    signals: tuple[Signal, ...] = Field(min_length=1)


class Behaviour(Named):
    """The types of [2]. sharpness: how clearly the leading type leads (0: all alike); `clear_from`: the
    membership from which a label counts as clear."""

    types: tuple[Kind, ...] = Field(min_length=2, max_length=12)
    sharpness: float = Field(default=6.0, gt=0, le=50)
    clear_from: float = Field(default=0.4, gt=0, lt=1)
    document: str = ""

    @model_validator(mode="after")
    def each_type_stands_once(self) -> "Behaviour":
        names = [each.name for each in self.types]
        if twice := [k for k, name in enumerate(names) if name in names[:k]]:
            raise Misplaced((("types", k, "name"), f"{names[k]} names two types") for k in twice)
        return self

    @property
    def measures(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(signal.measure for each in self.types for signal in each.signals))


class Membership(NamedTuple):
    """soft: how much of each type, shape (customers, types), rows sum to 1 or are nan; labels: the leading
    type; is_clear: whether it leads clearly, shape (customers,)."""

    soft: Floats
    labels: Labels
    is_clear: np.ndarray[tuple[int], np.dtype[np.bool_]]


def memberships(axis: Behaviour, measured: Measured) -> Membership:
    """Who has a type of which no signal is known gets no type: it might have been that one."""
    scores = np.empty((measured.known.customers, len(axis.types)))
    score(measured.table, measured.kind, _signals(axis, measured.written, measured.frozen), scores)
    scores -= scores.mean(axis=1, keepdims=True)
    weights = np.exp(axis.sharpness * scores)  # scores lie within 1 of zero
    soft = weights / weights.sum(axis=1, keepdims=True)
    known = ~np.isnan(soft).any(axis=1)
    there = np.where(known[:, None], soft, 0.0)
    place = np.where(known, there.argmax(axis=1), NOT_KNOWN)
    clear = known & (there.max(axis=1) >= axis.clear_from)
    return Membership(soft, explained(place, "everyone", axis.measures, measured), clear)


class Signals(NamedTuple):
    """The signals of all types, those of one side by side from begins[type] on: the row of the measures, and
    whether it speaks against the type; edges: the values that ranks are read off, by kind, `steps` of them,
    shape (signals, kinds, RANK_STEPS)."""

    begins: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    is_against: npt.NDArray[np.bool_]
    edges: Floats
    steps: npt.NDArray[np.int64]


@once
def _signals(axis: Behaviour, by: Written, frozen: Frozen) -> Signals:
    signals = [signal for each in axis.types for signal in each.signals]
    edges = np.zeros((len(signals), len(KINDS), RANK_STEPS))
    steps = np.zeros((len(signals), len(KINDS)), np.int64)
    for k, signal in enumerate(signals):
        for place, name in enumerate(KINDS):
            own = frozen.ranks.get(signal.measure, {}).get(name, ())
            edges[k, place, : len(own)], steps[k, place] = own, len(own)
    return Signals(
        np.cumsum([0, *(len(each.signals) for each in axis.types)]).astype(np.int64),
        np.array([by.place[signal.measure] for signal in signals], np.int64),
        np.array([signal.direction == "low" for signal in signals], np.bool_),
        edges,
        steps,
    )


@compiled
def rank_of(value: Any, edges: Any) -> Any:
    """Where a value lies among those frozen, from 0 to 1 (0.5 is the middle); equal values share their rank.
    nan where either is not known."""
    if np.isnan(value) or not len(edges):
        return np.nan
    reached = 0
    for edge in edges:
        reached += int(edge < value) + int(edge <= value)
    return reached / (2 * len(edges))


@compiled
def score(table: Any, kind: Any, signals: Any, scores: Any) -> None:
    """Fill scores, shape (customers, types): the mean rank of the signals that are known, from 0 to 1, nan
    where none is. table: measures, shape (names, customers); kind: places of kinds, below 0 for who has
    none."""
    customers, types = scores.shape
    for row in range(customers):
        for each in range(types):
            known, total = 0, 0.0
            for k in range(signals.begins[each], signals.begins[each + 1]):
                steps = signals.steps[k, kind[row]] if kind[row] >= 0 else 0
                rank = rank_of(table[signals.row[k], row], signals.edges[k, kind[row], :steps])
                if np.isnan(rank):
                    continue
                total += 1 - rank if signals.is_against[k] else rank
                known += 1
            scores[row, each] = total / known if known else np.nan
