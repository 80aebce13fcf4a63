"""The page of a week's report: one HTML file that needs no network, in English and Chinese.

It is written as XML too, so that a test can read it; whatever comes from data passes through `text`.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from decisions.bounds import Bound, DriftBounds
from features.reader import facts_of
from models.census import CHURN, RESPONSE, UPLIFT, VALUE
from models.comparison import BEYOND, Difference, Drift
from models.outcome import Outcome, Part
from pipelines.drawing import arrivals, calibration, distribution, kept_or_not
from pipelines.markup import both, row, table, text
from pipelines.report import WORDS, Report
from tables.moment import in_zone, local_day

MOST_FACTS = 30
MOST_OFFERS = 6
NONE = "–"


def page_of(report: Report) -> str:
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    day = local_day(report.moment, report.time_zone)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8"/>',
        '<meta name="viewport" content="width=device-width"/>',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\"/>",
        f"<title>Week of {text(day)}: {text(WORDS[report.verdict][0])}</title>",
        f"<style>{style}</style></head><body>",
        '<input class="choose" type="radio" name="say" id="say-en" checked="checked"/>',
        '<input class="choose" type="radio" name="say" id="say-zh"/>',
        '<input class="choose" type="radio" name="say" id="say-both"/>',
        "<main>",
        *_head(report),
        *_findings(report),
        *_scores(report),
        *_facts(report),
        *_tables(report),
        *_outcomes(report),
        *_advice(report),
        *_foot(),
        "</main></body></html>\n",
    ]
    return "\n".join(parts)


def _head(report: Report) -> Iterator[str]:
    moment = in_zone(report.moment, report.time_zone)
    yield (
        '<div class="languages"><label for="say-en">English</label><label for="say-zh">中文</label>'
        '<label for="say-both">English + 中文</label></div>'
    )
    when = both(f"Week as of {moment:%A, %d %B %Y %H:%M}", f"{moment:%Y 年 %m 月 %d 日 %H:%M} 周报监控")
    yield f"<h1>{when}</h1>"
    trained = report.trained_as_of[:10]
    yield (
        '<p class="under">'
        + both(
            f"base {report.base} · bundle {report.bundle}, trained as of {trained} · {report.time_zone}",
            f"客户库 {report.base} · 模型 {report.bundle}（训练时点 {trained}）· {report.time_zone}",
        )
        + "</p>"
    )
    yield f'<section class="verdict {report.verdict}"><h2>{both(*_capital(WORDS[report.verdict]))}</h2>'
    if report.findings:
        worst = report.findings[0]
        yield f"<p>{both(worst.english, worst.chinese)}</p>"
    if report.accepted:
        yield f"<p>{both('Accepted because: ', '确认原因：')}{text(report.accepted)}</p>"
    yield "</section>"
    yield '<div class="cards">' + "".join(_cards(report)) + "</div>"


def _capital(words: tuple[str, str]) -> tuple[str, str]:
    return words[0][0].upper() + words[0][1:], words[1]


def _cards(report: Report) -> Iterator[str]:
    seen, change = report.compared, report.change
    moves = (
        both(f"{change.gained:,} came, {change.lost:,} left", f"新增 {change.gained:,}，离开 {change.lost:,}")
        if change
        else both("customers in the base", "在册客户")
    )
    yield _card(f"{report.customers:,}", moves)
    was = seen.last_churn_mean
    yield _card(
        f"{seen.churn_mean:.1%}",
        both(
            "mean churn probability" + (f", last week {was:.1%}" if was is not None else ""),
            "平均流失概率" + (f"，上周 {was:.1%}" if was is not None else ""),
        ),
    )
    worth = seen.last_value_mean
    yield _card(
        _money(report, seen.value_mean),
        both(
            "mean expected value" + (f", last week {_money(report, worth)}" if worth is not None else ""),
            "平均预期价值" + (f"，上周 {_money(report, worth)}" if worth is not None else ""),
        ),
    )
    yield _card(
        f"{seen.weighted:.2f}", both("weighted drift of facts from training", "特征加权漂移（相对训练）")
    )
    advice = ("retrain", "重新训练") if report.advice.retrain else ("keep", "保留")
    yield _card(both(*advice), both("the model", "模型建议"))


def _card(figure: str, under: str) -> str:
    return f'<div class="card"><b>{figure}</b><span>{under}</span></div>'


def _findings(report: Report) -> Iterator[str]:
    yield f"<section><h2>{both('What broke a bound', '超出限值的项目')}</h2>"
    if report.findings:
        rows = []
        for each in report.findings:
            level = both("stops", "阻止") if each.level == "stop" else both("warns", "警告")
            what = f"{both(each.english, each.chinese)}"
            todo = f'<div class="todo">{both(each.todo, each.todo_chinese)}</div>'
            rows.append(
                row(
                    [
                        f'<span class="tag {each.level}">{level}</span>',
                        what + todo,
                        f"<code>{text(each.bound)}</code>",
                        f"{each.figure:.3g}",
                        f"{each.limit:.3g}",
                    ],
                    ("", "name", "", "n", "n"),
                )
            )
        head = [
            "",
            both("what, and what to do", "内容与处理办法"),
            both("bound", "限值"),
            both("figure", "数值"),
            both("limit", "上限"),
        ]
        yield table(head, rows, ("", "", "", "n", "n"))
    else:
        yield f"<p>{both('Nothing.', '无。')}</p>"
    if report.notes:
        yield '<ul class="notes">' + "".join(f"<li>{both(*each)}</li>" for each in report.notes) + "</ul>"
    yield "</section>"


def _legend(report: Report) -> str:
    last = (
        f'<span><i class="tick" style="background:#d97706"></i>{both("last week", "上周")}</span>'
        if report.last is not None
        else ""
    )
    return (
        '<div class="legend">'
        f'<span><i style="background:#c9d1da"></i>{both("training", "训练数据")}</span>{last}'
        f'<span><i style="background:#1f6feb"></i>{both("this week", "本周")}</span>'
        f'<span><i style="background:#a66ad1"></i>{both("no value", "缺失")}</span></div>'
    )


def _scores(report: Report) -> Iterator[str]:
    yield f'<section><h2>{both("Scores", "评分分布")}</h2>{_legend(report)}<div class="pair">'
    limits = report.bounds.scores
    for drift in report.compared.scores:
        if drift.name not in (CHURN, VALUE):
            continue
        titles = {
            CHURN: ("Churn probability, by tenths of training", "流失概率（按训练十分位）"),
            VALUE: (f"Expected value ({report.currency}), by tenths of training", "预期价值（按训练十分位）"),
        }
        labels = [_edge(report, drift.name, edge) for edge in drift.edges]
        yield (
            f"<div><h3>{both(*titles[drift.name])}</h3>{distribution(drift, 530, 170, labels)}"
            f'<p class="under">{_in_words(drift, limits.training, limits.last_week)}</p></div>'
        )
    yield "</div>"
    offers = [each for each in report.compared.scores if each.name not in (CHURN, VALUE)]
    if offers:
        offers.sort(key=lambda each: -_worst(each, limits.training, limits.last_week))
        rows = [
            row(
                [
                    text(_offer_name(each)),
                    *_figures(each, limits.training.only_told(), limits.last_week.only_told()),
                    distribution(each, 190, 32),
                ],
                ("name", "n", "n", "n", "n", "drawn"),
            )
            for each in offers[:MOST_OFFERS]
        ]
        yield f"<h3>{both('Offers: the most changed', '优惠：变化最大的')}</h3>"
        yield table(
            [both("score", "评分"), *_figure_heads(), both("distribution", "分布")],
            rows,
            ("", "n", "n", "n", "n"),
        )
    yield "</section>"


def _offer_name(drift: Drift) -> str:
    for prefix, word in ((RESPONSE, "response 响应率"), (UPLIFT, "uplift 增量")):
        if drift.name.startswith(prefix):
            return f"{drift.name.removeprefix(prefix)} · {word}"
    return drift.name


def _edge(report: Report, name: str, edge: float) -> str:
    if name == CHURN:
        return f"{edge:.0%}"
    amount = edge / report.minor_units
    return f"{amount:,.0f}" if abs(amount) >= 10 else f"{amount:.1f}"


def _in_words(drift: Drift, training: DriftBounds, last: DriftBounds) -> str:
    told = [("against training", "相对训练", drift.training, training)]
    if drift.last_week:
        told.append(("against last week", "相对上周", drift.last_week, last))
    return " · ".join(
        f"{both(english, chinese)} PSI {_marked('psi', limits, each)}, "
        f"{both('moved', '位移')} {_marked('moved', limits, each)}"
        for english, chinese, each, limits in told
    )


def _marked(measure: str, limits: DriftBounds, difference: Difference, judged: bool = True) -> str:
    figure = float(getattr(difference, measure))
    bound: Bound = getattr(limits, measure)
    broken = bound.broken(figure) if judged and difference.is_news(measure) else None
    said = f"{figure:.3f}" if np.isfinite(figure) else NONE
    if broken is None:
        return said
    return f'<span class="{"far" if broken[0] == "stop" else "beyond"}">{said}</span>'


def _facts(report: Report) -> Iterator[str]:
    limits = report.bounds.facts
    known = {each.name: each.fact for each in facts_of()}

    def order(drift: Drift) -> tuple[bool, float]:
        """What breaks a bound first, then what is furthest from usual."""
        times = _worst(drift, limits.training, limits.last_week)
        return not (drift.importance >= limits.important and times > 1), -times

    worst = sorted(report.compared.facts, key=order)[:MOST_FACTS]
    rows = []
    for each in worst:
        fact = known.get(each.name)
        meaning = f'<div class="under">{both(fact.meaning, fact.chinese)}</div>' if fact else ""
        rows.append(
            row(
                [
                    f"<code>{text(each.name)}</code>{meaning}",
                    f"{each.importance:.1%}",
                    *_figures(each, limits.training, limits.last_week, each.importance >= limits.important),
                    f"{(each.last_week or each.training).missing:+.1%}",
                    distribution(each, 190, 34),
                ],
                ("name", "n", "n", "n", "n", "n", "n", "drawn"),
            )
        )
    count = len(report.compared.facts)
    yield "<section><h2>" + both(
        f"Facts: the {len(worst)} most drifted of {count}", f"特征：{count} 项中漂移最大的 {len(worst)} 项"
    )
    yield f"</h2>{_legend(report)}"
    head = [both("fact", "特征"), both("weight", "权重"), *_figure_heads(), both("lost values", "缺失变化")]
    yield table([*head, both("distribution", "分布")], rows, ("", "n", "n", "n", "n", "n", "n"))
    yield "</section>"


def _figure_heads() -> list[str]:
    return [
        both("PSI, last week", "PSI（上周）"),
        both("moved", "位移"),
        both("PSI, training", "PSI（训练）"),
        both("moved", "位移"),
    ]


def _figures(drift: Drift, training: DriftBounds, last: DriftBounds, judged: bool = True) -> list[str]:
    cells = []
    for each, limits in ((drift.last_week, last), (drift.training, training)):
        if each is None:
            cells += [NONE, NONE]
            continue
        arrow = "" if not each.moved >= 0.005 else " ↑" if each.rose > 0 else " ↓"
        cells += [
            _marked("psi", limits, each, judged) + _usual(each.usual.psi),
            _marked("moved", limits, each, judged) + arrow + _usual(each.usual.moved),
        ]
    return cells


def _usual(figure: float) -> str:
    return f'<div class="under">{both(f"usual {figure:.2f}", f"常见 {figure:.2f}")}</div>'


def _worst(drift: Drift, training: DriftBounds, last: DriftBounds) -> float:
    """How many times its bound, or what is usual where that is more, the drift is."""
    figures = [0.0]
    for each, limits in ((drift.training, training), (drift.last_week, last)):
        if each is not None:
            for measure in ("psi", "moved"):
                bound: Bound = getattr(limits, measure)
                limit = max(bound.warn or 1.0, BEYOND * getattr(each.usual, measure))
                figures.append(float(np.nan_to_num(getattr(each, measure))) / limit)
    return max(figures)


def _tables(report: Report) -> Iterator[str]:
    limits = report.bounds.tables
    rows = []
    for each in report.paces:
        late = (
            limits.silent.broken(each.silent_days / each.usual_gap_days)
            if each.silent_days is not None and each.usual_gap_days
            else None
        )
        few = (
            limits.rows.broken(each.rows_of_week / each.usual_rows)
            if each.usual_rows >= limits.least_rows
            else None
        )
        state = late or few
        words = ("late", "延迟") if late else ("few rows", "行数偏少") if few else ("fresh", "正常")
        rows.append(
            row(
                [
                    f"<code>{text(each.table)}</code>",
                    f'<span class="tag {state[0] if state else "fine"}">{both(*words)}</span>',
                    f"{each.silent_days:.1f}" if each.silent_days is not None else NONE,
                    f"{each.usual_gap_days:.0f}" if each.usual_gap_days else NONE,
                    f"{each.visible:,}",
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


def _outcomes(report: Report) -> Iterator[str]:
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
                    f"{_money(report, whole.value_promised)} / {_money(report, whole.value_came)}",
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


def _advice(report: Report) -> Iterator[str]:
    advice = report.advice
    yield f"<section><h2>{both('Advice', '建议')}</h2><p>{both(advice.english, advice.chinese)}</p>"
    rows = [
        row(
            [
                f'<span class="tag {"warn" if each.met else "fine"}">'
                + (both("reached", "已触及") if each.met else both("kept", "未触及"))
                + "</span>",
                both(each.english, each.chinese),
                f"{each.figure:.3g}" if each.figure is not None else NONE,
                f"{each.limit:.3g}",
            ],
            ("", "name", "n", "n"),
        )
        for each in advice.reasons
    ]
    head = ["", both("reason to retrain", "重新训练的条件"), both("figure", "数值"), both("bound", "限值")]
    yield table(head, rows, ("", "", "n", "n"))
    yield "</section>"


def _foot() -> Iterator[str]:
    yield "<footer>"
    for words in (
        (
            "PSI: population stability index over the bins of training; 0.1 is noticeable, 0.25 large. "
            "Moved: how far customers moved on average among the customers of training, as a share of all of "
            "them. Usual: the most that training's own months differed by; a drift within it, or in a small "
            "base within what chance can do, breaks no bound.",
            "PSI：以训练数据分箱的群体稳定性指数，0.1 为可察觉，0.25 为显著。位移：客户在训练人群排名中的平均"
            "移动幅度。常见：训练期各月之间的最大差异；在此范围内，或小样本偶然波动范围内的漂移不算超限。",
        ),
        (
            "Weight: the fact's share of the churn model's gain; facts with little are shown, not judged. "
            "Bounds stand in config/watch.yaml.",
            "权重：该特征在流失模型增益中的占比；占比很小的特征只展示、不判定。限值见 config/watch.yaml。",
        ),
    ):
        yield f"<p>{both(*words)}</p>"
    yield "</footer>"


def _money(report: Report, minor: float) -> str:
    return f"{minor / report.minor_units:,.2f} {text(report.currency)}"
