"""The dual of the weekly choice: what the limits are worth, smoothed so that Newton's method can descend it.

At prices p >= 0 the dual is p * bounds + sum over customers of the highest worth of their options, nothing
(worth 0) among them: an upper bound of what any choice within the limits can be worth. Its kinks are many,
since all customers change from one channel to the next at the same price. So the highest worth is smoothed to
softness * log(sum(exp(worth / softness))), whose slope is the bounds less what a soft choice takes, every
option in proportion to exp(worth / softness). Sums are integers: the same however rows are split.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.arbitration import ROWS_AT_ONCE, Block, Choice, Tariff, tariff_of
from decisions.limit import Limits, Takes, Terms, charges, takes_of
from tables.compiled import compiled

Floats = npt.NDArray[np.float64]
# Options are left out of the soft choice when so many softnesses below the best: exp(-20) is 2e-9.
FAR = 20.0
# Pairs of options so seldom chosen together bend the dual too little to be counted.
FAINT = 1e-6
# Integers count parts of a choice, and of a minor unit: of 134 million customers, and 4e12 minor units.
CHOICE, UNIT = 2.0**36, 2.0**20
MOST = 2.0**42


class Soft(NamedTuple):
    """At some prices: the dual (bound, exact) and its smoothed value, minor units; what the soft choice takes
    of each limit (L,); how fast that falls with the prices (L, L), None unless asked for. At prices so high
    that sums of worth leave MOST, bound and value are inf."""

    bound: float
    value: float
    usage: Floats
    curvature: Floats | None


class Problem(NamedTuple):
    """The base as blocks, what options cost and take, and the limits."""

    blocks: Sequence[Block]
    terms: Terms
    limits: Limits
    takes: Takes
    minimum: float
    threads: int

    @property
    def customers(self) -> int:
        return sum(len(block.uplift) for block in self.blocks)

    def tariff(self, prices: Floats) -> Tariff:
        return tariff_of(self.terms, charges(self.limits, prices))

    def sample(self, size: int) -> "Problem":
        """So many customers, spread evenly over all, under limits smaller in proportion; itself if it has no
        more. They are copied."""
        count = self.customers
        if count <= size:
            return self
        places = np.arange(size) * count // size
        taken, begin = [], 0
        for block in self.blocks:
            own = places[(places >= begin) & (places < begin + len(block.uplift))] - begin
            taken.append(Block(*(np.ascontiguousarray(each[own]) for each in block)))
            begin += len(block.uplift)
        return self._replace(blocks=tuple(taken), limits=self.limits.scaled(size / count))


def problem_of(
    blocks: Sequence[Block], terms: Terms, limits: Limits, minimum: float, threads: int
) -> Problem:
    return Problem(tuple(blocks), terms, limits, takes_of(limits, terms), minimum, threads)


def in_rows(blocks: Sequence[Block], threads: int, work: Callable[[int, int, slice, int], None]) -> None:
    """Call work(thread, number of the block, rows, place of the first row among all) for all rows, a few at
    once, each thread one at a time."""
    pieces, first = [], 0
    for number, block in enumerate(blocks):
        for begin in range(0, len(block.uplift), ROWS_AT_ONCE):
            end = min(begin + ROWS_AT_ONCE, len(block.uplift))
            pieces.append((number, slice(begin, end), first + begin))
        first += len(block.uplift)

    def share(thread: int) -> None:
        for piece in pieces[thread::threads]:
            work(thread, *piece)

    if threads == 1 or len(pieces) < 2:
        for piece in pieces:
            work(0, *piece)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(share, range(threads)))


def soft(problem: Problem, prices: Floats, softness: float, curved: bool = False) -> Soft:
    """One pass over everybody. softness: minor units, above 0."""
    shape = problem.terms.contact_cost.shape
    options = shape[0] * shape[1]
    tariff = problem.tariff(prices)
    side = options if curved else 0
    moments = np.zeros((problem.threads, 3, options), np.int64)
    pairs = np.zeros((problem.threads, 3, side, side), np.int64)
    sums = np.zeros((problem.threads, 2), np.int64)
    rough = np.zeros((problem.threads, 1))

    def work(thread: int, number: int, rows: slice, first: int) -> None:
        block = (np.asarray(each[rows]) for each in problem.blocks[number])
        own = moments[thread], pairs[thread], sums[thread], rough[thread]
        _soften(*block, *tariff, problem.minimum, softness, *own)

    in_rows(problem.blocks, problem.threads, work)
    count, response, square = moments.sum(axis=0) / CHOICE
    best, smoothed = sums.sum(axis=0) / UNIT if rough.sum() < MOST else (np.inf, np.inf)
    fixed = problem.takes.fixed.reshape(-1, options)
    by_response = problem.takes.by_response.reshape(-1, options)
    usage = (fixed * count + by_response * response).sum(axis=1)
    curvature = None
    if curved:
        ones, mixed, squares = pairs.sum(axis=0) / CHOICE
        ones, squares = (each + np.tril(each, -1).T for each in (ones, squares))
        cross = fixed @ (np.diag(response) - mixed) @ by_response.T
        curvature = fixed @ (np.diag(count) - ones) @ fixed.T + cross + cross.T
        curvature += by_response @ (np.diag(square) - squares) @ by_response.T
        curvature = (curvature + curvature.T) / (2 * softness)
    paid = float((prices * problem.limits.bounds).sum())
    return Soft(paid + float(best), paid + float(smoothed), usage, curvature)


def rounded(problem: Problem, prices: Floats, softness: float, into: Sequence[Choice]) -> None:
    """Fill `into`, one a block, with one option a customer such that what all take is near the soft choice's.

    Everybody gets a point of the golden ratio's sequence, which is spread evenly over any stretch of
    customers, and the option that the point falls on.
    """
    tariff = problem.tariff(prices)

    def work(_: int, number: int, rows: slice, first: int) -> None:
        block = (np.asarray(each[rows]) for each in problem.blocks[number])
        out = (each[rows] for each in into[number])
        _round(*block, *tariff, problem.minimum, softness, first, *out)

    in_rows(problem.blocks, problem.threads, work)


class Taken(NamedTuple):
    """What a choice takes of each limit, (L,), and its net value, minor units."""

    usage: Floats
    value: float


def taken(problem: Problem, choices: Iterable[Choice]) -> Taken:
    shape = problem.terms.contact_cost.shape
    count, response = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    uplift = np.zeros(1, np.int64)
    for block, choice in zip(problem.blocks, choices, strict=True):
        _tally(np.asarray(block.uplift), np.asarray(block.response), *choice, count, response, uplift)
    responses = response / CHOICE
    usage = (problem.takes.fixed * count + problem.takes.by_response * responses).sum(axis=(1, 2))
    cost = count * problem.terms.contact_cost + responses * problem.terms.redemption_cost[:, None]
    return Taken(usage, float(uplift[0] / UNIT - cost.sum()))


@compiled
def _tally(
    uplift: Any, response: Any, offer: Any, channel: Any, count: Any, responses: Any, total: Any
) -> None:
    for row in range(len(offer)):
        j, c = offer[row], channel[row]
        if j >= 0:
            count[j, c] += 1
            responses[j, c] += np.int64(np.rint(np.float64(response[row, j]) * CHOICE))
            total[0] += np.int64(np.rint(np.float64(uplift[row, j]) * UNIT))


@compiled
def _weigh(
    uplift: Any,
    response: Any,
    allowed: Any,
    base: Any,
    slope: Any,
    least_base: Any,
    least_slope: Any,
    contact: Any,
    redemption: Any,
    minimum: float,
    softness: float,
    option: Any,
    weight: Any,
) -> Any:
    """Fill `option` and `weight` with what is near the best of one customer; how many, the best worth (0 for
    nothing), and the sum of weights with that of nothing."""
    best = 0.0
    channels = base.shape[1]
    for j in range(len(uplift)):
        responds, gain = np.float64(response[j]), np.float64(uplift[j])
        if allowed[j] == 0 or not responds >= 0.0:
            continue
        if not gain - (least_base[j] + least_slope[j] * responds) > best:
            continue
        for c in range(channels):
            if (allowed[j] >> c) & 1:
                worth = gain - (base[j, c] + slope[j, c] * responds)
                if worth > best and gain - (contact[j, c] + redemption[j, c] * responds) >= minimum:
                    best = worth
    near = best - FAR * softness
    total = np.exp(-best / softness)
    size = 0
    for j in range(len(uplift)):
        responds, gain = np.float64(response[j]), np.float64(uplift[j])
        if allowed[j] == 0 or not responds >= 0.0:
            continue
        if not gain - (least_base[j] + least_slope[j] * responds) > near:
            continue
        for c in range(channels):
            if (allowed[j] >> c) & 1:
                worth = gain - (base[j, c] + slope[j, c] * responds)
                if worth > near and gain - (contact[j, c] + redemption[j, c] * responds) >= minimum:
                    option[size] = j * channels + c
                    weight[size] = np.exp((worth - best) / softness)
                    total += weight[size]
                    size += 1
    return size, best, total


@compiled
def _soften(
    uplift: Any,
    response: Any,
    allowed: Any,
    base: Any,
    slope: Any,
    least_base: Any,
    least_slope: Any,
    contact: Any,
    redemption: Any,
    minimum: float,
    softness: float,
    moments: Any,
    pairs: Any,
    sums: Any,
    rough: Any,
) -> None:
    channels = base.shape[1]
    option = np.empty(base.size, np.int64)
    weight = np.empty(base.size, np.float64)
    curved = pairs.shape[1] > 0
    for row in range(uplift.shape[0]):
        own = response[row]
        size, best, total = _weigh(
            uplift[row], own, allowed[row], base, slope, least_base, least_slope, contact, redemption,
            minimum, softness, option, weight,
        )  # fmt: skip
        if size == 0:
            continue
        smoothed = best + softness * np.log(total)
        rough[0] += smoothed
        if rough[0] < MOST:
            sums[0] += np.int64(np.rint(best * UNIT))
            sums[1] += np.int64(np.rint(smoothed * UNIT))
        for k in range(size):
            weight[k] /= total
            part, responds = weight[k] * CHOICE, np.float64(own[option[k] // channels])
            moments[0, option[k]] += np.int64(np.rint(part))
            moments[1, option[k]] += np.int64(np.rint(part * responds))
            moments[2, option[k]] += np.int64(np.rint(part * responds * responds))
        if not curved:
            continue
        # Who is clear about one option bends nothing: its own pairs take off what was just added.
        clear = weight[:size].max() > 1.0 - FAINT
        for k in range(size):
            part, responds = weight[k] * CHOICE, np.float64(own[option[k] // channels])
            for m in range(k if clear else 0, k + 1):
                both = part if clear else part * weight[m]
                if m < k and both < FAINT * CHOICE:
                    continue
                other = np.float64(own[option[m] // channels])
                pairs[0, option[k], option[m]] += np.int64(np.rint(both))
                pairs[1, option[k], option[m]] += np.int64(np.rint(both * other))
                pairs[2, option[k], option[m]] += np.int64(np.rint(both * responds * other))
                if m < k:
                    pairs[1, option[m], option[k]] += np.int64(np.rint(both * responds))


@compiled
def _round(
    uplift: Any,
    response: Any,
    allowed: Any,
    base: Any,
    slope: Any,
    least_base: Any,
    least_slope: Any,
    contact: Any,
    redemption: Any,
    minimum: float,
    softness: float,
    first: int,
    offer: Any,
    channel: Any,
) -> None:
    channels = base.shape[1]
    option = np.empty(base.size, np.int64)
    weight = np.empty(base.size, np.float64)
    for row in range(uplift.shape[0]):
        size, _, total = _weigh(
            uplift[row], response[row], allowed[row], base, slope, least_base, least_slope, contact,
            redemption, minimum, softness, option, weight,
        )  # fmt: skip
        left = ((first + row + 0.5) * 0.6180339887498949) % 1.0 * total
        offer[row] = -1
        channel[row] = -1
        for k in range(size):
            left -= weight[k]
            if left < 0.0:
                offer[row] = option[k] // channels
                channel[row] = option[k] % channels
                break
