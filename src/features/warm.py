"""Compiling ahead: `python -m features.warm` leaves in the cache what the first job would wait for."""

import numpy as np

from features.carry import HEAVY
from features.catalogue import FAMILIES
from features.consent import consent
from features.order import order
from features.reader import reader
from features.value import margin, net_spend
from tables.history import nobody
from tables.timeline import no_timelines

READ_TOGETHER = (FAMILIES, (order,), (margin,), (net_spend,), (consent,))


def warm() -> None:
    none = np.empty(0, np.int64)
    for families in READ_TOGETHER:
        reader(families)(nobody(), no_timelines(), none, none, HEAVY, np.empty((0, 1)))


if __name__ == "__main__":
    warm()
