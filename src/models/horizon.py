"""Churn at several horizons that never cross: a product of conditional probabilities (decision 10).

From the question's horizon outwards: silence through a longer horizon is silence through the one before it
and then through the rest; silence through a shorter one is that, or silence there among those who do buy
later. Each step has a small model and a calibration of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.frame import Frame
from models.promise import Promise, learn_promise
from tables.moment import DAY

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
# What is left to say beside the question's own model is little: few small trees on the facts that this model
# leans on, so that the weekly run hardly notices them.
PARAMETERS = {
    "num_leaves": 8,
    "max_depth": 4,
    "min_data_in_leaf": 100,
    "learning_rate": 0.25,
    "feature_fraction": 0.5,
}
TREES = 20
FACTS = 40
SEED = 10
MOST_ROWS = 30_000
LEAST_MOMENTS = 3
LEAST_OUTCOMES = 50


class Step(NamedTuple):
    """From one horizon to the next one outwards. A longer one: the probability to stay silent through `days`
    of those silent through `given`; a shorter one: of those who are not silent through `given`."""

    days: int
    given: int
    promise: Promise


@dataclass(frozen=True)
class Horizons:
    """own: the question's horizon in days; names: the facts that the steps' models know, in their order;
    steps: outwards from our own, each from one that stands before it."""

    own: int
    names: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def days(self) -> tuple[int, ...]:
        """The horizons foretold, rising."""
        return tuple(sorted((self.own, *(step.days for step in self.steps))))

    def __call__(self, churn: Floats, values: Floats, t: npt.NDArray[np.int64] | int) -> Floats:
        """Probabilities to stay silent through each of `days`, never rising with the horizon; shape
        (customers, horizons). churn: through our own; values: in columns as in `names`."""
        known = {self.own: churn}
        for step in self.steps:
            part, given = step.promise(values, t), known[step.given]
            # In this order rounding cannot let them cross: a part of a sum or product is never beyond it.
            known[step.days] = (
                given * part if step.days > step.given else np.minimum(given + (1 - given) * part, 1.0)
            )
        return np.column_stack([known[days] for days in self.days])

    def upto(self, wanted: frozenset[int]) -> "Horizons":
        """With the steps to the horizons wanted, as far as none before them is missing."""
        known, steps = {self.own}, []
        for step in self.steps:
            if step.given in known and step.days in wanted:
                known.add(step.days)
                steps.append(step)
        return Horizons(self.own, self.names, tuple(steps))


class Untold(NamedTuple):
    """A horizon that is left out, and why."""

    days: int
    why: str


def chain(own: int, horizons: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """(days, given) outwards from our own horizon: the longer ones, then the shorter ones."""
    longer = sorted(days for days in horizons if days > own)
    shorter = sorted((days for days in horizons if days < own), reverse=True)
    return tuple((days, given) for part in (longer, shorter) for given, days in pairwise((own, *part)))


def leant_on(booster: lgb.Booster) -> tuple[str, ...]:
    """The FACTS facts of the question's own model with the largest gain, in their order."""
    gain = booster.feature_importance("gain")
    most = np.sort(np.argsort(-gain, kind="stable")[:FACTS])
    return tuple(booster.feature_name()[k] for k in most)


def learn_horizons(
    frame: Frame, own: int, known_by: int, horizons: tuple[int, ...], names: tuple[str, ...]
) -> tuple[Horizons, tuple[Untold, ...]]:
    """Learn the facts named from rows whose labels were known by then (microseconds).

    Returns the steps learnt, and what was left out for want of labels; what lies beyond what is left out is
    left out with it.
    """
    labels = {**frame.silent, own: frame.churned}
    steps: list[Step] = []
    untold: dict[int, Untold] = {}
    for days, given in chain(own, horizons):
        if given in untold:
            untold[days] = Untold(days, f"the horizon of {given} days is left out")
            continue
        asked = _asked(frame, labels, days, given) & (
            frame.facts.moments + max(days, given) * DAY <= known_by
        )
        if why := _too_little(frame, labels.get(days), asked):
            untold[days] = Untold(days, why)
            continue
        few = frame.rows(_thinned(asked))
        few = replace(few, facts=few.facts.only(names))
        label = few.silent[days]
        promise = learn_promise(few, label, parameters=PARAMETERS, trees=TREES)
        steps.append(Step(days, given, promise))
    return Horizons(own, names, tuple(steps)), tuple(untold.values())


def _asked(frame: Frame, labels: Mapping[int, Floats], days: int, given: int) -> Flags:
    """The rows that the step is about: silent through `given` for a longer horizon, else not."""
    if days not in labels:
        return np.zeros(len(frame), dtype=bool)
    among = labels[given] == (1.0 if days > given else 0.0)
    return np.asarray(among & ~np.isnan(labels[days]))


def _thinned(asked: Flags) -> Flags:
    """At most MOST_ROWS of the rows asked for, drawn, the same in every run."""
    most = MOST_ROWS / max(MOST_ROWS, int(asked.sum()))
    lots = np.random.default_rng(SEED).random(len(asked))
    return np.asarray(asked & (lots < most))


def _too_little(frame: Frame, label: Floats | None, asked: Flags) -> str:
    moments = len(np.unique(frame.facts.moments[asked]))
    if label is None or moments < LEAST_MOMENTS:
        return f"its answer is known at {moments} moments; {LEAST_MOMENTS} are needed: more history helps"
    silent = int(label[asked].sum())
    fewest = min(silent, int(asked.sum()) - silent)
    if fewest < LEAST_OUTCOMES:
        return f"one of its two answers was given by {fewest} customers; {LEAST_OUTCOMES} are needed"
    return ""
