"""What contacting the riskiest share of customers finds; each a metric of (predicted, happened, weight)."""

import numpy as np

from models.metric import Floats, Metric


def lift_at(share: float) -> Metric:
    """How many times more leavers there are among the riskiest `share` of customers than among all."""

    def lift(predicted: Floats, happened: Floats, weight: Floats) -> float:
        everywhere = float(np.average(happened, weights=weight))
        found = captured_at(share)(predicted, happened, weight)
        return found / share / everywhere if everywhere > 0 else float("nan")

    return lift


def missed_at(share: float) -> Metric:
    """The false-negative rate at a depth of contact: the share of leavers who are not among the riskiest
    `share` of customers."""

    def missed(predicted: Floats, happened: Floats, weight: Floats) -> float:
        everywhere = float(np.average(happened, weights=weight))
        found = captured_at(share)(predicted, happened, weight)
        return 1 - found / everywhere if everywhere > 0 else float("nan")

    return missed


def captured_at(share: float) -> Metric:
    """What is reached by contacting the riskiest `share`, per customer of the base.

    As `happened` it takes any amount a row: with what the leavers would have taken along (money; 0 for those
    who stayed), it is the value at stake that a campaign of this depth reaches.
    """

    def captured(predicted: Floats, happened: Floats, weight: Floats) -> float:
        return float((riskiest(predicted, weight, share) * weight * happened).sum() / weight.sum())

    return captured


def riskiest(predicted: Floats, weight: Floats, share: float) -> Floats:
    """How much of each row is among the riskiest `share`: 1, 0, or a part where equals stand at the edge, so
    that the order of rows means nothing; shape (rows,)."""
    order = np.argsort(predicted, kind="stable")[::-1]
    p, w = predicted[order], weight[order]
    starts = np.flatnonzero(np.r_[True, p[1:] != p[:-1]])
    size = np.add.reduceat(w, starts)
    room = share * w.sum() - (np.cumsum(size) - size)
    part = np.divide(np.clip(room, 0.0, size), size, out=np.zeros_like(size), where=size > 0)
    chosen = np.empty(len(p))
    chosen[order] = np.repeat(part, np.diff(np.r_[starts, len(p)]))
    return chosen
