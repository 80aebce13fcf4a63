"""Whether a scheme's tiers leave gaps or overlap: tried at every threshold and between them."""

from collections.abc import Iterator
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from decisions.measure import LeadingShare, Quantile, Range, Statistic
from decisions.tier import TierScheme

MOST_CELLS = 20_000


class Fault(NamedTuple):
    """Where no tier holds (`tiers` empty) or several do: words for the place, and which tiers."""

    tiers: tuple[int, ...]
    place: str


class Uncovered(ValueError):
    """The tiers cannot be compared before they are frozen; the message says why."""


def faults(scheme: TierScheme) -> list[Fault]:
    """Every kind of place where not exactly one tier holds, once for each set of tiers.

    Raises Uncovered where one measure is held against numbers and statistics, whose order is not known yet.
    """
    edges = {name: _edges(scheme, name) for name in scheme.measures}
    if np.prod([2.0 * len(each) + 1 for each in edges.values()]) > MOST_CELLS:
        raise Uncovered("too many thresholds to try all combinations")
    found: dict[tuple[int, ...], str] = {}
    # Place 2k + 1 is the k-th edge itself, 2k what lies below it and above the one before.
    for places in product(*(range(2 * len(each) + 1) for each in edges.values())):
        at = dict(zip(edges, places, strict=True))
        holding = tuple(
            k
            for k, tier in enumerate(scheme.tiers)
            if all(_holds(limits, at[name], edges[name]) for name, limits in tier.when.items())
        )
        if len(holding) != 1 and holding not in found:
            found[holding] = ", ".join(_words(name, at[name], edges[name]) for name in edges)
    return [Fault(*each) for each in found.items()]


def _edges(scheme: TierScheme, name: str) -> list[float | Statistic]:
    limits = [each for tier in scheme.tiers if name in tier.when for each in tier.when[name].thresholds]
    kinds = {type(each) if isinstance(each, Quantile | LeadingShare) else float for each in limits}
    if len(kinds) > 1:
        raise Uncovered(f"{name} is held against numbers and statistics of the base, or two kinds of them")
    return sorted(dict.fromkeys(limits), key=_order)


def _order(threshold: float | Statistic) -> float:
    """Larger quantiles are larger values; larger leading shares are smaller ones."""
    if isinstance(threshold, Quantile):
        return threshold.quantile
    return -threshold.leading_share if isinstance(threshold, LeadingShare) else float(threshold)


def _holds(limits: Range, place: int, edges: list[float | Statistic]) -> bool:
    low, high = limits.low, limits.below
    if low is not None:
        edge = 2 * edges.index(low) + 1
        if place < edge or (limits.above is not None and place == edge):
            return False
    return high is None or place < 2 * edges.index(high) + 1


def _words(name: str, place: int, edges: list[float | Statistic]) -> str:
    said = [said_of(each) for each in edges]
    edge = place // 2
    if place % 2:
        return f"{name} = {said[edge]}"
    if not edges:
        return name
    if edge == 0:
        return f"{name} < {said[0]}"
    if edge == len(edges):
        return f"{name} > {said[-1]}"
    return f"{said[edge - 1]} < {name} < {said[edge]}"


def said_of(threshold: float | Statistic) -> str:
    return threshold.word if isinstance(threshold, Quantile | LeadingShare) else f"{threshold:,.15g}"


def samples(scheme: TierScheme, others: list[float]) -> Iterator[tuple[float, int]]:
    """Values of a scheme's one measure, rising, at its thresholds, at `others` and between them, each with
    the place of its tier; nothing where thresholds are statistics, or tiers leave a gap there."""
    name = scheme.measure
    edges = _edges(scheme, name) if name else []
    numbers = sorted({*others, *(float(each) for each in edges if isinstance(each, int | float))})
    if not name or any(not isinstance(each, int | float) for each in edges) or not numbers:
        return
    between = [(a + b) / 2 for a, b in pairwise(numbers)]
    for value in sorted([numbers[0] - 1, *numbers, *between, numbers[-1] + 1]):
        for k, tier in enumerate(scheme.tiers):
            if within(tier.when[name], value):
                yield value, k
                break


def within(limits: Range, value: float) -> bool:
    """Whether a value lies in a range of numbers."""
    low, high = limits.low, limits.below
    assert not isinstance(low, Quantile | LeadingShare)
    assert not isinstance(high, Quantile | LeadingShare)
    above = low is None or (value >= low if limits.at_least is not None else value > low)
    return above and (high is None or value < high)
