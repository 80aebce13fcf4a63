"""The page of a week's report: one HTML file that needs no network, in English and Chinese.

It is written as XML too, so that a test can read it; whatever comes from data passes through `text`.
"""

from collections.abc import Iterator

from pipelines.markup import LANGUAGES, both, document, row, table, text
from pipelines.page_drift import facts, scores
from pipelines.page_past import advice, outcomes, tables
from pipelines.page_terms import terms
from pipelines.report import WORDS, Report, money
from tables.moment import in_zone, local_day


def page_of(report: Report) -> str:
    day = local_day(report.moment, report.time_zone)
    parts = [
        *_head(report),
        *_findings(report),
        *scores(report),
        *facts(report),
        *tables(report),
        *outcomes(report),
        *terms(report.terms, report.minor_units),
        *advice(report),
        *_foot(),
    ]
    return document(f"Week of {day}: {WORDS[report.verdict][0]}", parts)


def _head(report: Report) -> Iterator[str]:
    moment = in_zone(report.moment, report.time_zone)
    yield LANGUAGES
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
        text(money(report, seen.value_mean)),
        both(
            "mean expected value" + (f", last week {money(report, worth)}" if worth is not None else ""),
            "平均预期价值" + (f"，上周 {money(report, worth)}" if worth is not None else ""),
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
