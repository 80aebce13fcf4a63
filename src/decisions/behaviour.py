"""The behaviour axis: how much a customer is of each type, by where their signals lie among everybody's.

A signal is turned into its rank among customers of the same kind (frozen with the policy), so that a share
and a count weigh the same. A type's score is the mean rank of its signals less that of all types, so that
who does more of everything is not of every type; memberships are the softmax of the scores, and sum to 1.
"""

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from decisions.frozen import KINDS, rank_of
from decisions.known import Floats, Measured
from decisions.setting import Misplaced, Named, Part
from decisions.tier import NOT_KNOWN, Labels, explained


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
    scores = np.stack([_score(each, measured) for each in axis.types], axis=1)
    scores -= scores.mean(axis=1, keepdims=True)
    weights = np.exp(axis.sharpness * scores)  # scores lie within 1 of zero
    soft = weights / weights.sum(axis=1, keepdims=True)
    known = ~np.isnan(soft).any(axis=1)
    place = np.where(known, np.nan_to_num(soft).argmax(axis=1), NOT_KNOWN)
    clear = known & (np.nan_to_num(soft).max(axis=1) >= axis.clear_from)
    return Membership(soft, explained(place, "everyone", axis.measures, measured), clear)


def _score(kind: Kind, measured: Measured) -> Floats:
    """Mean rank of the signals that are known, from 0 to 1; nan where none is."""
    ranks = np.stack([_rank(signal, measured) for signal in kind.signals])
    count = (~np.isnan(ranks)).sum(axis=0)
    # Added one after the other: NumPy adds eight or more in another order for one customer than for many.
    total = sum(np.where(np.isnan(ranks), 0.0, ranks), np.zeros(ranks.shape[1]))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _rank(signal: Signal, measured: Measured) -> Floats:
    value, kind = measured(signal.measure), measured.kind
    frozen = measured.frozen.ranks.get(signal.measure, {})
    rank = np.full(len(value), np.nan)
    for place, name in enumerate(KINDS):
        own = kind == place
        if own.any():
            rank[own] = rank_of(value[own], frozen.get(name, ()))
    return 1 - rank if signal.direction == "low" else rank
