"""The gate's page: one HTML file that needs no network, in English and Chinese.

Written as XML too, as the week's page is; whatever comes from data passes through `text`.
"""

from collections.abc import Iterator

from decisions.check import Check
from decisions.evidence import Earned
from pipelines.drawing_gate import ahead, money_curves, promises
from pipelines.gate_page_groups import calibration, treatment
from pipelines.gate_report import WORDS, GateReport
from pipelines.markup import LANGUAGES, both, document, row, table, text
from pipelines.page_terms import terms

STATES = {
    "passed": ("fine", "passed", "通过"),
    "failed": ("stop", "failed", "未通过"),
    "not judged": ("warn", "not judged", "未判断"),
}
NAMES = {
    "earns": ("earns more", "收益"),
    "calibration": ("keeps its promises in every segment", "各分组校准"),
    "treatment": ("treats no group worse", "公平对待"),
    "equal_terms": ("offers like customers alike", "同等条件"),
    "golden": ("answers as it was sealed", "黄金样本"),
    "one_customer_ms": ("quick for one", "单次延迟"),
    "per_100k_s": ("quick for many", "批量速度"),
    "size_mb": ("small enough", "大小"),
}
RULING = {"passed": "clear", "overridden": "accepted", "refused": "stopped"}


def page_of(report: GateReport) -> str:
    parts = [
        *_head(report),
        *_checks(report),
        *_earning(report),
        *calibration(report),
        *treatment(report),
        *terms(report.evidence.terms, report.minor_units),
        *_foot(report),
    ]
    return document(f"{report.model} {report.version}: {WORDS[report.ruling][0]}", parts)


def _head(report: GateReport) -> Iterator[str]:
    yield LANGUAGES
    name = f"{report.model} version {report.version}"
    yield f"<h1>{both(f'At the gate: {name}', f'上线评审：{report.model} 版本 {report.version}')}</h1>"
    rival = report.champion or report.why_no_champion
    days = ", ".join(report.moments)
    yield (
        '<p class="under">'
        + both(
            f"trained as of {report.as_of[:10]} · judged on {days} by models that had not seen it · contacts "
            f"since {report.contacts_since} · champion: {rival} · base {report.base} · {report.at}",
            f"训练时点 {report.as_of[:10]} · 留出时点 {days} · 触达记录自 {report.contacts_since} · "
            f"当前模型：{rival} · 客户库 {report.base} · {report.at}",
        )
        + "</p>"
    )
    english, chinese = WORDS[report.ruling]
    yield f'<section class="verdict {RULING[report.ruling]}"><h2>{both(english.capitalize(), chinese)}</h2>'
    for check in report.verdict.failed:
        yield f"<p>{both(check.english, check.chinese)}</p>"
    if report.reason:
        yield f"<p>{both('Because: ', '原因：')}{text(report.reason)}</p>"
    yield "</section>"


def _checks(report: GateReport) -> Iterator[str]:
    yield f"<section><h2>{both('Checks', '检查项')}</h2>"
    rows = [_check(check) for check in report.verdict.checks]
    head = [
        "",
        both("the challenger", "候选模型"),
        both("what was found", "结果"),
        both("bound", "限值项"),
        both("figure", "数值"),
        both("limit", "限值"),
    ]
    yield table(head, rows, ("", "", "", "", "n", "n"))
    yield "</section>"


def _check(check: Check) -> str:
    state, english, chinese = STATES[check.state]
    return row(
        [
            f'<span class="tag {state}">{both(english, chinese)}</span>',
            both(*NAMES[check.name]),
            both(check.english, check.chinese),
            f"<code>{text(check.bound)}</code>",
            f"{check.figure:,.3g}" if check.figure is not None else "–",
            f"{check.limit:,.3g}" if check.limit is not None else "–",
        ],
        ("", "", "name", "", "n", "n"),
    )


