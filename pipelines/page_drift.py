"""The page's middle: how scores and facts are distributed, this week, last week and in training."""

from collections.abc import Iterator

import numpy as np

from decisions.bounds import Bound, DriftBounds
from features.reader import facts_of
from models.census import CHURN, RESPONSE, UPLIFT, VALUE
from models.comparison import BEYOND, Difference, Drift
from pipelines.drawing import distribution
from pipelines.markup import both, row, table, text
from pipelines.report import Report

MOST_FACTS = 30
MOST_OFFERS = 6
NONE = "–"


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


def scores(report: Report) -> Iterator[str]:
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


def facts(report: Report) -> Iterator[str]:
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
