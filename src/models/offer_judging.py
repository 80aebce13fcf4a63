"""Which learner's choices earn most on held-out contacts: their cost curves, paired."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from models.bootstrap import paired
from models.cost_curve import Ranked, gains, ranked
from models.metric import Interval
from models.trial import Trial, calm, freed
from models.uplift_learner import EffectModel

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]


def judge_learners(
    models: Mapping[str, EffectModel],
    later: Trial,
    picked: Floats,
    usual: Floats,
    cost: Floats,
    against: str,
) -> tuple[dict[str, Interval], dict[str, Interval]]:
    """The area of each model's cost curve (net value a contact, minor units), and its paired difference from
    the model named `against`.

    Each customer of `later` is given the offer, of those made in the period, that the model promises the
    highest net value for. What that earned is known where the past happened to pick the same offer, and
    weighted by the chance of that. picked: this chance for the offer picked, nan where the log does not keep
    it (then the offer's share of the period); usual: minor units of a usual order, the outcome's unit; cost:
    of the contact and what was redeemed, minor units, 0 where held back.
    """
    told = np.where(np.isfinite(picked) & (picked > 0), picked, _share_in_period(later))
    # Noise of mean zero, whatever was expected: the contact was drawn at random.
    added = gains(calm(freed(later)), later.contacted, later.chance, np.zeros(len(usual))) * usual
    spent = cost / later.chance / told  # of those contacted; the others stand in for them
    net = added / told - spent
    made, mean_cost = _made(later), _mean_cost(later, cost)
    areas = {
        name: _of_choices(model, later, usual, mean_cost, made, net, spent).area
        for name, model in models.items()
    }
    return paired(areas, later.groups, against)


def _of_choices(
    model: EffectModel,
    later: Trial,
    usual: Floats,
    mean_cost: Floats,
    made: npt.NDArray[np.bool_],
    net: Floats,
    spent: Floats,
) -> Ranked:
    promised = model.predict(later.facts, later.terms) * usual[:, None] - mean_cost
    promised[~made] = -np.inf
    best = promised.argmax(axis=1)
    rank = promised[np.arange(len(best)), best] / np.maximum(mean_cost[best], 1.0)
    happened = best == later.offer
    return ranked(rank, net * happened, spent * happened)


def _periods(later: Trial) -> Int64s:
    return np.asarray(np.unique(later.periods, return_inverse=True)[1], dtype=np.int64)


def _made(later: Trial) -> npt.NDArray[np.bool_]:
    """Which offers were made in each row's period; shape (rows, offers)."""
    period = _periods(later)
    made = np.zeros((int(period.max()) + 1, len(later.terms)), dtype=bool)
    made[period, later.offer] = True
    return made[period]


def _share_in_period(later: Trial) -> Floats:
    """Of the contacts of a row's period, the share of its offer."""
    period = _periods(later)
    counts = np.zeros((int(period.max()) + 1, len(later.terms)))
    np.add.at(counts, (period, later.offer), 1.0)
    return np.asarray((counts / counts.sum(axis=1, keepdims=True))[period, later.offer])


def _mean_cost(later: Trial, cost: Floats) -> Floats:
    """What contacting costs on average, by offer; shape (offers,)."""
    count = len(later.terms)
    total = np.bincount(later.offer, cost * later.contacted, count)
    return np.asarray(total / np.maximum(np.bincount(later.offer, later.contacted, count), 1.0))
