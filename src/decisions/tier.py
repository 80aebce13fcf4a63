"""Tiers and tags: which of a scheme's ranges a customer lies in, and how far the next better one is."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from decisions.frozen import KINDS, NOBODY
from decisions.known import BY_HAND, IS_COMPANY, SCORES, Floats, Measured
from decisions.measure import Range, When
from decisions.setting import Misplaced, Named
from features.reader import facts_of

# In place of a tier's place in its scheme.
NOT_KNOWN = -1
OTHER_KIND = -2
NO_REASON = -1
Places = npt.NDArray[np.int8]
CHINESE = {
    "churn_probability": "流失概率",
    "expected_value": "预期价值",
    "strategic_fit": "战略匹配度",
    "potential_by_hand": "人工潜力评分",
}


class Tier(Named):
    """Customers for whom all ranges hold."""

    when: When


class Tag(Named):
    """Holds, does not hold, or is not known; independent of every tier."""

    customers: Literal["person", "company", "everyone"] = "everyone"
    when: When
    document: str = ""


class TierScheme(Named):
    """Tiers of one kind of customer, the best first; exactly one holds for whom all measures are known."""

    customers: Literal["person", "company", "everyone"]
    tiers: tuple[Tier, ...] = Field(min_length=1, max_length=100)
    drives_benefits: bool = False
    document: str = ""

    @model_validator(mode="after")
    def each_tier_stands_once(self) -> "TierScheme":
        names = [tier.name for tier in self.tiers]
        if twice := [k for k, name in enumerate(names) if name in names[:k]]:
            raise Misplaced(
                (("tiers", k, "name"), f"{names[k]} names two tiers of the scheme") for k in twice
            )
        return self

    @property
    def measure(self) -> str | None:
        """The one measure that all tiers go by; None where they go by several."""
        names = {name for tier in self.tiers for name in tier.when}
        return names.pop() if len(names) == 1 else None

    @property
    def measures(self) -> tuple[str, ...]:
        return tuple(sorted({name for tier in self.tiers for name in tier.when}))

    def place(self, name: str) -> int:
        return [tier.name for tier in self.tiers].index(name)


class Labels(NamedTuple):
    """place: of each customer's tier in its scheme, NOT_KNOWN or OTHER_KIND; why: of the reason for having
    none among `reasons` (English, Chinese), NO_REASON for who has one; shape (customers,)."""

    place: Places
    why: npt.NDArray[np.int64]
    reasons: tuple[tuple[str, str], ...]


def tiers_of(scheme: TierScheme, measured: Measured, truths: Floats | None = None) -> Labels:
    """Everybody's tier. Who lacks a fact that would decide gets no tier, and the reason.

    truths: which tiers hold, shape (tiers, customers), where that was found for all schemes (decisions.held).
    """
    if truths is None:
        truths = np.stack([holds(tier.when, measured) for tier in scheme.tiers])
    place = np.where((truths == 1).any(axis=0), (truths == 1).argmax(axis=0), NOT_KNOWN)
    gap = (truths == 0).all(axis=0)
    return explained(place, scheme.customers, scheme.measures, measured, gap)


def tag_of(tag: Tag, measured: Measured, truth: Floats | None = None) -> Labels:
    """Place 1 where the tag holds, 0 where it does not; truth: whether it does, where that was found."""
    truth = holds(tag.when, measured) if truth is None else truth
    place = np.where(np.isnan(truth), NOT_KNOWN, truth)
    return explained(place, tag.customers, tuple(sorted(tag.when)), measured)


def holds(when: Mapping[str, Range], measured: Measured) -> Floats:
    """1 where all ranges hold, 0 where one does not, nan where that is not known; shape (customers,)."""
    truths = np.stack([_within(name, each, measured) for name, each in when.items()])
    is_known = ~np.isnan(truths).any(axis=0)
    return np.where((truths == 0).any(axis=0), 0.0, np.where(is_known, 1.0, np.nan))


def _within(name: str, limits: Range, measured: Measured) -> Floats:
    if (name, limits) in measured.truths:
        return measured.truths[name, limits]
    value = measured(name)
    low, high = limits.low, limits.below
    truth = np.where(np.isnan(value), np.nan, 1.0)
    if low is not None:
        limit = measured.threshold(name, low)
        inside = value >= limit if limits.at_least is not None else value > limit
        truth = np.where(np.isnan(limit), np.nan, truth * inside)
    if high is not None:
        limit = measured.threshold(name, high)
        outside = (value >= limit) & ~np.isnan(limit)
        # Whoever is past one end does not lie inside, whatever the other end is.
        truth = np.where(outside, 0.0, np.where(np.isnan(limit) & (truth != 0), np.nan, truth))
    measured.truths[name, limits] = truth
    return truth


def next_tier(scheme: TierScheme, measured: Measured, place: Places) -> tuple[Places, Floats]:
    """The next better tier and what the measure lacks to reach it; NOT_KNOWN and nan for the best, and for
    who has no tier. ValueError for a scheme of several measures."""
    if scheme.measure is None:
        raise ValueError(f"{scheme.name} goes by several measures: there is no one distance")
    value = measured(scheme.measure)
    following, lacking = np.full_like(place, NOT_KNOWN), np.full(len(place), np.nan)
    for k, tier in enumerate(scheme.tiers[:-1]):
        low = tier.when[scheme.measure].low
        if low is not None:
            below = place == k + 1
            following[below] = k
            lacking[below] = (measured.threshold(scheme.measure, low) - value)[below]
    return following, lacking


def explained(
    place: npt.ArrayLike,
    customers: str,
    names: Iterable[str],
    measured: Measured,
    gap: npt.NDArray[np.bool_] | None = None,
) -> Labels:
    """Places with the reason for each that is missing: the kind, a gap of the policy where everything is
    known and nothing holds, or the facts that are not known."""
    place = np.array(place, np.int8)
    why = np.full(len(place), NO_REASON, np.int64)
    reasons: list[tuple[str, str]] = []
    kind = measured.kind
    if customers != "everyone":
        others = (kind != KINDS.index(customers)) & (kind != NOBODY)
        place[others], why[others] = OTHER_KIND, len(reasons)
        reasons.append(_OTHER[customers])
        unknown = kind == NOBODY
        place[unknown], why[unknown] = NOT_KNOWN, len(reasons)
        reasons.append(_NO_KIND)
    if gap is not None and (gap & (why == NO_REASON)).any():
        why[gap & (why == NO_REASON)] = len(reasons)
        reasons.append(_GAP)
    rows = np.flatnonzero((place == NOT_KNOWN) & (why == NO_REASON))
    if len(rows):
        missing = _missing(tuple(names), measured, rows)
        found, which = np.unique(np.stack(list(missing.values()), axis=1), axis=0, return_inverse=True)
        why[rows] = len(reasons) + which.reshape(-1)
        words = list(missing)
        reasons += [_not_known([words[k] for k in np.flatnonzero(each)]) for each in found]
    return Labels(place, why, tuple(reasons))


_OTHER = {
    "company": ("a scheme for companies", "仅适用于企业客户"),
    "person": ("a scheme for persons", "仅适用于个人客户"),
}
_GAP = (
    "no tier holds: the policy leaves a gap (`holdfast policy check` says where)",
    "策略存在空档，无对应等级",
)
_NO_KIND = (
    f"not known: whether a person or a company ({IS_COMPANY}); `unknown_kind` in the policy can say",
    f"未知：个人或企业（{IS_COMPANY}）",
)


def _missing(
    names: tuple[str, ...], measured: Measured, rows: npt.NDArray[np.int64]
) -> dict[str, npt.NDArray[np.bool_]]:
    """Of each name that may be to blame, at which of the rows it is; the facts where any of them is missing,
    else the measure itself (a quotient of nothing), else the frozen threshold."""
    found: dict[str, npt.NDArray[np.bool_]] = {}
    blamed = np.zeros(len(rows), dtype=bool)
    for name in names:
        unknown = np.isnan(measured(name)[rows])
        by_source = np.zeros(len(rows), dtype=bool)
        for source in measured.sources(name):
            missing = unknown & np.isnan(measured(source)[rows])
            found[source] = found.get(source, False) | missing
            by_source |= missing
        if (unknown & ~by_source).any():
            found[name] = unknown & ~by_source
        blamed |= unknown
    if not blamed.all():
        found[_NO_THRESHOLD] = ~blamed
    return found


_NO_THRESHOLD = "a threshold that is frozen for customers of this kind"


@cache
def _chinese() -> dict[str, str]:
    facts = {named.name: named.fact.chinese for named in facts_of()}
    return facts | CHINESE | {_NO_THRESHOLD: "该类客户的冻结阈值"}


def _not_known(names: list[str]) -> tuple[str, str]:
    chinese = _chinese()
    said = "、".join(chinese.get(name, name) for name in names)
    return f"not known: {', '.join(names)}", f"未知：{said}"


assert set(CHINESE) == {*SCORES, *BY_HAND}
