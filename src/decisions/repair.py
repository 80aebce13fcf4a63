"""Repair: a choice that nearly keeps the limits is brought within all of them, and what is left is used.

Customer by customer, in their order, an option is given up for another (or for nothing) whose worth at the
prices is at most `loss` lower, if less is then over the limits, or if nothing is over them and more is
earned. Called with a growing loss, the cheapest changes come first. What is over limits is weighed: in units
of the most an option takes of each, a limit that asks for something above one that forbids something.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.arbitration import Choice
from decisions.dual import Problem
from tables.compiled import compiled

Floats = npt.NDArray[np.float64]
ASKING = 1_000.0


class Entries(NamedTuple):
    """What option o takes: of limits limit[ends[o-1]:ends[o]], each fixed + by_response * response."""

    ends: npt.NDArray[np.int64]
    limit: npt.NDArray[np.int64]
    fixed: Floats
    by_response: Floats


def entries_of(problem: Problem) -> Entries:
    fixed, by_response = (
        np.ascontiguousarray(each.reshape(len(each), -1).T) for each in problem.takes
    )  # (options, L)
    there = (fixed != 0) | (by_response != 0)
    ends = np.cumsum(there.sum(axis=1)).astype(np.int64)
    return Entries(ends, there.nonzero()[1].astype(np.int64), fixed[there], by_response[there])


def weights_of(problem: Problem) -> Floats:
    """What one unit over each limit weighs at first, (L,)."""
    most = np.maximum(np.abs(problem.takes.fixed), np.abs(problem.takes.fixed + problem.takes.by_response))
    scale = most.reshape(len(most), -1).max(axis=1, initial=0.0)
    weight = 1.0 / np.where(scale > 0, scale, 1.0)
    return np.where(problem.limits.bounds < 0, ASKING * weight, weight)


def repair(
    problem: Problem,
    prices: Floats,
    choices: Sequence[Choice],
    usage: Floats,
    entries: Entries,
    weights: Floats,
    loss: float,
) -> int:
    """Change `choices` in place, from what they take (`usage`, (L,), changed too); how many changes. One
    thread: a customer's turn comes after that of all before."""
    tariff = problem.tariff(prices)
    room = problem.limits.room()
    changes = 0
    for block, choice in zip(problem.blocks, choices, strict=True):
        changes += int(
            _repair(
                *(np.asarray(each) for each in block),
                *tariff,
                problem.minimum,
                *entries,
                room,
                weights,
                loss,
                usage,
                *choice,
            )
        )
    return changes


@compiled
def _take(
    o: int,
    responds: float,
    times: float,
    ends: Any,
    limit: Any,
    fixed: Any,
    by_response: Any,
    usage: Any,
) -> None:
    """Add to `usage` what an option takes, `times` 1 or -1."""
    for e in range(ends[o - 1] if o > 0 else 0, ends[o]):
        usage[limit[e]] += times * (fixed[e] + by_response[e] * responds)


@compiled
def _over(
    o: int,
    responds: float,
    ends: Any,
    limit: Any,
    fixed: Any,
    by_response: Any,
    usage: Any,
    room: Any,
    weights: Any,
) -> float:
    """How much more would be over the limits, weighed, if an option were taken beside `usage`."""
    more = 0.0
    for e in range(ends[o - 1] if o > 0 else 0, ends[o]):
        m = limit[e]
        before = usage[m] - room[m]
        after = before + (fixed[e] + by_response[e] * responds)
        more += weights[m] * (max(after, 0.0) - max(before, 0.0))
    return more


@compiled
def _repair(  # noqa: PLR0912, PLR0915 one loop: calls would look every option up again
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
    ends: Any,
    limit: Any,
    fixed: Any,
    by_response: Any,
    room: Any,
    weights: Any,
    loss: float,
    usage: Any,
    offer: Any,
    channel: Any,
) -> int:
    channels = base.shape[1]
    changes = 0
    for row in range(uplift.shape[0]):
        now_j, now_c = offer[row], channel[row]
        worth, net, now, responded = 0.0, 0.0, -1, 0.0
        if now_j >= 0:
            responded, gain = np.float64(response[row, now_j]), np.float64(uplift[row, now_j])
            worth = gain - (base[now_j, now_c] + slope[now_j, now_c] * responded)
            net = gain - (contact[now_j, now_c] + redemption[now_j, now_c] * responded)
            now = now_j * channels + now_c
        least = worth - loss
        lifted = False
        # Nothing is an option too: j below 0.
        best_over, best_net, best = 0.0, net, now
        responds, gain = np.float64(0.0), np.float64(0.0)
        for j in range(-1, uplift.shape[1]):
            if j < 0:
                if now < 0 or least > 0.0:
                    continue
            else:
                responds, gain = np.float64(response[row, j]), np.float64(uplift[row, j])
                if allowed[row, j] == 0 or not responds >= 0.0:
                    continue
                if not gain - (least_base[j] + least_slope[j] * responds) >= least:
                    continue
            for c in range(channels if j >= 0 else 1):
                gained, o = 0.0, -1
                if j >= 0:
                    o = j * channels + c
                    if (allowed[row, j] >> c) & 1 == 0 or o == now:
                        continue
                    if not gain - (base[j, c] + slope[j, c] * responds) >= least:
                        continue
                    gained = gain - (contact[j, c] + redemption[j, c] * responds)
                    if not gained >= minimum:
                        continue
                if not lifted and now >= 0:
                    # Compared beside what all others take.
                    _take(now, responded, -1.0, ends, limit, fixed, by_response, usage)
                    best_over = _over(now, responded, ends, limit, fixed, by_response, usage, room, weights)
                lifted = True
                more = 0.0
                if o >= 0:
                    more = _over(o, responds, ends, limit, fixed, by_response, usage, room, weights)
                tolerance = 1e-12 * (abs(more) + abs(best_over))
                if more < best_over - tolerance or (more <= best_over + tolerance and gained > best_net):
                    best_over, best_net, best = more, gained, o
        if not lifted:
            continue
        if best != now:
            changes += 1
            offer[row] = best // channels if best >= 0 else -1
            channel[row] = best % channels if best >= 0 else -1
        if best >= 0:
            j = best // channels
            _take(best, np.float64(response[row, j]), 1.0, ends, limit, fixed, by_response, usage)
    return changes
