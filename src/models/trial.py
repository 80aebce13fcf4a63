"""A past that randomised, and what is expected of a customer, with an offer and without."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from models.learner import boost, mixed

Floats = npt.NDArray[np.float64]
OUTCOME_TREES = 60
OUTCOME: dict[str, Any] = {
    "num_leaves": 10,
    "max_depth": 4,
    "learning_rate": 0.1,
    "lambda_l2": 10.0,
    "feature_fraction": 0.5,
}
# A leaf holds at least this share of the rows.
LEAF_SHARE, SMALLEST_LEAF = 100, 20
# What few extreme outcomes say about an effect is noise.
EDGE = 0.998
ROWWISE = ("facts", "offer", "contacted", "outcome", "chance", "groups", "periods")


@dataclass(frozen=True)
class Trial:
    """Each row an offer sent to a customer, or held back from one; shape (rows,) where nothing is said.

    facts: (rows, facts), of the customer; offer: the place in `terms`, (offers, terms), of the offer sent or
    held back; contacted: 0 or 1; chance: of having been contacted; groups: the customer; periods: what
    happened to all at one time is not the offers' doing; names, offer_names: the columns.
    """

    facts: Floats
    offer: npt.NDArray[np.int64]
    terms: Floats
    contacted: Floats
    outcome: Floats
    chance: Floats
    groups: npt.NDArray[np.int64]
    periods: npt.NDArray[np.int64]
    names: tuple[str, ...]
    offer_names: tuple[str, ...]

    def rows(self, chosen: npt.NDArray[Any]) -> "Trial":
        cut = {name: getattr(self, name)[chosen] for name in ROWWISE}
        return replace(self, **cut)

    @property
    def offers(self) -> Floats:
        """The terms of each row's offer, shape (rows, terms)."""
        return self.terms[self.offer]

    @property
    def pairs(self) -> Floats:
        return np.column_stack([self.facts, self.offers])

    @property
    def pair_names(self) -> tuple[str, ...]:
        return (*self.names, *self.offer_names)

    @cached_property
    def expected(self) -> tuple[Floats, Floats]:
        """What a customer is expected to bring with the offer and without, by models that never saw the
        customer. Without is learnt from all who were held back, whichever offer they were held back from:
        they are few, and all got the same, nothing."""
        sent = self.contacted == 1
        with_offer = self._out_of_sight(self.pairs, self.pair_names, sent)
        return with_offer, self._out_of_sight(self.facts, self.names, ~sent)

    @cached_property
    def expected_anyway(self) -> Floats:
        """What a customer is expected to bring, contacted or not, by models that never saw the customer and
        do not know what was done."""
        return self._out_of_sight(self.facts, self.names, np.ones(len(self.outcome), dtype=bool))

    def _out_of_sight(self, values: Floats, names: tuple[str, ...], learn: npt.NDArray[np.bool_]) -> Floats:
        return out_of_sight(values, self.outcome, self.groups, names, "regression", learn=learn)


def out_of_sight(
    values: Floats,
    target: Floats,
    groups: npt.NDArray[np.int64],
    names: tuple[str, ...],
    objective: str,
    *,
    learn: npt.NDArray[np.bool_] | None = None,
) -> Floats:
    """Each row's prediction by a model that learnt from the other half of the customers (of its rows in
    `learn`); shape (rows,). Two coarse models: what is learnt of them is only what is not the effect."""
    half = halves(groups)
    learnt = np.ones(len(target), dtype=bool) if learn is None else learn
    predicted = np.empty(len(target))
    for mine in (half, ~half):
        rows = np.flatnonzero(learnt & ~mine)
        settings = coarse(OUTCOME, len(rows))
        booster = boost(
            values[rows], target[rows], names, objective, trees=OUTCOME_TREES, parameters=settings
        )
        predicted[mine] = booster.predict(values[mine])
    return predicted


def halves(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Half of the customers, by hash, so that it does not depend on which other rows there are."""
    return np.asarray((mixed(groups) >> np.uint64(41)) % np.uint64(2) == 0)


def freed(trial: Trial) -> Floats:
    """The outcome, less what was expected of the customer and what the period brought to all."""
    rest = trial.outcome - trial.expected_anyway
    _, period = np.unique(trial.periods, return_inverse=True)
    return np.asarray(rest - (np.bincount(period, rest) / np.bincount(period))[period])


def calm(residual: Floats) -> Floats:
    edge = np.quantile(np.abs(residual), EDGE)
    return np.clip(residual, -edge, edge)


def coarse(parameters: dict[str, Any], rows: int) -> dict[str, Any]:
    """The parameters with as many rows in a leaf as so small effects need."""
    return parameters | {"min_data_in_leaf": max(SMALLEST_LEAF, rows // LEAF_SHARE)}
