"""Which learner's promises earn most on held-out contacts: their cost curves, paired."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from models.bootstrap import paired
from models.cost_curve import gains, ranked
from models.metric import Interval
from models.trial import Trial, calm, freed
from models.uplift_learner import EffectModel, predict_rows

Floats = npt.NDArray[np.float64]


def judge_learners(
    models: Mapping[str, EffectModel], later: Trial, usual: Floats, cost: Floats, against: str
) -> tuple[dict[str, Interval], dict[str, Interval]]:
    """The area of each model's cost curve (net value a contact, minor units), and its paired difference from
    the model named `against`.

    The question asked at each contact of `later` is whether its offer was worth sending. usual: minor units
    of a usual order, the outcome's unit; cost: of the contact and what was redeemed, minor units, 0 where
    held back.
    """
    # Noise of mean zero, whatever was expected: the contact was drawn at random.
    added = gains(calm(freed(later)), later.contacted, later.chance, np.zeros(len(usual))) * usual
    spent = cost / later.chance  # of those contacted; the others stand in for them
    promised_cost = _mean_of_offer(later, cost)
    net = added - spent
    areas = {}
    for name, model in models.items():
        promised = predict_rows(model, later.facts, later.offers) * usual - promised_cost
        areas[name] = ranked(promised / np.maximum(promised_cost, 1.0), net, spent).area
    return paired(areas, later.groups, against)


def _mean_of_offer(later: Trial, cost: Floats) -> Floats:
    """What contacting costs on average, by offer; shape (rows,)."""
    _, which = np.unique(later.offers, axis=0, return_inverse=True)
    sent = later.contacted
    total = np.bincount(which.ravel(), cost * sent)
    return np.asarray((total / np.maximum(np.bincount(which.ravel(), sent), 1.0))[which.ravel()])
