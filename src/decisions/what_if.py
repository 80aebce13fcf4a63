"""What if a limit were wider or narrower: value against the scale of bounds, and one more unit's worth."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.arbitration import Block
from decisions.limit import Limits, Terms
from decisions.solver import Solution, solve
from features.reader import Progress
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]


class Point(NamedTuple):
    """What the choice is worth (value, minor units) with bounds `scale` times as wide, what no choice would
    exceed (bound), and what one more unit of each limit would then be worth (prices, (L,))."""

    scale: float
    value: float
    bound: float
    prices: Floats


def curve(
    parts: Sequence[Block],
    terms: Terms,
    limits: Limits,
    minimum: float,
    scales: Sequence[float],
    *,
    names: Sequence[str] = (),
    threads: int = 1,
    progress: Progress | None = None,
) -> tuple[Point, ...]:
    """Solved anew at every scale, from the prices of the scale before.

    names: the limits that are scaled; none named: all that forbid something (what is asked for at least, a
    bound of 0 or below, stays). Refused: a name that is no limit's, a scale below 0, limits that cannot be
    kept at a scale.
    """
    for name in names:
        if name not in limits.names:
            raise Refused(f"There is no limit {name!r} to scale; there is {', '.join(limits.names)}")
    if unfit := [scale for scale in scales if not (np.isfinite(scale) and scale >= 0)]:
        raise Refused(f"A limit's bound can be scaled by 0 or more, came {unfit[0]}")
    scaled = np.isin(limits.names, names) if names else limits.bounds > 0
    points: list[Point] = []
    for scale in scales:
        begin = points[-1].prices if points else None
        wider = limits.scaled(np.where(scaled, scale, 1.0))
        found = solve(parts, terms, wider, minimum, begin=begin, threads=threads)
        points.append(Point(scale, found.value, found.bound, found.prices))
        if progress:
            progress(len(points), len(scales))
    return tuple(points)


def worth_of_one_more(limits: Limits, solution: Solution) -> dict[str, float]:
    """Minor units of net value that one more unit of each limit brings (of money: one minor unit), the
    dearest first. It holds for small changes: as many units as a few customers take."""
    order = np.argsort(-solution.prices, kind="stable")
    return {limits.names[k]: float(solution.prices[k]) for k in order.tolist()}
