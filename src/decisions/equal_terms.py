"""Equal terms: whether customers who are alike but for tier, region, age or gender are offered alike.

Alike means: who may be reached at all, in the same band of expected value and of churn probability. Tiers
are a stated reason for better terms, so that of a tier only one thing is asked: that it fares no worse than
the tiers below it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.choice import NOTHING, Choices
from decisions.label import Places
from decisions.reach import EqualTerms
from decisions.why import Why
from models.alike import bands, beside, common
from models.outcome import NORMAL_95
from models.segment import chance_of, clustered_error, holm
from tables.offer import Offer

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.object_]
Measure = Literal["offered", "reward"]
MEASURES: tuple[Measure, ...] = ("offered", "reward")
# Bands of expected value, crossed with as many of churn probability.
BANDS = 5
# Of a band both the group and the others must have so many customers, or it tells nothing of the difference.
IN_A_BAND = 10
# The chance that terms within the bound are called unequal, over all looks together (Holm).
LEVEL = 0.05
# With one of these at every offer nothing may be said to a customer, whoever they are.
CANNOT_BE_REACHED = (
    *(Why.NOT_VALID, Why.CONSENT_UNKNOWN, Why.NO_CONSENT, Why.OPTED_OUT, Why.HELD_OUT),
    *(Why.HELD_OUT_OF_OFFER, Why.NOT_THE_DAY, Why.COMPLAINT_OPEN, Why.RESTING),
    *(Why.CAP_UNKNOWN, Why.CAPPED, Why.QUIET_HOURS),
)


class Offered(NamedTuple):
    """What customers were offered; shape (customers,). offered: 0 or 1; reward: worth of the offer to who
    redeems it, minor units, 0 without one; both nan for whom nothing may be said to."""

    offered: Floats
    reward: Floats


class Tiers(NamedTuple):
    """A scheme and its tiers from the best down; place: of each customer's, negative without one."""

    scheme: str
    names: tuple[str, ...]
    place: Places


class Term(NamedTuple):
    """One look: what a group is offered beside `others`, both as if they had everybody's mix of bands.
    difference: group less others over the mean of both, error: its standard error; is_beyond: surely past
    the bound."""

    axis: str
    group: str
    others: str
    measure: Measure
    customers: int
    figure: float
    rest: float
    difference: float
    error: float
    is_beyond: bool = False

    @property
    def low(self) -> float:
        return self.difference - NORMAL_95 * self.error

    @property
    def high(self) -> float:
        return self.difference + NORMAL_95 * self.error


@dataclass(frozen=True)
class TermsReport:
    """compared: customers who may be offered something; most_difference: the policy's; small: groups that too
    few customers can be compared of; unknown: what is to be compared over and the base does not say."""

    compared: int
    most_difference: float
    terms: tuple[Term, ...]
    small: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def beyond(self) -> tuple[Term, ...]:
        """The furthest first."""
        return tuple(
            sorted((each for each in self.terms if each.is_beyond), key=lambda each: -abs(each.difference))
        )


def offered_by(choices: Choices, offers: tuple[Offer, ...]) -> Offered:
    rewards = np.array([*(offer.reward for offer in offers), 0], dtype=np.float64)
    closed = np.isin(choices.why, CANNOT_BE_REACHED).all(axis=1)
    # Who opted out gets what all who did get: nothing of it is chosen.
    closed |= (choices.why == Why.OPTED_OUT).any(axis=1)
    given = (choices.chosen != NOTHING).astype(np.float64)
    return Offered(
        offered=np.where(closed, np.nan, given), reward=np.where(closed, np.nan, rewards[choices.chosen])
    )


def judge_terms(
    asked: EqualTerms,
    offered: Offered,
    value: Floats,
    churn: Floats,
    groups: Mapping[str, Labels],
    tiers: tuple[Tiers, ...],
) -> TermsReport:
    """value, churn: expected value and churn probability, nan of whom the models do not speak of; groups:
    axis -> each customer's group, None where it is not known. Shape (customers,) throughout."""
    rows = np.flatnonzero(np.isfinite(offered.offered) & np.isfinite(value) & np.isfinite(churn))
    kind = bands(value[rows], BANDS) * BANDS + bands(churn[rows], BANDS)
    found: list[Term] = []
    small: list[str] = []
    said = {*groups, *(("tier",) if tiers else ())}
    looks = [*_of_groups(asked, groups, rows), *_of_tiers(asked, tiers, rows)]
    for axis, group, others, mine, rest in looks:
        alike = common(mine, rest, kind, IN_A_BAND)
        sizes = [int((alike & part).sum()) for part in (mine, rest)]
        if min(sizes) < asked.least_customers:
            small.append(f"{axis} {group} ({min(sizes)})")
            continue
        for measure in MEASURES:
            figures = getattr(offered, measure)[rows[alike]]
            if figures.any():  # where nobody gets an offer nobody gets less of one
                told = _difference(figures, mine[alike], kind[alike])
                found.append(Term(axis, group, others, measure, sizes[0], *told))
    blamed = holm([_chance(each, asked.most_difference) for each in found], LEVEL)
    return TermsReport(
        compared=len(rows),
        most_difference=asked.most_difference,
        terms=tuple(each._replace(is_beyond=beyond) for each, beyond in zip(found, blamed, strict=True)),
        small=tuple(small),
        unknown=tuple(axis for axis in asked.compared_over if axis not in said),
    )


Look = tuple[str, str, str, Flags, Flags]
EVERYBODY, LOWER = "everybody else", "the tiers below"


def _of_groups(
    asked: EqualTerms, groups: Mapping[str, Labels], rows: npt.NDArray[np.int64]
) -> Iterator[Look]:
    for axis in asked.compared_over:
        if axis not in groups:
            continue
        labels = groups[axis][rows]
        known = np.array([each is not None for each in labels.tolist()], dtype=bool)
        names = sorted(set(labels[known].tolist()))
        for name in names if len(names) > 1 else ():
            mine = labels == name
            yield axis, str(name), EVERYBODY, mine, known & ~mine


def _of_tiers(asked: EqualTerms, tiers: tuple[Tiers, ...], rows: npt.NDArray[np.int64]) -> Iterator[Look]:
    if "tier" not in asked.compared_over:
        return
    for scheme in tiers:
        place = scheme.place[rows]
        for k, name in enumerate(scheme.names[:-1]):
            yield "tier", f"{scheme.scheme} {name}", LOWER, place == k, place > k


def _difference(
    figures: Floats, mine: Flags, kind: npt.NDArray[np.int64]
) -> tuple[float, float, float, float]:
    """Of the group, of the others, their difference over the mean, and its error by the delta method."""
    found = beside(figures, mine, kind)
    difference = (found.group - found.rest) / found.all
    influence = (found.on_group - found.on_rest - difference * found.on_all) / found.all
    error = clustered_error(influence, np.arange(len(figures)))
    return found.group, found.rest, difference, error


def _chance(term: Term, bound: float) -> float:
    """Of a difference so far past the bound if the truth is at it; better ones for a better tier are none."""
    gap = -term.difference if term.others == LOWER else abs(term.difference)
    return chance_of(gap, bound, term.error)
