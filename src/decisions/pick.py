"""Picking an option for each customer at the prices, within what is left, as compiled loops.

Numba keeps the compiled loops as long as this file stays as it is, so all that they name stands here. What
an option is worth are the lines of decisions.arbitration, so that both say the same to the bit.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tables.compiled import compiled

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Bits = npt.NDArray[np.uint8]
NOTHING = -1
# Places in the codes that are handed in.
CHOSEN, OUTRANKED, NOT_VALID, HELD_OUT, NOT_WORTH_IT, OVER_BUDGET, SPENT, COUNTERS_DOWN = range(8)


class Lines(NamedTuple):
    """What is taken off an option's uplift, as lines over the response: at the prices (base, slope) and
    without them (contact, redemption); shape (offers, channels)."""

    base: Floats
    slope: Floats
    contact: Floats
    redemption: Floats


class Left(NamedTuple):
    """What an option takes of each limit, a line over the response, shape (limits, offers, channels); room:
    what may be taken of each, shape (limits,). is_limited, is_unknown: 1 where any limit is, and where what
    is left of one is not known."""

    fixed: Floats
    by_response: Floats
    room: Floats
    is_limited: int
    is_unknown: int


class May(NamedTuple):
    """As decisions.option.Options, without the reasons."""

    uplift: Floats
    response: Floats
    allowed: Bits


class Wish(NamedTuple):
    """Of each customer, shape (customers,): the offer that was drawn, what was set aside for them (places,
    NOTHING without), and whether they are held out."""

    offer: Int64s
    reserved_offer: Int64s
    reserved_channel: Int64s
    held_out: Flags


@compiled
def worth_of(may: Any, lines: Any, minimum: float, row: int, j: int, c: int) -> Any:
    """Of an option at the prices; -inf where it is none or adds less than `minimum`, whatever limits cost."""
    gain, responds = may.uplift[row, j], may.response[row, j]
    if not (may.allowed[row, j] >> np.uint8(c)) & np.uint8(1):
        return -np.inf
    if not gain - (lines.contact[j, c] + lines.redemption[j, c] * responds) >= minimum:
        return -np.inf
    return gain - (lines.base[j, c] + lines.slope[j, c] * responds)


@compiled
def price(may: Any, lines: Any, minimum: float, codes: Any, best: Any, channel: Any, why: Any) -> None:
    """Fill, shape (customers, offers): the worth of each offer on its best channel (-inf where it is worth
    nothing), that channel (the cheapest it may go by where none adds enough, NOTHING without), and in `why`
    what the prices say of offers that no rule refuses."""
    customers, offers = best.shape
    for row in range(customers):
        for j in range(offers):
            responds, most, taken, cheapest = may.response[row, j], -np.inf, NOTHING, NOTHING
            least = np.inf
            for c in range(lines.base.shape[1]):
                if not (may.allowed[row, j] >> np.uint8(c)) & np.uint8(1):
                    continue
                cost = lines.contact[j, c] + lines.redemption[j, c] * responds
                if cheapest == NOTHING or cost < least:
                    cheapest, least = c, cost
                worth = worth_of(may, lines, minimum, row, j, c)
                if worth > most:
                    taken, most = c, worth
            channel[row, j] = cheapest if taken == NOTHING else taken
            best[row, j] = most if most > 0.0 else -np.inf
            if why[row, j] == codes[OUTRANKED]:
                if taken == NOTHING:
                    why[row, j] = codes[NOT_WORTH_IT]
                elif not most > 0.0:
                    why[row, j] = codes[OVER_BUDGET]


@compiled
def is_over(may: Any, left: Any, row: int, j: int, c: int) -> Any:
    """Whether an option takes more of a limit than may be taken; one that gives to a limit, or leaves it
    alone, is not held up by it."""
    for k in range(len(left.room)):
        taking = left.fixed[k, j, c] + left.by_response[k, j, c] * may.response[row, j]
        if taking > 0.0 and taking > left.room[k]:
            return True
    return False


@compiled
def settle(  # noqa: PLR0912 one customer's choice from beginning to end
    may: Any,
    lines: Any,
    left: Any,
    minimum: float,
    wish: Any,
    codes: Any,
    best: Any,
    channel: Any,
    why: Any,
    chosen: Any,
    is_kept: Any,
) -> None:
    """Fill chosen (offers, whatever the holdout withholds) and is_kept (whether it is what was set aside),
    shape (customers,); complete channel and why. What was set aside is honoured as long as no rule refuses
    it; else it is what was wished for, or the best that what is left of every limit still reaches."""
    customers, offers = best.shape
    channels = lines.base.shape[1]
    closed = np.empty((offers, channels), np.bool_)
    for row in range(customers):
        j, held = wish.offer[row], wish.held_out[row]
        c = np.int64(channel[row, j]) if j != NOTHING else NOTHING
        wished, other = j, wish.reserved_offer[row]
        kept = other != NOTHING and np.isfinite(
            worth_of(may, lines, minimum, row, other, wish.reserved_channel[row])
        )
        spent = False
        if kept:
            j, c = other, wish.reserved_channel[row]
        elif left.is_limited and not held:  # what the holdout withholds takes nothing of any limit
            closed[:] = False
            while j != NOTHING and is_over(may, left, row, j, c):
                spent = True
                closed[j, c] = True
                j, c, most = NOTHING, NOTHING, 0.0
                for offer in range(offers):
                    if best[row, offer] <= most:
                        continue
                    for way in range(channels):
                        if not closed[offer, way]:
                            worth = worth_of(may, lines, minimum, row, offer, way)
                            if worth > most:
                                j, c, most = offer, way, worth
        if left.is_unknown:
            for offer in range(offers):
                if np.isfinite(best[row, offer]):
                    why[row, offer] = codes[COUNTERS_DOWN]
            if kept:
                why[row, j] = codes[COUNTERS_DOWN]
            j, kept = NOTHING, False
        elif spent:
            why[row, wished] = codes[SPENT]
            if j == NOTHING:  # nothing that is worth it is reached: none of it is outranked
                for offer in range(offers):
                    if why[row, offer] == codes[OUTRANKED]:
                        why[row, offer] = codes[SPENT]
        if j != NOTHING:
            channel[row, j] = c
            why[row, j] = codes[CHOSEN]
        if held:
            for offer in range(offers):
                if why[row, offer] < codes[NOT_VALID] or why[row, offer] > codes[HELD_OUT]:
                    why[row, offer] = codes[HELD_OUT]
        chosen[row], is_kept[row] = j, kept


@compiled
def net_and_cost(may: Any, lines: Any, channel: Any, net: Any, cost: Any) -> None:
    """Fill the expected net value and cost of each offer on its channel, the cheapest where it has none;
    shape (customers, offers)."""
    customers, offers = net.shape
    for row in range(customers):
        for j in range(offers):
            told = lines.contact[j, channel[row, j]] if channel[row, j] != NOTHING else lines.contact[j].min()
            cost[row, j] = may.response[row, j] * lines.redemption[j, 0] + told
            net[row, j] = may.uplift[row, j] - cost[row, j]
