"""Whether promises hold in every part of the base: the mean promise of a segment against what happened."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]


class Segment(NamedTuple):
    """One part of the base. promised, happened: mean probability and share that left; error: the standard
    error of their distance, by customer."""

    name: str
    customers: int
    promised: float
    happened: float
    error: float

    @property
    def gap(self) -> float:
        return self.promised - self.happened


def judge_segments(
    predicted: Floats, happened: Floats, customer: Int64s, members: Mapping[str, Flags], least: int
) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    """The segments with at least so many customers, and the names of those with fewer.

    predicted, happened, customer: shape (rows,); members: by name, which rows belong, shape (rows,).
    """
    found, small = [], []
    for name, rows in members.items():
        size = len(np.unique(customer[rows]))
        if size < least:
            small.append(f"{name} ({size})")
            continue
        off = predicted[rows] - happened[rows]
        found.append(
            Segment(
                name,
                size,
                float(predicted[rows].mean()),
                float(happened[rows].mean()),
                clustered_error(off - off.mean(), customer[rows]),
            )
        )
    return tuple(found), tuple(small)


def clustered_error(influence: Floats, customer: Int64s) -> float:
    """The standard error of a mean whose rows have these (centred) influences, when rows of one customer go
    together (Liang & Zeger 1986)."""
    own = np.bincount(np.unique(customer, return_inverse=True)[1], influence)
    return float(np.sqrt((own**2).sum()) / len(influence)) if len(influence) else float("nan")


def chance_of(figure: float, bound: float, error: float) -> float:
    """The chance of a figure this far above the bound if the truth is at the bound (one-sided, normal)."""
    if error <= 0 or not np.isfinite(error):
        return 0.0 if figure > bound else 1.0
    return float(norm.sf((figure - bound) / error))


def holm(chances: Sequence[float], level: float) -> list[bool]:
    """Which of many looks are surely beyond: with `level` as the chance that any of those within its bound
    is blamed, however they depend on each other (Holm 1979)."""
    blamed = [False] * len(chances)
    for rank, k in enumerate(np.argsort(chances, kind="stable")):
        if not chances[k] <= level / (len(chances) - rank):
            break
        blamed[k] = True
    return blamed