def _earning(report: GateReport) -> Iterator[str]:
    evidence, limits = report.evidence, report.bounds.earns
    if evidence.golden:
        return
    yield f"<section><h2>{both('Who earns more', '收益对比')}</h2>"
    yield '<p class="under">'
    yield both(
        "Challenger less rival with the 95 % interval, paired; shaded: how much less a younger one may earn.",
        "候选减对手，配对 95% 区间；阴影为较新模型可少的幅度。",
    )
    yield "</p>"
    has = evidence.has_champion
    rows = []
    for part, margin, english, chinese, rivals in (
        (
            "offers",
            limits.offers.not_worse_by,
            "The offers it would choose, a contact and four weeks (doubly robust)",
            "所选优惠，每次触达四周净值（双重稳健估计）",
            ("contacting nobody", "不触达"),
        ),
        (
            "captured",
            limits.captured.not_worse_by,
            f"Money of leavers among the {limits.captured.depth:.0%} with most to lose, a customer",
            f"预期损失最高的 {limits.captured.depth:.0%} 中流失客户的价值，人均",
            ("recency alone", "仅按最近购买"),
        ),
        (
            "profit",
            0.0,
            "Expected maximum profit of a campaign (EMPC), a customer; told, not judged",
            "期望最大利润（EMPC），人均；仅供参考",
            ("recency alone", "仅按最近购买"),
        ),
    ):
        earned: Earned | None = getattr(evidence, part)
        if earned is None:
            continue
        beside = ("the champion", "当前模型") if has else rivals
        rows.append(
            row(
                [
                    both(english, chinese)
                    + f'<div class="under">{both(f"beside {beside[0]}", f"对比{beside[1]}")}</div>',
                    _amount(report, earned.ours.value),
                    _amount(report, earned.theirs.value),
                    f"{earned.ahead.value / report.minor_units:+,.2f}",
                    f"{earned.size:,.0f}",
                    ahead(earned, margin, report.minor_units),
                ],
                ("name", "n", "n", "n", "n", "drawn"),
            )
        )
    head = [
        both(f"in {report.currency}", f"单位 {report.currency}"),
        both("challenger", "候选"),
        both("rival", "对手"),
        both("ahead", "差"),
        both("telling contacts, or leavers", "有效触达或流失数"),
        "",
    ]
    yield table(head, rows, ("", "n", "n", "n", "n"))
    if evidence.offers is None:
        says = evidence.why_no_offers
        yield f"<p>{both(f'What the offers earn is not identified: {says}', f'优惠收益无法识别：{says}')}</p>"
    if report.curves:
        names = _names(report)
        yield '<div class="pair"><div><h3>'
        yield both("Money of leavers reached, by depth", "按触达深度的流失价值") + "</h3>"
        yield money_curves(report.curves, limits.captured.depth, report.minor_units, names)
        yield "</div><div><h3>" + both("Promises kept lie on the line", "点越接近虚线，预测越准") + "</h3>"
        yield promises(report.curves, names) + "</div></div>"
    yield "</section>"


def _names(report: GateReport) -> tuple[str, str]:
    return "challenger 候选", "champion 当前模型" if report.evidence.has_champion else "recency 最近购买"


def _amount(report: GateReport, minor: float) -> str:
    return f"{minor / report.minor_units:,.2f}"


def _foot(report: GateReport) -> Iterator[str]:
    yield "<footer>"
    for words in (
        (
            "Doubly robust: a model's expected reward, corrected by the rewards of logged contacts over "
            "their propensities; Student's interval by customer, longer where skewed (Hall). "
            "With most to lose: promise times what the customer brought in the year before, as a share of a "
            "horizon; of leavers that is the money reached. Bounds stand in "
            "config/gate.yaml, reasons for them in docs/decisions/0011.",
            "双重稳健：以模型预期收益为基础，用触达记录按倾向得分校正；按客户聚类的区间，偏态时按 Hall 加宽。"
            "预期损失：流失概率乘以前一年贡献（按周期折算）；流失客户的该金额即触达价值。"
            "限值见 config/gate.yaml。",
        ),
    ):
        yield f"<p>{both(*words)}</p>"
    yield "</footer>"
