"""Exploration: for a share of customers the lot decides among the best few, so that training sees more."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.policy import Policy
from tables.code import lots_of
from tables.moment import DAY

Floats = npt.NDArray[np.float64]
NOTHING = -1
WEEK = 7 * DAY


class Draw(NamedTuple):
    """offer: the place drawn, NOTHING where no offer is worth it; propensity: with which; is_lot: whether the
    lot decides for this customer; (customers,)."""

    offer: npt.NDArray[np.int64]
    propensity: Floats
    is_lot: npt.NDArray[np.bool_]


def draw(worth: Floats, ids: npt.NDArray[np.object_], policy: Policy, t: int) -> Draw:
    """The best offer, or by lot one of the best few; lots are drawn anew every week of seven days since 1970.

    worth: of each offer at the prices, -inf where it may not be made, shape (customers, offers); of equals
    the first. Of m offers in the draw the best has propensity 1 - share + share / m, each other share / m.
    """
    rows, offers = worth.shape
    if not offers:
        return Draw(np.full(rows, NOTHING, np.int64), np.ones(rows), np.zeros(rows, dtype=bool))
    best = worth.argmax(axis=1)
    there = np.isfinite(worth[np.arange(rows), best])
    drawn, propensity = np.where(there, best, NOTHING), np.ones(rows)
    if (asked := policy.exploration) is None:
        return Draw(drawn, propensity, np.zeros(rows, dtype=bool))
    order = np.argsort(-worth, axis=1, kind="stable")[:, : asked.among]
    among = np.isfinite(np.take_along_axis(worth, order, axis=1)).sum(axis=1)
    salt = f"{policy.holdout.salt}|exploration|{t // WEEK}"
    explores = lots_of(ids, salt) < asked.share
    place = np.minimum((lots_of(ids, f"{salt}|which") * among).astype(np.int64), np.maximum(among - 1, 0))
    rank = np.where(explores, place, 0)
    drawn = np.where(there, order[np.arange(rows), rank], NOTHING)
    each = asked.share / np.maximum(among, 1)
    propensity = np.where(rank == 0, 1 - asked.share + each, each)
    return Draw(drawn, np.where(there, propensity, 1.0), explores & there)
