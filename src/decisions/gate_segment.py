"""Whether promises hold in every segment, and no protected group is treated worse: each many looks at once.

A look is broken when its figure is surely beyond its bound: the chance of so much with the truth at the bound
is held against Holm's steps, which keep the chance that any look within its bound is blamed at the level
stated, however the looks depend on each other (segments overlap). Benjamini & Yekutieli would bound the share
of blame that is false instead: no comfort to a challenger that is refused for one.
"""

from collections.abc import Iterator
from typing import NamedTuple

from decisions.check import Check
from decisions.evidence import Evidence
from decisions.gate_bounds import GateBounds, TreatmentBound
from models.segment import Segment, chance_of, holm
from models.treatment import Measure, Treatment

WORSE: dict[Measure, tuple[str, str]] = {
    "offered": ("is offered something {0:.0%} less often than others", "获得优惠的比例比其他人低 {0:.0%}"),
    "reward": ("gets {0:.0%} less in rewards than others", "获得的优惠价值比其他人低 {0:.0%}"),
    "missed": ("has {0:.0%} more of its leavers missed than others", "流失漏判率比其他人高 {0:.0%}"),
}


def check_calibration(bounds: GateBounds, evidence: Evidence) -> Check:
    segments, limits = evidence.segments, bounds.calibration
    broken = beyond(bounds, evidence)
    few = len(evidence.small_segments)
    more = f"; {few} segments have too few customers" if few else ""
    more_zh = f"；{few} 个分组客户太少" if few else ""
    if not segments:
        return Check(
            "calibration",
            "not judged",
            "calibration.gap",
            None,
            limits.gap,
            f"no segment has {limits.least_customers} customers",
            f"没有分组达到 {limits.least_customers} 位客户",
        )
    worst = max(broken or segments, key=lambda each: abs(each.gap))
    told = f"{worst.name}, {worst.promised:.1%} promised and {worst.happened:.1%} left"
    told_zh = f"{worst.name}，预测 {worst.promised:.1%}，实际 {worst.happened:.1%}"
    count = len(segments)
    return Check(
        "calibration",
        "failed" if broken else "passed",
        "calibration.gap",
        abs(worst.gap),
        limits.gap,
        f"promises are surely beyond the bound in {len(broken)} of {count} segments, most in: {told}{more}"
        if broken
        else f"promises hold in {count} segments; furthest off: {told}{more}",
        f"{count} 个分组中 {len(broken)} 个确定超限，最大：{told_zh}{more_zh}"
        if broken
        else f"{count} 个分组均符合；偏差最大：{told_zh}{more_zh}",
    )


def beyond(bounds: GateBounds, evidence: Evidence) -> tuple[Segment, ...]:
    """The segments whose promises are surely beyond the bound."""
    chances = [chance_of(abs(each.gap), bounds.calibration.gap, each.error) for each in evidence.segments]
    blamed = holm(chances, bounds.level)
    return tuple(each for each, is_blamed in zip(evidence.segments, blamed, strict=True) if is_blamed)


class Look(NamedTuple):
    """A group under a measure beside `rest` or as it was with the `champion`. worse: by how much."""

    group: Treatment
    beside: str
    worse: float
    limit: float
    error: float


def check_treatment(bounds: GateBounds, evidence: Evidence) -> Check:
    looks = tuple(looks_of(bounds, evidence))
    few = len(evidence.small_groups)
    if not looks:
        return Check(
            "treatment",
            "not judged",
            "treatment",
            None,
            None,
            f"no group has {bounds.treatment.least_customers} customers to compare"
            if few
            else "the base says nothing of age, gender or region, or all customers are of one group",
            "没有群体客户数足以比较" if few else "数据中没有年龄、性别或地区，或全部客户属于同一群体",
        )
    broken = blamed_looks(bounds, looks)
    worst = max(broken or looks, key=lambda look: look.worse - look.limit)
    english, chinese = WORSE[worst.group.measure]
    new = worst.beside == "champion"
    name = f"{worst.group.axis} {worst.group.group}"
    said = f"{name} {english.format(worst.worse)}" + (" than with the champion" if new else "")
    said_zh = f"{name} {chinese.format(worst.worse)}" + ("（相对当前模型的变化）" if new else "")
    groups = len({(each.axis, each.group) for each in evidence.treatments})
    return Check(
        "treatment",
        "failed" if broken else "passed",
        f"treatment.{worst.group.measure}.{worst.beside}",
        worst.worse,
        worst.limit,
        f"{len(broken)} of {len(looks)} comparisons are surely beyond their bounds, most: {said}"
        if broken
        else f"none of {groups} groups is surely treated worse than the bounds allow; nearest: {said}",
        f"{len(looks)} 项比较中 {len(broken)} 项确定超限，最大：{said_zh}"
        if broken
        else f"{groups} 个群体均未确定超限；最接近：{said_zh}",
    )


def looks_of(bounds: GateBounds, evidence: Evidence) -> Iterator[Look]:
    """Everything that is bounded and known."""
    for each in evidence.treatments:
        limit: TreatmentBound = getattr(bounds.treatment, each.measure)
        if limit.rest is not None and each.worse == each.worse:
            yield Look(each, "rest", each.worse, limit.rest, each.error)
        if limit.champion is not None and each.change is not None and each.change_error is not None:
            yield Look(each, "champion", each.change, limit.champion, each.change_error)


def blamed_looks(bounds: GateBounds, looks: tuple[Look, ...]) -> tuple[Look, ...]:
    """Those surely beyond their limits."""
    blamed = holm([chance_of(look.worse, look.limit, look.error) for look in looks], bounds.level)
    return tuple(look for look, is_blamed in zip(looks, blamed, strict=True) if is_blamed)
