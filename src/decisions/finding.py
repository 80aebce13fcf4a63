"""Findings: which stated bound a week breaks, by how much, and what to do; in English and in Chinese."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from decisions.bounds import BaseBounds, Bound, Bounds, DriftBounds, Floor, Level, OutcomeBounds, TableBounds
from models.census import CHURN, VALUE
from models.comparison import Compared, Difference, Drift
from models.outcome import Outcome, Part
from tables.arrival import Pace


@dataclass(frozen=True)
class Finding:
    """One broken bound. bound: its place in config/watch.yaml; subject: the fact, score, table or slice."""

    level: Level
    bound: str
    subject: str
    figure: float
    limit: float
    english: str
    chinese: str
    todo: str
    todo_chinese: str


@dataclass(frozen=True)
class Change:
    """Customers of last week's base who left this week's, who came, and how many there were."""

    lost: int
    gained: int
    before: int


FEED = (
    "compare the source of the tables it is read from with last week's; mend it, run `holdfast check` and "
    "score again",
    "核对相关数据表的来源与上周是否一致；修复后重新运行 `holdfast check` 并评分",
)
MODEL = (
    "look at the drifted facts below; if the customers changed and not the data, train and promote anew",
    "查看下方漂移的特征；若是客户变化而非数据问题，请重新训练并发布模型",
)
LATE = (
    "ask for the missing delivery, then run `holdfast import`, `holdfast check` and score again",
    "催补缺失的数据，再运行 `holdfast import`、`holdfast check` 并重新评分",
)
AGAINST = {"training": ("training", "训练数据"), "last_week": ("last week", "上周")}


def find(
    bounds: Bounds,
    compared: Compared,
    paces: Sequence[Pace],
    gone: Sequence[str],
    change: Change | None,
    outcomes: Sequence[Outcome],
    promised_auc: float | None,
    *,
    comparable: bool,
) -> tuple[Finding, ...]:
    """Every broken bound, those that stop first.

    gone: tables and columns ("table.column") that last week's base had; comparable: last week is recent and
    of the same bundle, so that what differs from it may stop the week.
    """
    against_last = [
        *_drifted(bounds, compared, "last_week"),
        *_means(bounds, compared),
        *_gone(bounds.tables, gone),
        *(_changed(bounds.base, change) if change else ()),
    ]
    found = [
        *(against_last if comparable else map(_only_told, against_last)),
        *_drifted(bounds, compared, "training"),
        *_missing(bounds, compared, comparable),
        *_late(bounds.tables, paces),
        *_kept(bounds.outcomes, outcomes, promised_auc),
    ]
    rooms = ("tables", "facts", "scores", "base", "outcomes")  # causes before what they lead to
    return tuple(
        sorted(found, key=lambda each: (each.level != "stop", rooms.index(each.bound.split(".")[0])))
    )


def _only_told(finding: Finding) -> Finding:
    return Finding(**{**vars(finding), "level": "warn"})


def _drifted(bounds: Bounds, compared: Compared, against: str) -> Iterator[Finding]:
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


def _missing(bounds: Bounds, compared: Compared, comparable: bool) -> Iterator[Finding]:
    by_level: dict[Level, list[tuple[float, Drift, float]]] = {}
    for drift in compared.facts:
        against = drift.last_week if drift.last_week and comparable else drift.training
        if not (against.is_news("missing") and (broken := bounds.facts.missing.broken(against.missing))):
            continue
        level: Level = broken[0] if drift.importance >= bounds.facts.important else "warn"
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


def _means(bounds: Bounds, compared: Compared) -> Iterator[Finding]:
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


def _gone(bounds: TableBounds, gone: Sequence[str]) -> Iterator[Finding]:
    for name in gone:
        is_table = "." not in name
        if not is_table and name.split(".", 1)[0] in gone:
            continue
        level = bounds.table_gone if is_table else bounds.column_gone
        yield Finding(
            level,
            "tables.table_gone" if is_table else "tables.column_gone",
            name,
            1,
            0,
            f"{'table' if is_table else 'column'} {name}: last week's base had it, this one does not",
            f"{'数据表' if is_table else '字段'} {name}：上周有，本周没有",
            *LATE,
        )


def _late(bounds: TableBounds, paces: Sequence[Pace]) -> Iterator[Finding]:
    for pace in paces:
        if pace.silent_days is not None and pace.usual_gap_days:
            figure = pace.silent_days / pace.usual_gap_days
            if broken := bounds.silent.broken(figure):
                yield Finding(
                    broken[0],
                    f"tables.silent.{broken[0]}",
                    pace.table,
                    figure,
                    broken[1],
                    f"table {pace.table}: no row for {pace.silent_days:.1f} days; usually one comes within "
                    f"{pace.usual_gap_days:.0f}",
                    f"数据表 {pace.table}：已 {pace.silent_days:.1f} 天没有新数据，通常间隔不超过 "
                    f"{pace.usual_gap_days:.0f} 天",
                    *LATE,
                )
        if pace.usual_rows >= bounds.least_rows:
            figure = pace.rows_of_week / pace.usual_rows
            floor: Floor = bounds.rows
            if broken := floor.broken(figure):
                yield Finding(
                    broken[0],
                    f"tables.rows.{broken[0]}",
                    pace.table,
                    figure,
                    broken[1],
                    f"table {pace.table}: {pace.rows_of_week:,} rows in seven days; a poor week has "
                    f"{pace.usual_rows:,}",
                    f"数据表 {pace.table}：最近七天 {pace.rows_of_week:,} 行，较差的一周通常也有 "
                    f"{pace.usual_rows:,} 行",
                    *LATE,
                )


def _changed(bounds: BaseBounds, change: Change) -> Iterator[Finding]:
    for name, count, english, chinese in (
        ("lost", change.lost, "are not in this week's base", "不在本周客户范围内"),
        ("gained", change.gained, "came into this week's base", "新进入本周客户范围"),
    ):
        limit: Bound = getattr(bounds, name)
        share = count / max(change.before, 1)
        if broken := limit.broken(share):
            yield Finding(
                broken[0],
                f"base.{name}.{broken[0]}",
                name,
                share,
                broken[1],
                f"{count:,} customers ({share:.1%} of last week's {change.before:,}) {english}",
                f"{count:,} 位客户（占上周 {change.before:,} 位的 {share:.1%}）{chinese}",
                *FEED,
            )


def _kept(
    bounds: OutcomeBounds, outcomes: Sequence[Outcome], promised_auc: float | None
) -> Iterator[Finding]:
    """Of the latest week whose outcome is known: older ones are history."""
    if not outcomes:
        return
    latest = outcomes[-1]
    for part, limit, bound in (
        (latest.whole, bounds.gap, "outcomes.gap"),
        *((each, bounds.slice_gap, "outcomes.slice_gap") for each in latest.slices),
    ):
        gap = abs(part.promised - part.happened)
        if part.sure and (broken := limit.broken(gap)):
            yield Finding(
                broken[0],
                f"{bound}.{broken[0]}",
                name_of(part),
                gap,
                broken[1],
                f"{name_of(part)}: {part.promised:.1%} were promised to leave, {part.happened:.1%} did",
                f"{name_of(part)}：预测流失 {part.promised:.1%}，实际 {part.happened:.1%}",
                *MODEL,
            )
    if promised_auc is not None:
        lost = promised_auc - latest.auc.value
        # The interval must exclude what training promised: a small base is ranked well or badly by luck.
        if latest.auc.high < promised_auc and (broken := bounds.auc_lost.broken(lost)):
            yield Finding(
                broken[0],
                f"outcomes.auc_lost.{broken[0]}",
                "auc",
                lost,
                broken[1],
                f"AUC is {latest.auc.value:.3f}; on training's held-out time it was {promised_auc:.3f}",
                f"AUC 为 {latest.auc.value:.3f}，训练时留出期为 {promised_auc:.3f}",
                *MODEL,
            )


def name_of(part: Part) -> str:
    return f"{part.axis}: {part.name}" if part.axis else "the whole base"
