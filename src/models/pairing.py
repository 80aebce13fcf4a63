"""Two models for the same customers: what one gains over the other, by month and by slice."""

import numpy as np
import numpy.typing as npt

from models.evaluation import LEAST_IN_SLICE, slices
from models.frame import Frame
from models.metric import Interval, Metric, auc, average_precision, brier, difference
from models.question import Question
from tables.moment import local_day

Floats = npt.NDArray[np.float64]
GAINS: dict[str, Metric] = {"auc": auc, "average_precision": average_precision, "brier": brier}


def gains(
    test: Frame, question: Question, ours: Floats, theirs: Floats, zone: str
) -> dict[str, dict[str, Interval]]:
    """metric(ours) - metric(theirs) on the same resamples of customers, with 95 % intervals.

    ours, theirs: probabilities for the rows of `test`. Answers by "all months", month, and slice of the
    latest month; a part with too few who left or stayed is left out. Of Brier scores, less is better.
    """
    latest = test.facts.moments == test.facts.moments.max()
    parts = {"all months": np.ones(len(test), dtype=bool)}
    for t in np.unique(test.facts.moments).tolist():
        parts[f"as of {local_day(t, zone)}"] = test.facts.moments == t
    parts |= {name: member & latest for name, member in slices(test, question).items()}
    found = {}
    for name, rows in parts.items():
        left = test.churned[rows].sum()
        if min(left, rows.sum() - left) >= LEAST_IN_SLICE:
            customers = test.facts.places[rows]
            found[name] = {
                metric: difference(function, ours[rows], theirs[rows], test.churned[rows], customers)
                for metric, function in GAINS.items()
            }
    return found
