"""Two groups of customers held beside each other as if both were made of the same kinds of customers."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]


class Beside(NamedTuple):
    """group, rest, all: means, each weighted to everybody's mix of kinds (direct standardisation); the
    others: influence of each row on them, by the delta method, with the mix as given; shape (rows,)."""

    group: float
    rest: float
    all: float
    on_group: Floats
    on_rest: Floats
    on_all: Floats


def beside(figures: Floats, mine: Flags, kind: Int64s | None = None) -> Beside:
    """figures, mine: shape (rows,); kind: numbers from 0 of what customers are alike in, without it all are.
    Of every kind both the group and the rest must have somebody (`common`)."""
    like = np.zeros(len(figures), np.int64) if kind is None else kind
    found = [_weighted(figures, part, like) for part in (mine, ~mine, np.ones(len(figures), dtype=bool))]
    means, influences = zip(*found, strict=True)
    return Beside(*means, *influences)


def common(mine: Flags, rest: Flags, kind: Int64s, least: int) -> Flags:
    """The rows of kinds of which the group and the rest have at least so many rows each."""
    kinds = int(kind.max(initial=-1)) + 1
    enough = np.minimum(np.bincount(kind[mine], minlength=kinds), np.bincount(kind[rest], minlength=kinds))
    return (mine | rest) & (enough >= least)[kind]


def bands(figures: Floats, count: int) -> Int64s:
    """The band of each figure, of so many with as many rows in each; of equal figures the same band."""
    edges = np.quantile(figures, np.arange(1, count) / count) if len(figures) else np.empty(0)
    return np.searchsorted(edges, figures, side="right").astype(np.int64)


def _weighted(figures: Floats, part: Flags, kind: Int64s) -> tuple[float, Floats]:
    kinds = int(kind.max(initial=0)) + 1
    there = np.bincount(kind[part], minlength=kinds)
    everybody = np.bincount(kind, minlength=kinds)
    mean = np.bincount(kind[part], figures[part], minlength=kinds) / np.maximum(there, 1)
    weight = everybody / np.maximum(there, 1)
    off = np.where(part, (figures - mean[kind]) * weight[kind], 0.0)
    return float((mean * everybody).sum() / len(figures)), off
