"""Metrics of a predicted effect, for one treatment against none, where the past randomised.

Each is a function of (effect, outcome, contacted, weight), all of shape (rows,): the effect promised, what
happened, whether the customer was contacted, and how often the row counts (models.bootstrap). Ties in the
promise are one group.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt

from models.bootstrap import paired
from models.metric import Interval

Floats = npt.NDArray[np.float64]
UpliftMetric = Callable[[Floats, Floats, Floats, Floats], float]


def uplift_at(share: float, effect: Floats, outcome: Floats, contacted: Floats, weight: Floats) -> float:
    """What contacting adds to a customer among the `share` who were promised most: the mean outcome of those
    contacted less that of the others (scikit-uplift's `uplift_at_k`, strategy "overall")."""
    order = np.argsort(-effect, kind="stable")
    w = weight[order]
    before = np.cumsum(w) - w
    # The last customer counts in part, so that a resample of any size ends exactly at the share.
    inside = np.clip(share * w.sum() - before, 0.0, w)
    sent, held = inside * contacted[order], inside * (1 - contacted[order])
    if min(sent.sum(), held.sum()) <= 0:
        return float("nan")
    y = outcome[order]
    return float((sent * y).sum() / sent.sum() - (held * y).sum() / held.sum())


def qini_curve(effect: Floats, outcome: Floats, contacted: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """(customers, gain): what contacting the most promising so many added, in outcomes of those contacted:
    theirs less the others' scaled to their number (Radcliffe 2007). Both begin with 0."""
    order = np.argsort(-effect, kind="stable")
    e, y, t, w = effect[order], outcome[order], contacted[order], weight[order]
    ends = np.flatnonzero(np.r_[e[1:] != e[:-1], True])
    sent, held = np.cumsum(w * t)[ends], np.cumsum(w * (1 - t))[ends]
    came, came_anyway = np.cumsum(w * t * y)[ends], np.cumsum(w * (1 - t) * y)[ends]
    gain = came - came_anyway * np.divide(sent, held, out=np.zeros_like(sent), where=held > 0)
    return np.r_[0.0, sent + held], np.r_[0.0, gain]


def qini_area(effect: Floats, outcome: Floats, contacted: Floats, weight: Floats) -> float:
    """Area between the Qini curve and the straight line of contacting at random, a customer and a unit of
    the axis: outcomes gained per customer, on average over all depths. For any outcome, money among them."""
    customers, gain = qini_curve(effect, outcome, contacted, weight)
    total = customers[-1]
    area = float(np.trapezoid(gain, customers)) - float(gain[-1]) * float(total) / 2
    return area / float(total) ** 2 if total > 0 else float("nan")


def qini_coefficient(effect: Floats, outcome: Floats, contacted: Floats, weight: Floats) -> float:
    """The Qini area as a share of that of the best possible order (those contacted who came first, those not
    contacted who came last); outcome 0 or 1. 0: no better than chance. This is scikit-uplift's
    `qini_auc_score` with negative effects."""
    best = outcome * contacted - outcome * (1 - contacted)
    most = qini_area(best, outcome, contacted, weight)
    return qini_area(effect, outcome, contacted, weight) / most if most > 0 else float("nan")


UPLIFT_METRICS: dict[str, UpliftMetric] = {
    "uplift_at_10": partial(uplift_at, 0.1),
    "uplift_at_30": partial(uplift_at, 0.3),
    "qini_area": qini_area,
}


def judge(
    metric: UpliftMetric,
    effects: Mapping[str, Floats],
    outcome: Floats,
    contacted: Floats,
    groups: npt.NDArray[np.int64],
    against: str,
) -> tuple[dict[str, Interval], dict[str, Interval]]:
    """The metric of each model's promises with its interval over customers (`groups`), and its paired
    difference from the model named `against`."""
    figures = {
        name: partial(_of_weight, metric, effect, outcome, contacted) for name, effect in effects.items()
    }
    return paired(figures, groups, against)


def _of_weight(
    metric: UpliftMetric, effect: Floats, outcome: Floats, contacted: Floats, weight: Floats
) -> float:
    return metric(effect, outcome, contacted, weight)
