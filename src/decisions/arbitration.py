"""Arbitration: of the offers and channels a customer may get, the one that is worth the most at given prices.

The worth of an option is a line over the customer's response,

    worth[i, j, c] = uplift[i, j] - (base[j, c] + slope[j, c] * response[i, j]),

its net value the same line at prices of zero. One compiled loop reads it, for everybody and for one customer:
a row's answer depends on that row alone, so it is the same to the bit however rows are split.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.limit import Charges, Terms
from tables.compiled import compiled

Floats = npt.NDArray[np.float64]
NOTHING = -1
ROWS_AT_ONCE = 32_768


class Block(NamedTuple):
    """What is known of some customers. uplift (minor units) and response (0 to 1): float64 or float32, shape
    (n, J), nan where not known; allowed: uint8, shape (n, J), bit c set where the offer may go by channel c.
    All may be mapped files."""

    uplift: npt.NDArray[Any]
    response: npt.NDArray[Any]
    allowed: npt.NDArray[np.uint8]


class Tariff(NamedTuple):
    """Lines over the response, shape (J, C): of what is taken off the uplift at the prices (base, slope) and
    without them (contact, redemption); least_base, least_slope: the least of an offer's channels, (J,)."""

    base: Floats
    slope: Floats
    least_base: Floats
    least_slope: Floats
    contact: Floats
    redemption: Floats


class Choice(NamedTuple):
    """The place of the offer (int16) and of the channel (int8), NOTHING without; shape (n,)."""

    offer: npt.NDArray[np.int16]
    channel: npt.NDArray[np.int8]

    @staticmethod
    def of_nothing(customers: int) -> "Choice":
        return Choice(np.full(customers, NOTHING, np.int16), np.full(customers, NOTHING, np.int8))


def tariff_of(terms: Terms, charges: Charges) -> Tariff:
    contact = np.ascontiguousarray(terms.contact_cost, dtype=np.float64)
    redemption = np.ascontiguousarray(
        np.broadcast_to(np.asarray(terms.redemption_cost, np.float64)[:, None], contact.shape)
    )
    base = contact + charges.money * contact + charges.contact
    slope = redemption + charges.money * redemption + charges.response
    return Tariff(base, slope, base.min(axis=1), slope.min(axis=1), contact, redemption)


def arbitrate(block: Block, tariff: Tariff, minimum: float, threads: int = 1) -> Choice:
    """The option of the highest worth, strictly above 0, whose net value is at least `minimum`.

    Of equals the first offer, then the first channel. An option whose uplift or response is not known, or
    whose response is below 0, is none.
    """
    choice = Choice.of_nothing(len(block.uplift))

    def some(begin: int) -> None:
        rows = slice(begin, begin + ROWS_AT_ONCE)
        _arbitrate(
            *(np.asarray(each[rows]) for each in block),
            *tariff,
            minimum,
            *(each[rows] for each in choice),
        )

    begins = range(0, len(block.uplift), ROWS_AT_ONCE)
    if threads == 1 or len(begins) < 2:
        for begin in begins:
            some(begin)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(some, begins))
    return choice


@compiled
def _arbitrate(
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
    offer: Any,
    channel: Any,
) -> None:
    """Offers whose cheapest channel cannot win are passed over: rounding keeps the order of sums and products
    that differ in one term, so this never changes the answer."""
    for row in range(uplift.shape[0]):
        best = 0.0
        for j in range(uplift.shape[1]):
            mask = allowed[row, j]
            responds = np.float64(response[row, j])
            if mask == 0 or not responds >= 0.0:
                continue
            gain = np.float64(uplift[row, j])
            if not gain - (least_base[j] + least_slope[j] * responds) > best:
                continue
            for c in range(base.shape[1]):
                if (mask >> c) & 1 == 0:
                    continue
                worth = gain - (base[j, c] + slope[j, c] * responds)
                if worth > best and gain - (contact[j, c] + redemption[j, c] * responds) >= minimum:
                    best = worth
                    offer[row] = j
                    channel[row] = c
