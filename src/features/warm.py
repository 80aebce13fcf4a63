"""Compiling ahead: `python -m features.warm` leaves in the cache what the first job would wait for."""

import numpy as np

from features.catalogue import FAMILIES
from features.consent import consent
from features.order import order
from features.reader import reader
from features.value import margin, net_spend
from tables.contract import CUSTOMER_TABLES
from tables.history import RECORD_TYPES, History, as_records

READ_TOGETHER = (FAMILIES, (order,), (margin,), (net_spend,), (consent,))


def warm() -> None:
    events = History(*(as_records(np.empty(0, RECORD_TYPES[name])) for name in CUSTOMER_TABLES))
    offsets = History(*(np.zeros(1, np.int64) for _ in CUSTOMER_TABLES))
    nobody = np.empty(0, np.int64)
    for families in READ_TOGETHER:
        reader(families)(events, offsets, nobody, nobody, np.empty((0, 1)))


if __name__ == "__main__":
    warm()
