"""Unequal terms in words: what stops a week, what fails a challenger, what could not be judged."""

from decisions.check import Check
from decisions.equal_terms import LOWER, Measure, Term, TermsReport
from decisions.finding import Finding

BOUND = "equal_terms.most_difference"
SAYS: dict[Measure, tuple[str, str]] = {
    "offered": (
        "is offered something {gap:.1%} {way} often than {others}",
        "获得优惠的机会比{others}{way}{gap:.1%}",
    ),
    "reward": (
        "is offered rewards worth {gap:.1%} {way} than {others}",
        "所获优惠价值比{others}{way}{gap:.1%}",
    ),
}
AXES = {"age": "年龄", "gender": "性别", "region": "地区", "tier": "等级"}
TODO = (
    "no reason can be accepted for this: see which fact or model tells these customers apart (`holdfast "
    "features`, the gate's page), mend it and score again; the bound stands in policy.yaml",
    "此项不可人工放行：请查明造成差异的特征或模型，修正后重新评分；限值见 policy.yaml",
)


def said_of(term: Term) -> tuple[str, str]:
    english, chinese = SAYS[term.measure]
    gap, more = abs(term.difference), term.difference > 0
    others_zh = "较低等级" if term.others == LOWER else "其他相似客户"
    return (
        f"{term.axis} {term.group} "
        + english.format(gap=gap, way="more" if more else "less", others=f"like customers of {term.others}"),
        f"{AXES[term.axis]} {term.group} "
        + chinese.format(gap=gap, way="多" if more else "少", others=others_zh),
    )


def terms_findings(report: TermsReport) -> tuple[Finding, ...]:
    """What stops a week; nobody may accept it."""
    return tuple(
        Finding(
            "stop",
            BOUND,
            f"{each.axis} {each.group}",
            abs(each.difference),
            report.most_difference,
            *said_of(each),
            *TODO,
        )
        for each in report.beyond
    )


def check_terms(report: TermsReport | None) -> Check:
    """Of the gate; a challenger that fails it is promoted for no reason."""
    name = "equal_terms"
    if report is None or not report.terms:
        why = (
            ("the policy states no equal_terms", "策略未规定同等条件")
            if report is None
            else ("too few customers who are alike can be compared", "可比的相似客户太少")
        )
        return Check(name, "not judged", BOUND, None, None, *why)
    beyond = report.beyond
    worst = beyond[0] if beyond else max(report.terms, key=lambda each: abs(each.difference))
    english, chinese = said_of(worst)
    few = f"; {len(report.small)} groups have too few customers" if report.small else ""
    few_zh = f"；{len(report.small)} 个群体客户太少" if report.small else ""
    count = len(report.terms)
    return Check(
        name,
        "failed" if beyond else "passed",
        BOUND,
        abs(worst.difference),
        report.most_difference,
        f"terms of like customers surely differ in {len(beyond)} of {count} looks, most: {english}{few}"
        if beyond
        else f"terms of like customers surely differ in none of {count} looks; furthest: {english}{few}",
        f"{count} 项比较中 {len(beyond)} 项确定超限，最大：{chinese}{few_zh}"
        if beyond
        else f"{count} 项比较均未确定超限；最大：{chinese}{few_zh}",
    )


def terms_notes(terms: TermsReport | None) -> list[tuple[str, str]]:
    """What of equal terms could not be judged."""
    notes: list[tuple[str, str]] = []
    if terms and terms.small:
        named = ", ".join(terms.small)
        notes.append(
            (
                f"equal terms: too few like customers to judge {named}",
                f"同等条件：相似客户太少，未判定 {named}",
            )
        )
    if terms and terms.unknown:
        named = ", ".join(terms.unknown)
        notes.append((f"equal terms: the base does not say {named}", f"同等条件：数据中没有 {named}，未判定"))
    return notes
