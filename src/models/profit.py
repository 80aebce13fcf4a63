"""EMPC: what a retention campaign earns a customer when as many are contacted as pays best."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.stats import beta

from models.metric import Floats, Metric


class Campaign(NamedTuple):
    """A retention campaign (Verbraken, Verbeke & Baesens 2013). Money in one unit: value of a customer who is
    kept, incentive of who takes it up, contact of everybody told. The share of leavers whom the incentive
    keeps is not known: Beta(accepts, refuses), 0.3 on average as published."""

    value: float = 200.0
    incentive: float = 10.0
    contact: float = 1.0
    accepts: float = 6.0
    refuses: float = 14.0


def empc(campaign: Campaign = Campaign()) -> Metric:  # noqa: B008 (immutable)
    """Expected maximum profit a customer of the base, in the campaign's unit; never below 0 (contact nobody).

    Leavers cost their contact, and are kept with the incentive if it works for them; who stays anyway takes
    the incentive too. For every possible effect the best depth is one of the corners of the ROC curve's
    hull, whose segments are the blocks of an isotonic regression; the effect is integrated out exactly.
    """
    delta, phi = campaign.incentive / campaign.value, campaign.contact / campaign.value
    a, b = campaign.accepts, campaign.refuses

    def profit(predicted: Floats, happened: Floats, weight: Floats) -> float:
        left, stayed = hull(predicted, happened, weight)
        # Going on to the next corner pays once the incentive works for more than this share of leavers.
        more = (delta + phi) * np.diff(stayed) / np.maximum(np.diff(left), 1e-300)
        edges = np.clip(np.r_[0.0, (more + phi) / (1 - delta), 1.0], 0.0, 1.0)
        chance = np.diff(beta.cdf(edges, a, b))
        mean = a / (a + b) * np.diff(beta.cdf(edges, a + 1, b))
        each = ((1 - delta) * mean - phi * chance) * left - (delta + phi) * chance * stayed
        return float(campaign.value * each.sum())

    return profit


def hull(predicted: Floats, happened: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Corners of the ROC curve's convex hull from (0, 0): the shares of all customers who are contacted and
    left, and who are contacted and stayed; shape (corners,). nan-free; equals are contacted together."""
    order = np.argsort(predicted, kind="stable")
    p, y, w = predicted[order], happened[order], weight[order]
    starts = np.flatnonzero(np.r_[True, p[1:] != p[:-1]])
    size, left = np.add.reduceat(w, starts), np.add.reduceat(w * y, starts)
    size, left = size[size > 0], left[size > 0]
    blocks = isotonic_regression(left / size, weights=size).blocks
    size, left = np.add.reduceat(size, blocks[:-1])[::-1], np.add.reduceat(left, blocks[:-1])[::-1]
    total = size.sum()
    return np.r_[0.0, np.cumsum(left) / total], np.r_[0.0, np.cumsum(size - left) / total]
