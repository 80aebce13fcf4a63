"""What drifted beyond its bounds: facts, scores, their means, values gone missing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from decisions.bounds import Bound, Bounds, DriftBounds, Level
from decisions.finding import FEED, MODEL, Finding
from models.census import CHURN, VALUE
from models.comparison import Compared, Difference, Drift

AGAINST = {"training": ("training", "训练数据"), "last_week": ("last week", "上周")}


def drifted(bounds: Bounds, compared: Compared, against: str) -> Iterator[Finding]:
    """against: training or last_week, as the bounds' parts are called."""
    facts: DriftBounds = getattr(bounds.facts, against)
    scores: DriftBounds = getattr(bounds.scores, against)
    important = [each for each in compared.facts if each.importance >= bounds.facts.important]
    own = [each for each in compared.scores if each.name in (CHURN, VALUE)]
    offers = [each for each in compared.scores if each.name not in (CHURN, VALUE)]
    yield from _worst("facts", important, facts, against)
    yield from _worst("scores", own, scores, against)
    yield from _worst("scores", offers, scores.only_told(), against)
    if against == "training" and (broken := bounds.facts.weighted.broken(compared.weighted)):
        yield Finding(
            broken[0],
            f"facts.weighted.{broken[0]}",
            "all facts",
            compared.weighted,
            broken[1],
            f"the facts drifted by {compared.weighted:.2f} from training, each as much as the model leans "
            "on it",
            f"按模型依赖程度加权，特征相对训练数据的漂移为 {compared.weighted:.2f}",
            *MODEL,
        )


@dataclass(frozen=True)
class _Broken:
    """One quantity beyond a bound of one measure."""

    drift: Drift
    measure: str
    figure: float
    limit: float


def _worst(room: str, drifts: Iterable[Drift], limits: DriftBounds, against: str) -> Iterator[Finding]:
    """One finding a level: the worst by name, the others by number."""
    by_level: dict[Level, list[_Broken]] = {}
    for drift in drifts:
        difference: Difference | None = getattr(drift, against)
        for measure in ("psi", "moved"):
            if difference is None or not difference.is_news(measure):
                continue
            figure = float(getattr(difference, measure))
            bound: Bound = getattr(limits, measure)
            if broken := bound.broken(figure):
                by_level.setdefault(broken[0], []).append(_Broken(drift, measure, figure, broken[1]))
    for level, each in by_level.items():
        worst = max(each, key=lambda one: one.figure / max(one.limit, 1e-9))
        more = len({one.drift.name for one in each}) - 1
        against_en, against_zh = AGAINST[against]
        name_en, name_zh = {"psi": ("PSI", " PSI "), "moved": ("mean move", "平均位移")}[worst.measure]
        kind_en, kind_zh = {"facts": ("fact", "特征"), "scores": ("score", "评分")}[room]
        yield Finding(
            level,
            f"{room}.{against}.{worst.measure}.{level}",
            worst.drift.name,
            worst.figure,
            worst.limit,
            f"{kind_en} {worst.drift.name}: {name_en} {worst.figure:.3f} against {against_en}"
            + (f", and {more} more beyond their bounds" if more else ""),
            f"{kind_zh} {worst.drift.name}：相对{against_zh}的{name_zh}为 {worst.figure:.3f}"
            + (f"，另有 {more} 项超限" if more else ""),
            *(FEED if (room, against) == ("facts", "last_week") else MODEL),
        )


def missing(bounds: Bounds, compared: Compared, recent: bool) -> Iterator[Finding]:
    """Facts that customers had and have no more; recent: last week is what they are held against."""
    by_level: dict[Level, list[tuple[float, Drift, float]]] = {}
    for drift in compared.facts:
        against = drift.last_week if drift.last_week and recent else drift.training
        if not (against.is_news("missing") and (broken := bounds.facts.missing.broken(against.missing))):
            continue
        # What a model has always lacked wears it out; what it lacks since last week is broken.
        level: Level = broken[0] if recent and drift.importance >= bounds.facts.important else "warn"
        by_level.setdefault(level, []).append((against.missing, drift, broken[1]))
    for level, each in by_level.items():
        figure, drift, limit = max(each, key=lambda one: one[0])
        more = len(each) - 1
        yield Finding(
            level,
            f"facts.missing.{level}",
            drift.name,
            figure,
            limit,
            f"fact {drift.name}: {figure:.1%} of customers have no value any more"
            + (f", and {more} more facts beyond the bound" if more else ""),
            f"特征 {drift.name}：{figure:.1%} 的客户不再有取值" + (f"，另有 {more} 项超限" if more else ""),
            *FEED,
        )


def means(bounds: Bounds, compared: Compared) -> Iterator[Finding]:
    """Mean scores that jumped since last week."""
    if not compared.last_customers or compared.last_churn_mean is None or compared.last_value_mean is None:
        return
    now, last = compared.churn_mean, compared.last_churn_mean
    points = abs(now - last)
    # Three standard errors of a probability's mean at most: in a small base it moves by itself.
    chance = 3 * (now * (1 - now) * (1 / max(compared.customers, 1) + 1 / compared.last_customers)) ** 0.5
    if (broken := bounds.scores.churn_mean.broken(points)) and points > chance:
        yield Finding(
            broken[0],
            f"scores.churn_mean.{broken[0]}",
            CHURN,
            points,
            broken[1],
            f"mean churn probability is {now:.1%}, last week {last:.1%}",
            f"平均流失概率为 {now:.1%}，上周为 {last:.1%}",
            *MODEL,
        )
    value = next((each for each in compared.scores if each.name == VALUE), None)
    real = value is not None and value.last_week is not None and value.last_week.is_news("psi")
    was = compared.last_value_mean
    share = abs(compared.value_mean - was) / was if was > 0 else float("nan")
    if real and (broken := bounds.scores.value_mean.broken(share)):
        yield Finding(
            broken[0],
            f"scores.value_mean.{broken[0]}",
            VALUE,
            share,
            broken[1],
            f"mean expected value changed by {compared.value_mean / was - 1:+.1%} since last week",
            f"平均预期价值较上周变化 {compared.value_mean / was - 1:+.1%}",
            *MODEL,
        )
