"""Learners of an offer's effect from a past that randomised, all on LightGBM.

- s: one model of the outcome, told whether the customer was contacted (Künzel et al. 2019);
- t: one model of those contacted, one of those not;
- x: what those contacted brought beyond what the model of the others expected, and the reverse (Künzel);
- r: what is left of the outcome on what is left of the contact (Nie & Wager 2021);
- dr: cross-fitted doubly robust pseudo-outcomes (AIPW; Kennedy 2023);
- shared: one linear model of all offers' effects (models.shared_effect).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.learner import boost, fit
from models.shared_effect import SharedEffect, shared_learner
from models.trial import OUTCOME, OUTCOME_TREES, Trial, calm, coarse

Floats = npt.NDArray[np.float64]
CONTACTED = "contacted"
# Effects are small beside the noise: few coarse leaves, many rows in each, and a number of trees that is
# fixed, for early stopping would read noise here.
EFFECT_TREES = 100
EFFECT: dict[str, Any] = {
    "num_leaves": 6,
    "max_depth": 3,
    "learning_rate": 0.05,
    "lambda_l2": 100.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
}


class Term(NamedTuple):
    """A model that counts `weight` times in the effect; contacted: what it is told, where it asks."""

    booster: lgb.Booster
    weight: float
    contacted: float = 1.0


@dataclass(frozen=True)
class BoostedEffect:
    """The effect of contacting, as a sum of models; `names` are the customer's facts, `offer_names` the
    offer's terms."""

    names: tuple[str, ...]
    offer_names: tuple[str, ...]
    terms: tuple[Term, ...]
    learner: str

    def predict(self, facts: Floats, terms: Floats) -> Floats:
        """facts: (customers, facts); terms: (offers, terms); shape (customers, offers)."""
        customers, offers = len(facts), len(terms)
        effect = np.zeros((customers, offers))
        if not effect.size:
            return effect
        width = len(self.names)
        asked = np.empty((customers * offers, width + len(self.offer_names) + 1))
        asked[:, :width] = np.repeat(facts, offers, axis=0)
        for booster, weight, contacted in self.terms:
            columns = booster.num_feature()
            if columns == width:  # it asks of the customer alone
                effect += weight * np.asarray(booster.predict(facts))[:, None]
                continue
            asked[:, width:-1] = np.tile(terms * contacted, (customers, 1))
            asked[:, -1] = contacted
            told = np.asarray(booster.predict(asked[:, :columns]))
            effect += weight * told.reshape(customers, offers)
        return effect


EffectModel = BoostedEffect | SharedEffect
Learner = Callable[[Trial], EffectModel]


def s_learner(trial: Trial) -> BoostedEffect:
    told = trial.contacted[:, None]
    values = np.column_stack([trial.facts, trial.offers * told, told])
    booster = boost(
        values, trial.outcome, (*trial.pair_names, CONTACTED), "regression",
        trees=2 * OUTCOME_TREES, parameters=coarse(OUTCOME, len(values)),
    )  # fmt: skip
    return _model("s", trial, Term(booster, 1.0, 1.0), Term(booster, -1.0, 0.0))


def t_learner(trial: Trial) -> BoostedEffect:
    sent = trial.contacted == 1
    with_offer = boost(
        trial.pairs[sent], trial.outcome[sent], trial.pair_names, "regression",
        trees=OUTCOME_TREES, parameters=coarse(OUTCOME, int(sent.sum())),
    )  # fmt: skip
    without = boost(
        trial.facts[~sent], trial.outcome[~sent], trial.names, "regression",
        trees=OUTCOME_TREES, parameters=coarse(OUTCOME, int((~sent).sum())),
    )  # fmt: skip
    return _model("t", trial, Term(with_offer, 1.0), Term(without, -1.0))


def x_learner(trial: Trial) -> BoostedEffect:
    with_offer, without = trial.expected
    sent = trial.contacted == 1
    gained = calm(trial.outcome - without)
    missed = calm(with_offer - trial.outcome)
    share = float(trial.contacted.mean())
    return _model(
        "x",
        trial,
        Term(_effect(trial.rows(sent), gained[sent]), 1 - share),
        Term(_effect(trial.rows(~sent), missed[~sent]), share),
    )


def r_learner(trial: Trial) -> BoostedEffect:
    outcome = fit(
        trial.pairs, trial.outcome, trial.groups, trial.pair_names, "regression",
        trees=OUTCOME_TREES, parameters=coarse(OUTCOME, len(trial.outcome)),
    ).out_of_fold  # fmt: skip
    left = trial.contacted - trial.chance
    return _model("r", trial, Term(_effect(trial, calm(trial.outcome - outcome) / left, left**2), 1.0))


def dr_learner(trial: Trial) -> BoostedEffect:
    return _model("dr", trial, Term(_effect(trial, pseudo_outcome(trial)), 1.0))


def pseudo_outcome(trial: Trial) -> Floats:
    """What contacting added, a row, with the right mean wherever the chance or the models are right (AIPW).

    With the noise of one customer in each: for learning and judging, not for deciding.
    """
    with_offer, without = trial.expected
    sent = trial.contacted == 1
    rest = calm(trial.outcome - np.where(sent, with_offer, without))
    return np.asarray(with_offer - without + np.where(sent, rest / trial.chance, -rest / (1 - trial.chance)))


LEARNERS: dict[str, Learner] = {
    "s": s_learner, "t": t_learner, "x": x_learner, "r": r_learner, "dr": dr_learner,
    "shared": shared_learner,
}  # fmt: skip


def _effect(trial: Trial, target: Floats, weight: Floats | None = None) -> lgb.Booster:
    return boost(
        trial.pairs, target, trial.pair_names, "regression",
        weight=weight, trees=EFFECT_TREES, parameters=coarse(EFFECT, len(target)),
    )  # fmt: skip


def _model(name: str, trial: Trial, *terms: Term) -> BoostedEffect:
    return BoostedEffect(trial.names, trial.offer_names, terms, name)
