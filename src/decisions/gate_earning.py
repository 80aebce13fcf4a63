"""Whether a challenger's choices earn more, or as much when it is younger: one check of two questions."""

from typing import Literal

from decisions.check import Check, State
from decisions.evidence import Earned, Evidence
from decisions.gate_bounds import Earning

How = Literal["offers", "captured"]
Standing = Literal["better", "as good", "worse", "unclear", "unknown"]


def standing(earned: Earned | None, margin: float) -> Standing:
    """better: surely ahead; as good: surely not behind by more than the margin (a share of the scale); worse:
    surely behind, perhaps by more; unclear: the interval holds both 0 and more than the margin."""
    if earned is None:
        return "unknown"
    if earned.ahead.low > 0:
        return "better"
    if earned.ahead.low > -margin * abs(earned.scale):
        return "as good"
    return "worse" if earned.ahead.high < 0 else "unclear"


def check_earning(limits: Earning, evidence: Evidence) -> Check:
    """No question may be answered by "surely worse". Then one "surely better" is enough. Else the offers
    decide, or the money captured where the log cannot tell: as good is enough for a challenger that is
    younger, or the first; so is what too few leavers cannot tell."""
    by_offers = standing(evidence.offers, limits.offers.not_worse_by)
    by_captured = standing(evidence.captured, limits.captured.not_worse_by)
    for found, state, says in (
        ("worse", "failed", ("surely earns less", "收益确定更低")),
        ("better", "passed", ("surely earns more", "收益确定更高")),
    ):
        if by_offers == found:
            return _said(limits, evidence, "offers", state, says)
        if by_captured == found:
            return _said(limits, evidence, "captured", state, says)
    how: How = "captured" if by_offers in ("unknown", "unclear") else "offers"
    few = evidence.captured is None or evidence.captured.size < limits.captured.least_leavers
    wanted = not evidence.has_champion or evidence.days_younger >= limits.younger_days
    if (by_captured if how == "captured" else by_offers) == "as good":
        says = ("earns as much within the margin", "在允许范围内收益相当")
        passes = wanted
    elif few:
        says = ("too few customers to tell who earns more", "客户太少，无法区分收益高低")
        passes = wanted
    else:
        says = ("it cannot be told who earns more", "无法区分收益高低")
        passes = False
    return _said(limits, evidence, how, "passed" if passes else "failed", _with_age(limits, evidence, says))


def _with_age(limits: Earning, evidence: Evidence, says: tuple[str, str]) -> tuple[str, str]:
    if not evidence.has_champion:
        return f"{says[0]}, and there is no champion yet", f"{says[1]}，且尚无正式模型"
    days = f"{evidence.days_younger:.0f}"
    if evidence.days_younger >= limits.younger_days:
        return f"{says[0]}, and has learnt from {days} more days", f"{says[1]}，且多学习 {days} 天"
    return (
        f"{says[0]}, and {days} more days of learning are no reason to change "
        f"({limits.younger_days:.0f} are)",
        f"{says[1]}，且仅多学习 {days} 天，不足 {limits.younger_days:.0f} 天",
    )


def _said(limits: Earning, evidence: Evidence, how: How, state: str, says: tuple[str, str]) -> Check:
    earned = evidence.offers if how == "offers" else evidence.captured
    rival = {
        "offers": ("contacting nobody", "不触达"),
        "captured": ("ranking by recency", "按最近购买排序"),
    }[how]
    if evidence.has_champion:
        rival = "the champion", "当前正式模型"
    what = {
        "offers": ("value of the offers it would choose", "所选优惠的净值"),
        "captured": ("money of leavers it would reach", "可触达的流失价值"),
    }[how]
    settled: State = "passed" if state == "passed" else "failed"
    return Check(
        name="earns",
        state=settled,
        bound=f"earns.{how}.not_worse_by",
        figure=earned.ahead.low if earned else None,
        limit=-getattr(limits, how).not_worse_by * abs(earned.scale) if earned else None,
        english=f"{says[0]} ({what[0]}, beside {rival[0]})",
        chinese=f"{says[1]}（{what[1]}，对比{rival[1]}）",
    )
