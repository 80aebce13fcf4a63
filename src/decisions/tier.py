"""Tiers and tags: which of a scheme's ranges a customer lies in, and how far the next better one is."""

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from itertools import compress
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from decisions.frozen import KINDS, Frozen
from decisions.known import BY_HAND, IS_COMPANY, SCORES, Floats, Measured, Written, limits_of
from decisions.label import (
    EVERYONE,
    NOT_KNOWN,
    Blame,
    Places,
    explain,
    first_held,
)
from decisions.measure import Range, When
from decisions.setting import Misplaced, Named
from features.reader import facts_of
from tables.once import once

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
    place, gap = np.empty(truths.shape[1], np.int8), np.empty(truths.shape[1], np.bool_)
    first_held(truths, place, gap)
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
    begins, has_begin = _begins(scheme, measured.frozen)
    before = np.maximum(place, 1) - 1
    there = (place > 0) & has_begin[before]
    lacking = begins[before, measured.kind] - measured(scheme.measure)
    return np.where(there, before, NOT_KNOWN).astype(np.int8), np.where(there, lacking, np.nan)


@once
def _begins(scheme: TierScheme, frozen: Frozen) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Where each tier of a scheme of one measure begins, by kind, and whether it does."""
    measure = str(scheme.measure)
    lows = [tier.when[measure].low for tier in scheme.tiers]
    begins = [limits_of(frozen, measure, np.nan if low is None else low) for low in lows]
    return np.array(begins), np.array([low is not None for low in lows])


def explained(
    place: npt.ArrayLike,
    customers: str,
    names: tuple[str, ...],
    measured: Measured,
    gap: npt.NDArray[np.bool_] | None = None,
) -> Labels:
    """Places with the reason for each that is missing: the kind, a gap of the policy where everything is
    known and nothing holds, or the facts that are not known."""
    place = np.array(place, np.int8)
    why = np.empty(len(place), np.int64)
    gap = np.zeros(len(place), np.bool_) if gap is None else gap
    wanted = EVERYONE if customers == "everyone" else KINDS.index(customers)
    words, blame = _blame(measured.written, names)
    patterns = explain(place, why, wanted, measured.kind, gap, measured.unknown, blame)
    missing = (_not_known(tuple(compress(words, each))) for each in patterns.tolist())
    return Labels(place, why, (_OTHER[customers], _NO_KIND, _GAP, *missing))


_OTHER = {
    "everyone": ("", ""),
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


def _blame(written: Written, names: tuple[str, ...]) -> tuple[tuple[str, ...], Blame]:
    """The words for what may be to blame, and where they stand: the columns where any of them is missing,
    else the measure itself (a quotient of nothing), else the frozen threshold. Kept with the program."""
    if names not in written.blames:
        sources = [written.sources[name] for name in names]
        said = [word for name, own in zip(names, sources, strict=True) for word in (*own, name)]
        words = (*dict.fromkeys(said), _NO_THRESHOLD)

        def places(each: Iterable[str], among: Mapping[str, int]) -> npt.NDArray[np.int64]:
            return np.array([among[name] for name in each], np.int64)

        slot = {word: k for k, word in enumerate(words)}
        flat = [source for own in sources for source in own]
        begins = np.cumsum([0, *(len(own) for own in sources)])
        written.blames[names] = (
            words,
            Blame(
                places(names, written.place),
                begins.astype(np.int64),
                places(flat, written.place),
                places(flat, slot),
                places(names, slot),
                len(words),
            ),
        )
    return written.blames[names]


_NO_THRESHOLD = "a threshold that is frozen for customers of this kind"


@cache
def _chinese() -> dict[str, str]:
    facts = {named.name: named.fact.chinese for named in facts_of()}
    return facts | CHINESE | {_NO_THRESHOLD: "该类客户的冻结阈值"}


@lru_cache(maxsize=4096)
def _not_known(names: tuple[str, ...]) -> tuple[str, str]:
    chinese = _chinese()
    said = "、".join(chinese.get(name, name) for name in names)
    return f"not known: {', '.join(names)}", f"未知：{said}"


assert set(CHINESE) == {*SCORES, *BY_HAND}
