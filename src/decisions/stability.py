"""How stable a segmentation is: whether the same customers get the same label again."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import comb


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
