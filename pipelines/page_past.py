"""The page's end: what arrived, what was promised and what happened, and the advice."""

from collections.abc import Iterator

from models.outcome import Outcome, Part
from pipelines.drawing import arrivals, calibration, kept_or_not
from pipelines.markup import both, row, table, text
from pipelines.report import Report, money
from tables.arrival import Pace
from tables.moment import local_day

NONE = "–"
STATES = {
    f"tables.{name}.{level}": words
    for name, words in (
        ("silent", ("late", "延迟")),
        ("rows", ("few rows", "行数偏少")),
        ("shrunk", ("lost rows", "行数减少")),
    )
    for level in ("stop", "warn")
}


def tables(report: Report) -> Iterator[str]:
    rows = []
    for each in report.paces:
        # The findings have said it already: what stands here is what they found.
        found = [one for one in report.findings if one.subject == each.table and one.bound in STATES]
        state, words = (found[0].level, STATES[found[0].bound]) if found else ("fine", ("fresh", "正常"))
        rows.append(
            row(
                [
                    f"<code>{text(each.table)}</code>",
                    f'<span class="tag {state}">{both(*words)}</span>',
                    f"{each.silent_days:.1f}" if each.silent_days is not None else NONE,
                    f"{each.usual_gap_days:.0f}" if each.usual_gap_days else NONE,
                    f"{each.visible:,}" + _growth(each),
                    f"{each.rows_of_week:,}",
                    f"{each.usual_rows:,}",
                    arrivals(each.weeks),
                ],
                ("name", "", "n", "n", "n", "n", "n", ""),
            )
        )
    rows += [
        row(
            [
                f"<code>{text(each)}</code>",
                f'<span class="tag stop">{both("gone", "缺失")}</span>',
                *[NONE] * 5,
                "",
            ]
        )
        for each in report.gone
    ]
    yield f"<section><h2>{both('Tables: what arrived', '数据表：到达情况')}</h2>"
    head = [
        both("table", "数据表"),
        "",
        both("days silent", "静默天数"),
        both("usual gap", "通常间隔"),
        both("rows", "总行数"),
        both("in 7 days", "近 7 天"),
        both("a poor week", "较差一周"),
        both("rows a week, half a year", "近半年每周行数"),
    ]
    yield table(head, rows, ("", "", "n", "n", "n", "n", "n"))
    yield "</section>"


def _growth(pace: Pace) -> str:
    if not pace.visible_before:
        return ""
    return f'<div class="under">{pace.visible / pace.visible_before - 1:+.2%}</div>'


def outcomes(report: Report) -> Iterator[str]:
    yield f"<section><h2>{both('What older weeks promised, and what happened', '历史预测与实际结果')}</h2>"
    if not report.outcomes:
        yield f"<p>{both('No kept week is old enough yet.', '尚无足够早的历史周结果。')}</p></section>"
        return
    days = [local_day(each.moment, report.time_zone) for each in report.outcomes]
    rows = []
    for day, each in zip(days, report.outcomes, strict=True):
        whole = each.whole
        rows.append(
            row(
                [
                    text(day),
                    f"{each.customers:,}",
                    f"{whole.promised:.1%}",
                    f"{whole.happened:.1%} ({whole.low:.1%}–{whole.high:.1%})",
                    text(each.calibration_error),
                    text(each.auc),
                    text(f"{money(report, whole.value_promised)} / {money(report, whole.value_came)}"),
                    f"<code>{text(each.bundle[:8])}</code>",
                ],
                ("", "n", "n", "n", "n", "n", "n", "n"),
            )
        )
    head = [
        both("week", "周"),
        both("customers", "客户数"),
        both("promised to leave", "预测流失"),
        both("left (95 %)", "实际流失（95%）"),
        both("calibration error", "校准误差"),
        "AUC",
        both("value promised / came", "价值 预测 / 实际"),
        both("bundle", "模型"),
    ]
    yield table(head, rows, ("", "n", "n", "n", "n", "n", "n", "n"))
    latest = report.outcomes[-1]
    yield '<div class="pair wide"><div><h3>'
    yield both("Kept promises lie on the line (tenths by promise)", "点越接近虚线，预测越准（按预测十分位）")
    yield f"</h3>{calibration(report.outcomes, days)}</div><div><h3>"
    yield both(f"Week of {days[-1]} by slice", f"{days[-1]} 当周，按分组") + "</h3>"
    yield '<div class="legend"><span>○ ' + both("promised", "预测") + "</span><span>● "
    yield (
        both("happened, with its 95 % interval; red: surely missed", "实际及 95% 区间；红色：确有偏差")
        + "</span></div>"
    )
    yield "".join(_slices(latest))
    yield "</div></div></section>"


SLICES = {
    "risk": ("risk band", "风险等级"),
    "offer": ("offer", "优惠"),
    "value": ("expected value", "预期价值"),
    "tenure": ("known for", "客户时长"),
    "level": ("membership level", "会员等级"),
}
NAMES = {
    "low": "低",
    "medium": "中",
    "high": "高",
    "held out": "对照组",
    "given an offer": "已给优惠",
    "no offer": "未给优惠",
    "lowest third": "最低三分之一",
    "middle third": "中间三分之一",
    "highest third": "最高三分之一",
    "under half a year": "不足半年",
    "half a year or more": "半年及以上",
}


def _slices(latest: Outcome) -> Iterator[str]:
    rows = []
    axes, names = list(SLICES), list(NAMES)

    def order(part: Part) -> tuple[int, int]:
        return (
            axes.index(part.axis) if part.axis in axes else len(axes),
            names.index(part.name) if part.name in names else len(names),
        )

    for each in sorted(latest.slices, key=order):
        axis = SLICES.get(each.axis, (each.axis, each.axis))
        name = both(f"{axis[0]}: {each.name}", f"{axis[1]}：{NAMES.get(each.name, each.name)}")
        figures = f"{each.promised:.0%} → {each.happened:.0%}"
        rows.append(
            row([name, f"{each.customers:,}", figures, kept_or_not(each, 230)], ("", "n", "n", "drawn"))
        )
    yield table([both("slice", "分组"), both("customers", "客户数"), "", ""], rows, ("", "n", "n", ""))
    if latest.too_small:
        small = ", ".join(latest.too_small)
        yield f'<p class="under">{both(f"too small to judge: {small}", f"客户太少，不作判断：{small}")}</p>'


def advice(report: Report) -> Iterator[str]:
    said = report.advice
    yield f"<section><h2>{both('Advice', '建议')}</h2><p>{both(said.english, said.chinese)}</p>"
    rows = [
        row(
            [
                f'<span class="tag {"warn" if each.met else "fine"}">'
                + (both("reached", "已触及") if each.met else both("fine", "未触及"))
                + "</span>",
                both(each.english, each.chinese),
                f"{each.figure:.3g}" if each.figure is not None else NONE,
                f"{each.limit:.3g}",
            ],
            ("", "name", "n", "n"),
        )
        for each in said.reasons
    ]
    head = ["", both("reason to retrain", "重新训练的条件"), both("figure", "数值"), both("bound", "限值")]
    yield table(head, rows, ("", "", "n", "n"))
    yield "</section>"
