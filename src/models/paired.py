"""Two models under one metric on the same bootstrap resamples of customers: each, and the difference."""

from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models import bootstrap
from models.metric import Floats, Interval, Metric


class Paired(NamedTuple):
    """95 % percentile intervals; ahead: ours less theirs."""

    ours: Interval
    theirs: Interval
    ahead: Interval


def paired(
    metric: Metric, ours: Floats, theirs: Floats, happened: Floats, customer: npt.NDArray[np.int64]
) -> Paired:
    """ours, theirs: what the two promise of each row; customer: whose it is, drawn with all of its rows."""
    figures = {"ours": _of_weight(metric, ours, happened), "theirs": _of_weight(metric, theirs, happened)}
    alone, ahead = bootstrap.paired(figures, customer, "theirs")
    return Paired(alone["ours"], alone["theirs"], ahead["ours"])


def _of_weight(metric: Metric, promised: Floats, happened: Floats) -> bootstrap.Figure:
    # Rows in order of the promise: metrics sort by it, and sorting what is sorted is quick.
    order = np.argsort(promised, kind="stable")
    return partial(_figure, metric, promised[order], happened[order], order)


def _figure(
    metric: Metric, promised: Floats, happened: Floats, order: npt.NDArray[np.int64], weight: Floats
) -> float:
    return metric(promised, happened, weight[order])
