"""A past that randomised, and what is expected of a customer, with an offer and without."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from models.learner import fit

Floats = npt.NDArray[np.float64]
OUTCOME_TREES = 80
OUTCOME: dict[str, Any] = {
    "num_leaves": 10,
    "max_depth": 4,
    "learning_rate": 0.08,
    "lambda_l2": 10.0,
    "feature_fraction": 0.5,
}
# A leaf holds at least this share of the rows.
LEAF_SHARE, SMALLEST_LEAF = 100, 20
# What few extreme outcomes say about an effect is noise.
EDGE = 0.998
ROWWISE = ("facts", "offers", "contacted", "outcome", "chance", "groups", "periods")


@dataclass(frozen=True)
class Trial:
    """Each row an offer sent to a customer, or held back from one; shape (rows,) where nothing is said.

    facts: (rows, facts), of the customer; offers: (rows, terms), of the offer sent or held back; contacted: 0
    or 1; chance: of having been contacted; groups: the customer; periods: what happened to all at one time
    is not the offers' doing; names, offer_names: the columns.
    """

    facts: Floats
    offers: Floats
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
        with_offer = fit(
            self.pairs, self.outcome, self.groups, self.pair_names, "regression", learn=sent,
            trees=OUTCOME_TREES, parameters=coarse(OUTCOME, int(sent.sum())),
        ).out_of_fold  # fmt: skip
        without = fit(
            self.facts, self.outcome, self.groups, self.names, "regression", learn=~sent,
            trees=OUTCOME_TREES, parameters=coarse(OUTCOME, int((~sent).sum())),
        ).out_of_fold  # fmt: skip
        return with_offer, without

    @cached_property
    def expected_anyway(self) -> Floats:
        """What a customer is expected to bring, contacted or not, by models that never saw the customer and
        do not know what was done."""
        return fit(
            self.facts, self.outcome, self.groups, self.names, "regression",
            trees=OUTCOME_TREES, parameters=coarse(OUTCOME, len(self.outcome)),
        ).out_of_fold  # fmt: skip


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
