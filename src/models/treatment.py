"""How a protected group is treated beside everybody else: offers, what they are worth, leavers missed."""

from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from models.alike import beside
from models.segment import clustered_error

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
Measure = Literal["offered", "reward", "missed"]
MEASURES: tuple[Measure, ...] = get_args(Measure)


class Treatment(NamedTuple):
    """One group under one measure. figure, rest: of the group and of everybody else whose group is known;
    worse: how much worse the group fares, above 0 (offered, reward: the share by which it gets less; missed:
    points by which more of its leavers are missed); error: its standard error, by customer. change: how much
    `worse` grew from the champion's to the challenger's, with its error; None without a champion."""

    axis: str
    group: str
    measure: Measure
    customers: int
    figure: float
    rest: float
    worse: float
    error: float
    change: float | None = None
    change_error: float | None = None


class Fare(NamedTuple):
    """What a model does to customers; rows of nan are not asked about. Shape (rows,): offered: 0 or 1;
    reward: worth of the chosen offer to the customer, minor units; missed: of leavers, 0 or 1."""

    offered: Floats
    reward: Floats
    missed: Floats


def judge_treatments(
    ours: Fare,
    theirs: Fare | None,
    customer: Int64s,
    axes: dict[str, npt.NDArray[np.object_]],
    least: int,
) -> tuple[tuple[Treatment, ...], tuple[str, ...]]:
    """Every group of every axis under every measure, and what has too few customers to say.

    axes: name -> each row's group, None where it is not known, shape (rows,).
    """
    found, small = [], []
    for axis, labels in axes.items():
        known = np.array([each is not None for each in labels.tolist()], dtype=bool)
        groups = sorted(set(labels[known].tolist()))
        for group in groups if len(groups) > 1 else ():
            mine = labels == group
            for measure in MEASURES:
                figures = getattr(ours, measure)
                asked = known & ~np.isnan(figures)
                sizes = [len(np.unique(customer[asked & part])) for part in (mine, ~mine)]
                if not asked.any() or np.nansum(figures[asked]) == 0:
                    continue  # nobody gets an offer: nobody gets less of one
                if min(sizes) < least:
                    small.append(f"{axis} {group}, {measure} ({min(sizes)})")
                    continue
                other = getattr(theirs, measure)[asked] if theirs else None
                told = _compare(measure, figures[asked], other, mine[asked], customer[asked])
                found.append(Treatment(axis, str(group), measure, sizes[0], *told))
    return tuple(found), tuple(small)


def _compare(
    measure: Measure, ours: Floats, theirs: Floats | None, mine: Flags, customer: Int64s
) -> tuple[float, float, float, float, float | None, float | None]:
    figure, rest, worse, influence = _worse(measure, ours, mine)
    error = clustered_error(influence, customer)
    if theirs is None or not np.isfinite(theirs).all():
        return figure, rest, worse, error, None, None
    _, _, before, was = _worse(measure, theirs, mine)
    if not np.isfinite(before):
        return figure, rest, worse, error, None, None
    return figure, rest, worse, error, worse - before, clustered_error(influence - was, customer)


def _worse(measure: Measure, figures: Floats, mine: Flags) -> tuple[float, float, float, Floats]:
    """(of the group, of the rest, how much worse, influence of each row on that by the delta method)."""
    found = beside(figures, mine)
    a, b, own, others = found.group, found.rest, found.on_group, found.on_rest
    if measure == "missed":
        return a, b, a - b, own - others
    if b == 0:
        return a, b, float("nan") if a == 0 else float("-inf"), np.zeros(len(figures))
    return a, b, 1 - a / b, others * a / b**2 - own / b
