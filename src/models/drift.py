"""Drift: how many customers stand in which bin of each quantity, in one pass, and how far two counts differ.

A tally is a small array of whole numbers: tallies of parts added together are the tally of the whole, to the
last digit, in whatever order and however the customers were divided.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from tables.compiled import compiled

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
MOST_BINS = 10
# A value that many customers share (0 orders, say) is a bin of its own: no quantile can divide it.
HEAVY = 1 / MOST_BINS
# Added to each bin's share, so that one empty bin does not make the index infinite. A share, not a count: the
# same shares then give the same index whether they come of a thousand customers or of millions.
SMOOTHING = 1e-4


@dataclass(frozen=True)
class Bins:
    """Where the bins of each quantity end: bin k holds the values in (edges[k-1], edges[k]], the last but one
    those beyond every edge, the last those that are missing. edges: rising, padded with inf, shape
    (quantities, width)."""

    names: tuple[str, ...]
    edges: Floats

    def tally(self) -> "Tally":
        quantities, width = self.edges.shape
        return Tally(self, np.zeros((quantities, width + 2), np.int64))

    def select(self, names: tuple[str, ...]) -> "Bins":
        return Bins(names, self.edges[[self.names.index(name) for name in names]])


@dataclass(frozen=True)
class Tally:
    """counts: customers in each bin, shape (quantities, width + 2)."""

    bins: Bins
    counts: Counts

    def add(self, values: Floats) -> None:
        """Count some customers, in place; values: shape (customers, quantities), in the bins' columns."""
        if values.shape[1] != len(self.bins.names):
            raise ValueError(f"expected {len(self.bins.names)} columns, came {values.shape[1]}")
        _count(np.ascontiguousarray(values, np.float64), self.bins.edges, self.counts)

    def __add__(self, other: "Tally") -> "Tally":
        if self.bins.names != other.bins.names or not np.array_equal(self.bins.edges, other.bins.edges):
            raise ValueError("tallies of other bins cannot be added")
        return Tally(self.bins, self.counts + other.counts)

    def of(self, name: str) -> Counts:
        """One quantity's bins, without the padding: those of values, in order, then the missing."""
        k = self.bins.names.index(name)
        inner = int(np.isfinite(self.bins.edges[k]).sum())
        return np.append(self.counts[k, : inner + 1], self.counts[k, -1])

    def as_json(self) -> dict[str, Any]:
        """Names, edges and counts as lists, in the order of the columns, without the padding."""
        finite = [edges[np.isfinite(edges)].tolist() for edges in self.bins.edges]
        counts = [self.of(name).tolist() for name in self.bins.names]
        return {"names": list(self.bins.names), "edges": finite, "counts": counts}

    @staticmethod
    def from_json(said: dict[str, Any]) -> "Tally":
        """ValueError when counts and edges do not belong together."""
        tally = padded(
            tuple(said["names"]), [np.asarray(edges, np.float64) for edges in said["edges"]]
        ).tally()
        for k, counts in enumerate(said["counts"]):
            if len(counts) != len(said["edges"][k]) + 2:
                raise ValueError(f"{said['names'][k]}: {len(counts)} counts do not fit its bins")
            tally.counts[k, : len(counts) - 1] = counts[:-1]
            tally.counts[k, -1] = counts[-1]
        return tally


def bins_of(names: tuple[str, ...], values: Floats) -> Bins:
    """Bins of the training data; values: shape (customers, quantities)."""
    return padded(names, [edges_of(values[:, k]) for k in range(len(names))])


def edges_of(column: Floats) -> Floats:
    """At most ten bins of about as many customers each; a value that a tenth of them share is one alone."""
    known = column[np.isfinite(column)]
    if len(known) == 0:
        return np.empty(0)
    distinct, counts = np.unique(known, return_counts=True)
    heavy = distinct[counts >= HEAVY * len(known)]
    rest = known[~np.isin(known, heavy)]
    parts = MOST_BINS - len(heavy)
    inner = np.empty(0)
    if len(rest) and parts > 1:
        inner = np.quantile(rest, np.arange(1, parts) / parts, method="lower")
        inner = inner[inner < rest.max()]
    # Two edges around a heavy value leave it alone between them.
    return np.unique(np.concatenate([inner, _just_below(heavy), heavy]))


def _just_below(values: Floats) -> Floats:
    below = np.nextafter(values, -np.inf)
    # Below 0 comes a number so small that some libraries make the processor take it for 0.
    return np.where(values == 0, -np.finfo(np.float64).tiny, below)


def padded(names: tuple[str, ...], edges: list[Floats]) -> Bins:
    """Bins of edges of any number each."""
    width = max((len(each) for each in edges), default=0)
    whole = np.full((len(names), width), np.inf)
    for k, each in enumerate(edges):
        whole[k, : len(each)] = each
    return Bins(names, whole)


@compiled
def _count(values: Any, edges: Any, counts: Any) -> None:
    # Edges below a value are counted rather than searched for: without branches a vector unit can do it.
    quantities, width = edges.shape
    for i in range(len(values)):
        for k in range(quantities):
            value = values[i, k]
            place = 0
            for e in range(width):
                place += value > edges[k, e]
            counts[k, width + 1 if np.isnan(value) else place] += 1


def shares(counts: npt.ArrayLike) -> Floats:
    """Of all customers, the share in each bin; nan for nobody."""
    counts = np.asarray(counts, np.float64)
    return counts / counts.sum() if counts.sum() > 0 else np.full(len(counts), np.nan)


def psi(before: npt.ArrayLike, now: npt.ArrayLike) -> float:
    """Population stability index: 0 for equal shares, the same both ways. From 0.1 it is called noticeable,
    from 0.25 large (Siddiqi 2006, Credit Risk Scorecards). The missing are a bin like any other."""
    p, q = (each + SMOOTHING for each in (shares(before), shares(now)))
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())


def moved(before: npt.ArrayLike, now: npt.ArrayLike, training: npt.ArrayLike) -> float:
    """How far customers moved among the customers of training, as a share of all of them (0 to 1); the
    missing apart, nan where all are.

    The Wasserstein-1 distance on training's mid-ranks: unlike an index over bins it knows which bins are
    neighbours, and unlike a distance in the quantity's own unit it is comparable among quantities.
    """
    p, q, rank = (shares(np.asarray(each)[:-1]) for each in (before, now, training))
    middle = np.cumsum(rank) - rank / 2
    return float((np.abs(np.cumsum(p - q))[:-1] * np.diff(middle)).sum())


def rose(before: npt.ArrayLike, now: npt.ArrayLike, training: npt.ArrayLike) -> float:
    """The mean rank among the customers of training, now less before: above 0, values rose."""
    p, q, rank = (shares(np.asarray(each)[:-1]) for each in (before, now, training))
    return float(((q - p) * (np.cumsum(rank) - rank / 2)).sum())


def by_chance(before: npt.ArrayLike, now: npt.ArrayLike, quantities: int) -> float:
    """The index that independent customers of one population would exceed in any of `quantities` once in a
    hundred weeks: asymptotically chi-squared (Yurdakul 2018).

    It is large for small bases only. With millions of customers everything is significant, and what counts
    is a bound on the size of the drift.
    """
    a, b = np.asarray(before, np.float64), np.asarray(now, np.float64)
    if min(a.sum(), b.sum()) == 0:
        return float("nan")
    used = int(((a + b) > 0).sum())
    quantile = chi2.isf(0.01 / max(quantities, 1), max(used - 1, 1))
    return float(quantile * (1 / a.sum() + 1 / b.sum()))
