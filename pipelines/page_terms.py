"""Equal terms on the pages of a week and of the gate: every look, the furthest first."""

from collections.abc import Iterator

from decisions.equal_terms import LOWER, TermsReport
from decisions.unequal import AXES
from models.outcome import NORMAL_95
from pipelines.markup import both, row, table

MEASURES = {"offered": ("offered something", "获得优惠"), "reward": ("mean reward", "平均优惠价值")}


def terms(report: TermsReport | None, minor_units: int) -> Iterator[str]:
    if report is None:
        return
    yield f"<section><h2>{both('Equal terms', '同等条件')}</h2>"
    yield '<p class="under">' + both(
        f"{report.compared:,} customers who may be offered something, compared within bands of expected "
        f"value and churn probability. Difference: over the mean, with its 95 % interval; red: surely beyond "
        f"{report.most_difference:.0%} (a better tier may have better terms, never worse ones).",
        f"{report.compared:,} 位可触达客户，按预期价值与流失概率分档后比较。差异：相对均值及 95% 区间；"
        f"红色：确定超过 {report.most_difference:.0%}（较高等级可以更优，不得更差）。",
    )
    yield "</p>"
    rows = []
    for each in sorted(report.terms, key=lambda each: -abs(each.difference)):
        is_money = each.measure == "reward"
        figures = [
            f"{figure / minor_units:,.2f}" if is_money else f"{figure:.1%}"
            for figure in (each.figure, each.rest)
        ]
        kind = ' class="far"' if each.is_beyond else ""
        others = ("tiers below", "较低等级") if each.others == LOWER else ("others", "其余客户")
        rows.append(
            row(
                [
                    both(f"{each.axis} {each.group}", f"{AXES[each.axis]} {each.group}"),
                    both(*MEASURES[each.measure]),
                    both(*others),
                    f"{each.customers:,}",
                    *figures,
                    f"<span{kind}>{each.difference:+.1%} ± {NORMAL_95 * each.error:.1%}</span>",
                ],
                ("name", "", "", "n", "n", "n", "n"),
            )
        )
    head = [
        both("group", "群体"),
        both("measure", "指标"),
        both("beside", "对比"),
        both("customers", "客户数"),
        both("group", "本群体"),
        both("others", "其余"),
        both("difference", "差异"),
    ]
    if rows:
        yield table(head, rows, ("", "", "", "n", "n", "n", "n"))
    for names, words in (
        (report.small, ("too few like customers to judge", "相似客户太少，不作判断")),
        (report.unknown, ("the base does not say", "数据中没有")),
    ):
        if names:
            listed = ", ".join(names)
            yield f'<p class="under">{both(f"{words[0]}: {listed}", f"{words[1]}：{listed}")}</p>'
    yield "</section>"
