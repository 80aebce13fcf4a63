"""How stable a segmentation is: whether the same customers get the same label again."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import comb

from decisions.freezing import freeze
from decisions.frozen import Frozen
from decisions.known import Known
from decisions.policy import Policy
from decisions.segment import Segments, segments

Stages = npt.NDArray[np.int8]


class Agreement(NamedTuple):
    """rand: adjusted Rand index, 1 for the same partition, 0 for what chance gives; changed: share of the
    customers labelled both times whose label differs; customers: how many those are."""

    rand: float
    changed: float
    customers: int


def agreement(one: npt.ArrayLike, other: npt.ArrayLike) -> Agreement:
    """Of two labellings of the same customers, shape (customers,); a negative label is none."""
    first, second = np.asarray(one), np.asarray(other)
    both = (first >= 0) & (second >= 0)
    first, second = first[both].astype(np.int64), second[both].astype(np.int64)
    if not len(first):
        return Agreement(float("nan"), float("nan"), 0)
    return Agreement(adjusted_rand(first, second), float((first != second).mean()), len(first))


def adjusted_rand(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> float:
    """Agreement on pairs of customers, corrected for chance (Hubert & Arabie 1985)."""
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1)
    together = float(comb(table, 2).sum())
    rows, columns = float(comb(table.sum(axis=1), 2).sum()), float(comb(table.sum(axis=0), 2).sum())
    expected = rows * columns / max(float(comb(len(one), 2)), 1.0)
    most = (rows + columns) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


class Stability(NamedTuple):
    """Of one segmentation. resampled: the mean over draws of the base with replacement, from each of which
    the statistics are taken anew; worst: the lowest Rand index of a draw; week: this week's labels against
    those of another moment, both held against the same frozen numbers."""

    name: str
    resampled: Agreement
    worst: float
    week: Agreement


def stability(
    policy: Policy,
    now: tuple[Known, Stages],
    before: tuple[Known, Stages],
    moment: int,
    *,
    draws: int = 10,
    seed: int = 7,
) -> tuple[Stability, ...]:
    """Of everything the policy gives labels by: schemes, the behaviour axis, the matrix.

    now, before: the same customers in the same order at two moments, with their life-cycle states.
    """
    frozen = freeze(policy, *now, moment)
    here, earlier = (
        _labels(policy, segments(policy, known, frozen, stage)) for known, stage in (now, before)
    )
    again: dict[str, list[Agreement]] = {name: [] for name in here}
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        known, stage = now
        rows = np.sort(rng.integers(known.customers, size=known.customers))
        other = _redrawn(policy, known, stage, rows, moment)
        for name, place in _labels(policy, segments(policy, known, other, stage)).items():
            again[name].append(agreement(here[name], place))
    return tuple(
        Stability(name, _mean(found), min(each.rand for each in found), agreement(earlier[name], here[name]))
        for name, found in again.items()
    )


def _redrawn(policy: Policy, known: Known, stage: Stages, rows: npt.NDArray[np.int64], moment: int) -> Frozen:
    return freeze(policy, known.take(rows), stage[rows], moment)


def _labels(policy: Policy, found: Segments) -> dict[str, npt.NDArray[np.int64]]:
    labels = {scheme.name: found.tiers[scheme.name].place.astype(np.int64) for scheme in policy.tiers}
    if found.behaviour is not None:
        labels["behaviour"] = found.behaviour.labels.place.astype(np.int64)
    if policy.life_cycle:
        labels["stage"] = found.stage.astype(np.int64)
    if policy.matrix:
        labels["cell"] = found.cell
    return labels


def _mean(found: list[Agreement]) -> Agreement:
    rand, changed = (float(np.mean([each[k] for each in found])) for k in (0, 1))
    return Agreement(rand, changed, found[0].customers)
