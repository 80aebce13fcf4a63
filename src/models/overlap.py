"""Overlap: can those who were contacted be compared with those who were not?

Where the past chose by what it knew, some customers were never contacted, or always: for them nothing in the
data says what contacting adds, and a model's number would be a guess. So the chance of contact is estimated
from the facts, out of fold, and three figures say how far the two groups can be compared.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.metric import auc
from models.off_policy import effective_size
from models.trial import out_of_sight

Floats = npt.NDArray[np.float64]
LEAST_ROWS = 200
# Odds of contact that differ from the overall odds by more than this lie outside the common support.
SUPPORT = 10.0
# With less, a few customers stand for all others, or a part of them has nobody to be compared with.
LEAST_EFFECTIVE, MOST_OUTSIDE = 0.5, 0.1


class Overlap(NamedTuple):
    """contacted, others: how many rows there are of each; auc: how well the facts tell them apart (0.5: not
    at all); effective: the effective sample size of the inverse propensity weights as a share of the sample,
    in the worse of the two groups (1: nobody counts more than another); outside: the share of rows whose odds
    of contact differ from the overall odds more than tenfold."""

    contacted: int
    others: int
    auc: float
    effective: float
    outside: float

    @property
    def is_enough(self) -> bool:
        return self.effective >= LEAST_EFFECTIVE and self.outside <= MOST_OUTSIDE

    def __str__(self) -> str:
        return (
            f"{self.contacted:,} contacted, {self.others:,} others; the facts tell them apart with AUC "
            f"{self.auc:.3f}; effective sample {self.effective:.1%}, outside the common support "
            f"{self.outside:.1%} (needed: at least {LEAST_EFFECTIVE:.0%}, at most {MOST_OUTSIDE:.0%})"
        )


def overlap_of(
    values: Floats, contacted: Floats, groups: npt.NDArray[np.int64], names: tuple[str, ...]
) -> tuple[Overlap, Floats]:
    """The figures, and each row's chance of contact by a model that never saw its customer.

    values: what was known before the contact, shape (rows, facts); contacted: 0 or 1. With fewer than
    LEAST_ROWS of either group there is nothing to estimate: no overlap, and nan.
    """
    sent = int(contacted.sum())
    held = len(contacted) - sent
    if min(sent, held) < LEAST_ROWS:
        return Overlap(sent, held, float("nan"), 0.0, 1.0), np.full(len(contacted), np.nan)
    chance = out_of_sight(values, contacted, groups, names, "binary")
    share = sent / len(contacted)
    chance = np.clip(chance, 1e-6, 1 - 1e-6)
    odds = chance / (1 - chance) / (share / (1 - share))
    weight = np.where(contacted == 1, share / chance, (1 - share) / (1 - chance))
    effective = min(
        effective_size(part) / len(part) for part in (weight[contacted == 1], weight[contacted == 0])
    )
    outside = float(((odds > SUPPORT) | (odds < 1 / SUPPORT)).mean())
    told_apart = auc(chance, contacted, np.ones(len(contacted)))
    return Overlap(sent, held, told_apart, effective, outside), chance
