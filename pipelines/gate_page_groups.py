"""The gate's page, second part: promises by segment, and how protected groups fare."""

from collections.abc import Iterator

from decisions.gate_segment import beyond, blamed_looks, looks_of
from models.outcome import NORMAL_95
from models.treatment import Treatment
from pipelines.drawing_gate import gap
from pipelines.gate_report import GateReport
from pipelines.markup import both, row, table, text

MEASURES = {
    "offered": ("offered something", "获得优惠"),
    "reward": ("mean reward", "平均优惠价值"),
    "missed": ("leavers missed", "漏判流失"),
}
AXES = {"age": "年龄", "gender": "性别", "region": "地区"}


def calibration(report: GateReport) -> Iterator[str]:
    evidence, bound = report.evidence, report.bounds.calibration.gap
    if not evidence.segments:
        return
    broken = beyond(report.bounds, evidence)
    yield f"<section><h2>{both('Promises by segment', '各分组校准')}</h2>"
    yield '<p class="under">' + both(
        f"Promise less what happened with its 95 % interval; shaded: {bound:.0%} either way. Red: surely "
        f"beyond it (Holm over {len(evidence.segments)} segments, level {report.bounds.level:.0%}).",
        f"预测减实际及 95% 区间；阴影为 ±{bound:.0%}。"
        f"红色：确定超限（{len(evidence.segments)} 个分组，Holm 校正）。",
    )
    yield "</p>"
    rows = [
        row(
            [
                text(each.name),
                f"{each.customers:,}",
                f"{each.promised:.1%}",
                f"{each.happened:.1%}",
                f"{each.gap:+.1%}",
                gap(each, bound, broken),
            ],
            ("name", "n", "n", "n", "n", "drawn"),
        )
        for each in sorted(evidence.segments, key=lambda each: -abs(each.gap))
    ]
    head = [
        both("segment", "分组"),
        both("customers", "客户数"),
        both("promised", "预测"),
        both("left", "实际"),
        both("gap", "差"),
        "",
    ]
    yield table(head, rows, ("", "n", "n", "n", "n"))
    yield _small(evidence.small_segments) + "</section>"


def treatment(report: GateReport) -> Iterator[str]:
    evidence = report.evidence
    if not evidence.treatments:
        return
    broken = {
        id(look.group) for look in blamed_looks(report.bounds, tuple(looks_of(report.bounds, evidence)))
    }
    yield f"<section><h2>{both('Protected groups', '受保护群体')}</h2>"
    yield '<p class="under">' + both(
        "Each group beside everybody else. Worse: the share by which it gets less, or the points by which "
        "more of its leavers are missed; with its 95 % interval. Change: from the champion's to the "
        "challenger's.",
        "各群体与其余客户对比。更差：少得的比例，或多漏判的百分点，及 95% 区间。变化：相对当前模型。",
    )
    yield "</p>"
    rows = []
    for each in sorted(evidence.treatments, key=lambda each: (each.measure, -each.worse)):
        is_money = each.measure == "reward"
        figures = [
            f"{figure / report.minor_units:,.2f}" if is_money else f"{figure:.1%}"
            for figure in (each.figure, each.rest)
        ]
        kind = ' class="far"' if id(each) in broken else ""
        rows.append(
            row(
                [
                    both(f"{each.axis} {each.group}", f"{AXES.get(each.axis, each.axis)} {each.group}"),
                    both(*MEASURES[each.measure]),
                    f"{each.customers:,}",
                    *figures,
                    f"<span{kind}>{each.worse:+.1%} ± {NORMAL_95 * each.error:.1%}</span>",
                    _change(each),
                ],
                ("name", "", "n", "n", "n", "n", "n"),
            )
        )
    head = [
        both("group", "群体"),
        both("measure", "指标"),
        both("customers", "客户数"),
        both("group", "本群体"),
        both("others", "其余"),
        both("worse", "更差"),
        both("change", "变化"),
    ]
    yield table(head, rows, ("", "", "n", "n", "n", "n", "n"))
    yield _small(evidence.small_groups) + "</section>"


def _change(group: Treatment) -> str:
    if group.change is None or group.change_error is None:
        return "–"
    return f"{group.change:+.1%} ± {NORMAL_95 * group.change_error:.1%}"


def _small(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    listed = ", ".join(names)
    says = both(f"too few customers to judge: {listed}", f"客户太少，不作判断：{listed}")
    return f'<p class="under">{says}</p>'
