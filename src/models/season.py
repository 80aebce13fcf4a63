"""The time of year: how far off the models were at the same season a year ago.

Facts say little of the calendar, and a shop whose year has one Christmas shows the models one. So what
was promised and what came are compared at each training moment, on customers the model had not seen, and
the difference of a year ago is added to today's promise. Where the model was grown beside the levels of its
moments (models.recipe) and so knows none of them, `foretold` says the level of the next moment.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.calibration import fit_intercept, log_odds, sigmoid
from tables.moment import DAY
from tables.once import once

Floats = npt.NDArray[np.float64]
# Whole weeks, so that a Saturday is compared with a Saturday.
YEAR = 364 * DAY
PRIOR_CUSTOMERS = 100
# The latest training moments, by whose mean the level is known.
LATEST = 28 * DAY
# Of what has changed half is believed to last so long: all of it or nothing is worse (docs/results.md).
LASTING_DAYS = 91
# As if so many independent moments had shown that, where a base's own past says otherwise.
PRIOR_MOMENTS = 2
LEAST_KNOWN = 3
# In log-odds: a level that strays less from the usual one shows nothing of what lasts.
LEAST_STRAYED = 0.05


class Season(NamedTuple):
    """Shifts (in log-odds for probabilities, in logarithms for money) at moments a year back."""

    moments: tuple[int, ...] = ()
    shifts: tuple[float, ...] = ()

    def at(self, t: npt.NDArray[np.int64] | int) -> Floats:
        """The shift of a year before t, between the nearest moments; 0 where that year was not seen."""
        if not self.moments:
            return np.zeros(np.shape(t))
        ago = np.asarray(t, np.float64) - YEAR
        return np.asarray(np.interp(ago, *_points(self.moments, self.shifts), left=0.0, right=0.0))

    def of_probability(self, probability: Floats, t: npt.NDArray[np.int64] | int) -> Floats:
        return sigmoid(log_odds(probability) + self.at(t))

    def of_money(self, amount: Floats, t: npt.NDArray[np.int64] | int) -> Floats:
        return np.asarray(amount * np.exp(self.at(t)))


@once
def _points(moments: tuple[int, ...], shifts: tuple[float, ...]) -> tuple[Floats, Floats]:
    return np.array(moments, np.float64), np.array(shifts, np.float64)


def levels(
    known: Floats, happened: Floats, moments: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], Floats]:
    """The moments, rising, and what to add to the log-odds `known` so that as many are promised as came.

    known, happened, moments: shape (rows,). Few customers prove no level of their own.
    """
    every, place, rows = np.unique(moments, return_inverse=True, return_counts=True)
    usual = fit_intercept(known, happened, np.ones(len(known)))
    own = np.array([_level(known[place == k], happened[place == k]) for k in range(len(every))])
    return every, usual + (own - usual) * rows / (rows + PRIOR_CUSTOMERS)


def foretold(
    moments: npt.NDArray[np.int64], level: Floats, usual: float, days: float
) -> tuple[float, Season]:
    """What to add to log-odds at the next moments, and what more a year after each of `moments`.

    level: of each moment, rising in time, by a model that knows none of them; usual: their mean; days: from a
    moment until its level is known. The level has moved since a year ago by so much as the latest one has, of
    which the part that lasts is added to that of a year ago. Without a whole year, a part of the way from
    the usual level to the latest one is all that is known: how much lasted of it at earlier moments.
    """
    lasts = 0.5 ** (days / LASTING_DAYS)
    latest = moments > moments[-1] - LATEST
    compared = latest & (moments - YEAR >= moments[0])
    if not compared.any():
        return usual + _lasted(moments, level, days, lasts) * (float(level[latest].mean()) - usual), Season()
    now = usual + lasts * (float(level[latest].mean()) - usual)
    before = np.interp(moments[compared] - YEAR, moments, level)
    moved = float((level[compared] - before).mean())
    return now, Season(tuple(moments.tolist()), tuple((level + lasts * moved - now).tolist()))


def _lasted(moments: npt.NDArray[np.int64], level: Floats, days: float, prior: float) -> float:
    """The part, 0 to 1, of a latest level's distance from the usual one that was still there `days` later.

    At each moment both are as they were known then. Moments less than `days` apart count as one together.
    """
    told, came, at = [], [], []
    for k, t in enumerate(moments):
        known = moments + days * DAY <= t
        if known.sum() < LEAST_KNOWN:
            continue
        then, seen = moments[known], level[known]
        told.append(float(seen[then > then[-1] - LATEST].mean() - seen.mean()))
        came.append(float(level[k] - seen.mean()))
        at.append(int(t))
    if not told:
        return prior
    x, y = np.array(told), np.array(came)
    shown = len(x) / (1 + (at[-1] - at[0]) / (days * DAY))  # how many moments count as one
    trust = PRIOR_MOMENTS * shown * (float((x * x).mean()) + LEAST_STRAYED**2)
    return float(np.clip((x @ y + trust * prior) / (x @ x + trust), 0.0, 1.0))


def _level(known: Floats, happened: Floats) -> float:
    return fit_intercept(known, happened, np.ones(len(known)))


def season_of_probability(promised: Floats, happened: Floats, moments: npt.NDArray[np.int64]) -> Season:
    """From predictions for rows the model did not see; all of shape (rows,)."""
    return _season(lambda share: float(log_odds(np.array(share))), promised, happened, moments)


def season_of_money(promised: Floats, happened: Floats, moments: npt.NDArray[np.int64]) -> Season:
    return _season(lambda mean: float(np.log(max(mean, 1.0))), promised, happened, moments)


def _season(
    link: Callable[[float], float],
    promised: Floats,
    happened: Floats,
    moments: npt.NDArray[np.int64],
) -> Season:
    every = np.unique(moments)
    shifts = []
    for t in every:
        rows = moments == t
        expected = float(promised[rows].mean())
        # As if PRIOR_CUSTOMERS more had done what was promised: few customers prove no season.
        came = (float(happened[rows].sum()) + PRIOR_CUSTOMERS * expected) / (rows.sum() + PRIOR_CUSTOMERS)
        shifts.append(link(came) - link(expected))
    return Season(tuple(every.tolist()), tuple(shifts))
