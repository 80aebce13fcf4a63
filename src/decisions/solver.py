"""The weekly choice under all limits: a multiple-choice knapsack, solved through its dual.

Prices are found on a small sample, then on a larger one, then on everybody, each time by Newton's method on a
dual that is less and less smoothed (decisions.dual). The soft choice at the last prices is rounded to one
option a customer, brought within every limit, and what is left is used (decisions.repair). The dual at the
prices bounds the value of every choice within the limits, whole or in parts, so the gap is no estimate.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from decisions.arbitration import Block, Choice
from decisions.dual import MOST, Problem, Soft, problem_of, rounded, soft, taken
from decisions.limit import Limits, Terms, checked
from decisions.repair import entries_of, repair, weights_of
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
# Prices are found on so many customers first, then on everybody, who begin where those before ended.
SAMPLES = (4_096, 65_536)
# Softness as a share of the mean worth of a customer's best option at no prices, from the first to the last
# that may be of use; where the samples, and everybody beyond them, begin. What a sample is wrong
# by must be within reach of the softness that the next group begins with.
SOFTNESS = (0.1, 0.03, 0.01, 0.003, 0.001)
BEGINNING = (0, 1, 2)
# Of the dual: everybody, more than the samples hold, need no sharper choice than one that lacks so little.
ENOUGH = 5e-4
STEPS = 15
LEAST_DAMPING, FIRST_RAISE, RAISE, MOST_DAMPING = 1e-6, 1e-2, 10, 1e6
# What a step must promise, as a share of the dual; below it the prices are good enough.
WORTH_A_STEP = 5e-6
# Worth given up for one change, as shares of the same mean: the cheapest changes first, at last any.
LOSSES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
LAST_ROUNDS, HEAVIER = 30, 5.0
# A round that gains less, as a share of the value, is the last.
WORTH_A_ROUND = 1e-5


class Solution(NamedTuple):
    """prices: minor units that one more unit of each limit is worth, (L,); value: net value of the choice;
    bound: what no choice within the limits exceeds; gap: the share of the bound that value lacks; usage: what
    the choice takes of each limit, (L,); choices: one a block."""

    prices: Floats
    value: float
    bound: float
    gap: float
    usage: Floats
    choices: tuple[Choice, ...]


def solve(
    parts: Sequence[Block],
    terms: Terms,
    limits: Limits,
    minimum: float,
    *,
    begin: Floats | None = None,
    threads: int = 1,
) -> Solution:
    """The choice within all limits whose net value is nearly the highest.

    begin: prices to begin with, as of last week or of other bounds; of no use, they are not used. Refused:
    limits that the choice found cannot keep, by name and how much is over; shapes that do not fit.
    """
    problem, choices = _begun(parts, terms, limits, minimum, threads)
    prices = np.zeros(len(limits.names))
    if not problem.customers or not terms.contact_cost.size:
        return _empty(problem, prices, choices)
    sample, unit = _sample(problem)
    known = begin is not None and soft(sample, np.asarray(begin, np.float64), unit).bound < _at_none(sample)
    prices, softness = _prices(problem, np.array(begin, np.float64) if known else prices, unit, known)
    return _settled(problem, prices, softness, unit, choices)


def settle(
    parts: Sequence[Block],
    terms: Terms,
    limits: Limits,
    minimum: float,
    prices: Floats,
    *,
    threads: int = 1,
) -> Solution:
    """The choice within all limits at prices that are known, rounded and mended as `solve` does it."""
    problem, choices = _begun(parts, terms, limits, minimum, threads)
    if not problem.customers or not terms.contact_cost.size:
        return _empty(problem, prices, choices)
    unit = _sample(problem)[1]
    return _settled(problem, prices, SOFTNESS[-1] * unit, unit, choices)


def _begun(
    parts: Sequence[Block], terms: Terms, limits: Limits, minimum: float, threads: int
) -> tuple[Problem, tuple[Choice, ...]]:
    _fit(parts, terms)
    problem = problem_of(parts, terms, checked(limits, terms), float(minimum), threads)
    return problem, tuple(Choice.of_nothing(len(part.uplift)) for part in parts)


def _empty(problem: Problem, prices: Floats, choices: tuple[Choice, ...]) -> Solution:
    """Where there is nobody, or nothing, to choose for."""
    usage = np.zeros(len(prices))
    _refuse_broken(problem.limits, usage)
    return Solution(prices, 0.0, 0.0, 0.0, usage, choices)


def _sample(problem: Problem) -> tuple[Problem, float]:
    """Some customers, and the unit that softness is measured in."""
    sample = problem.sample(SAMPLES[0])
    return sample, _unit(_at_none(sample) / sample.customers, problem.customers)


def _at_none(sample: Problem) -> float:
    return soft(sample, np.zeros(len(sample.limits.names)), 1.0).bound


def _settled(
    problem: Problem, prices: Floats, softness: float, unit: float, choices: tuple[Choice, ...]
) -> Solution:
    rounded(problem, prices, softness, choices)
    bound = soft(problem, prices, softness).bound
    _mend(problem, prices, choices, unit, bound)
    usage, value = taken(problem, choices)
    return Solution(prices, value, bound, (bound - value) / bound if bound > 0 else 0.0, usage, choices)


def _fit(parts: Sequence[Block], terms: Terms) -> None:
    offers, channels = terms.contact_cost.shape
    if terms.redemption_cost.shape != (offers,):
        raise Refused(f"Terms: redemption_cost has shape {terms.redemption_cost.shape}, expected ({offers},)")
    if channels > 8:
        raise Refused(f"Terms: {channels} channels, but `allowed` has 8 bits")
    for number, part in enumerate(parts):
        expected = (len(part.uplift), offers)
        for name, each in zip(Block._fields, part, strict=True):
            if each.shape != expected:
                raise Refused(f"Block {number}: {name} has shape {each.shape}, expected {expected}")
        if part.allowed.dtype != np.uint8:
            raise Refused(f"Block {number}: allowed is {part.allowed.dtype}, expected uint8")


def _unit(mean: float, customers: int) -> float:
    """The mean worth of a customer's best option at no prices, minor units; Refused where sums of it are not
    exact."""
    if mean * customers >= MOST:
        said = f"uplifts are worth {mean:,.0f} minor units a customer, of {customers:,} customers"
        raise Refused(f"The choice: {said}; sums of {MOST:,.0f} and more are not exact. Use a larger unit")
    return mean if mean > 0 else 1.0


def _prices(problem: Problem, prices: Floats, unit: float, known: bool) -> tuple[Floats, float]:
    """The prices and the softness whose soft choice is nearest to the best one.

    known: whether `prices` are near already, and must not be softened away.
    """
    sizes = (*(size for size in SAMPLES if size < problem.customers), problem.customers)
    softness = 0.0
    for stage, size in enumerate(sizes):
        some = problem.sample(size)
        least, best = np.inf, prices
        for share in SOFTNESS[BEGINNING[max(stage, 1) if known else stage] :]:
            prices, here = _descend(some, prices, share * unit)
            lacks = _lacking(some, prices, here)
            if lacks < least:
                least, best, softness = lacks, prices, share * unit
            if stage == len(SAMPLES) and least <= ENOUGH * here.bound:
                break
        prices = best
    return prices, softness


def _lacking(problem: Problem, prices: Floats, here: Soft) -> float:
    """About what the soft choice lacks of the dual: by being soft, and by limits that have a price and are
    not used to the full, or over it."""
    return here.value - here.bound + float(prices @ np.abs(problem.limits.bounds - here.usage))


def _descend(problem: Problem, prices: Floats, softness: float) -> tuple[Floats, Soft]:
    """Newton's method on the smoothed dual, prices kept at or above 0; damped (Levenberg) as far as its
    parabola misleads."""
    here = soft(problem, prices, softness, curved=True)
    damping = LEAST_DAMPING
    for _ in range(STEPS):
        slope = problem.limits.bounds - here.usage
        moved = _step(slope, here, prices, damping)
        promised = float(slope @ (prices - moved))
        if not promised > WORTH_A_STEP * abs(here.value) and damping <= FIRST_RAISE:
            break
        there = soft(problem, moved, softness, curved=True)
        kept = (here.value - there.value) / promised
        if kept > 0:
            prices, here = moved, there
        if kept < 0.1:
            damping = max(damping * RAISE, FIRST_RAISE)
        elif kept > 0.3:
            damping = max(damping / 10, LEAST_DAMPING)
        if damping > MOST_DAMPING:
            break
    return prices, here


def _step(slope: Floats, here: Soft, prices: Floats, damping: float) -> Floats:
    """Where the parabola with the dual's slope and curvature is lowest among prices of at least 0.

    Each price is measured in units of its own curvature; where there is none (nobody is near), by its slope.
    """
    assert here.curvature is not None
    bend = np.diag(here.curvature)
    unit = 1 / np.sqrt(np.where(bend > 0, bend, np.where(slope == 0, 1.0, np.abs(slope))))
    curvature = here.curvature * unit * unit[:, None]
    values, vectors = np.linalg.eigh(curvature)
    root = np.sqrt(np.maximum(values, 0.0) + damping)
    aim = (vectors * root).T @ (prices / unit) - (vectors / root).T @ (slope * unit)
    return np.asarray(nnls((vectors * root).T, aim, maxiter=30 * len(slope))[0]) * unit


def _mend(problem: Problem, prices: Floats, choices: Sequence[Choice], unit: float, bound: float) -> None:
    """Change `choices` until no limit is broken, and then while that gains (or, where customers are many,
    until little is lacking); Refused if a limit stays broken.

    A limit that stays broken where any change is allowed weighs more from round to round, so that others give
    way for a while.
    """
    entries, weights, room = entries_of(problem), weights_of(problem), problem.limits.room()
    before = taken(problem, choices)
    for loss in (*(share * unit for share in LOSSES), *[np.inf] * LAST_ROUNDS):
        changes = repair(problem, prices, choices, before.usage.copy(), entries, weights, loss)
        after = taken(problem, choices)
        broken = after.usage > room
        gained = after.value - before.value
        if not broken.any() and (before.usage <= room).all():
            enough = gained <= WORTH_A_ROUND * bound and after.value >= (1 - ENOUGH) * bound
            enough = enough and problem.customers > SAMPLES[-1]
            if enough or (loss == np.inf and not changes):
                break
        if loss == np.inf:
            weights = np.where(broken, HEAVIER * weights, weights)
        before = after
    _refuse_broken(problem.limits, taken(problem, choices).usage)


def _refuse_broken(limits: Limits, usage: Floats) -> None:
    broken = np.flatnonzero(usage > limits.room())
    if len(broken):
        said = "; ".join(
            f"{limits.names[k]} has bound {limits.bounds[k]:,.6g}, the choice found takes {usage[k]:,.6g}, "
            f"{usage[k] - limits.bounds[k]:,.6g} too much"
            for k in broken.tolist()
        )
        raise Refused(
            f"No choice was found that keeps all limits: {said}. A negative bound asks for that much at "
            "least: ask for less, or loosen the limits on the same offers and channels"
        )
