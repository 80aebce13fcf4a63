"""What is wrong with the data and with kept promises: tables, the base, outcomes."""

from collections.abc import Iterator, Sequence

from decisions.bounds import BaseBounds, Bound, Floor, OutcomeBounds, TableBounds
from decisions.finding import FEED, LATE, MODEL, Change, Finding
from models.outcome import Outcome, Part
from tables.arrival import Pace


def gone_from(bounds: TableBounds, gone: Sequence[str]) -> Iterator[Finding]:
    """Tables, and columns of those that are there, which last week's base had."""
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


def late(bounds: TableBounds, paces: Sequence[Pace]) -> Iterator[Finding]:
    """Tables that are silent for longer than usual, or sent fewer rows than in a poor week."""
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


def shrunk(bounds: TableBounds, paces: Sequence[Pace]) -> Iterator[Finding]:
    """Tables with fewer rows than last week: a part of the history did not come again."""
    for pace in paces:
        if not pace.visible_before:
            continue
        share = 1 - pace.visible / pace.visible_before
        if broken := bounds.shrunk.broken(share):
            yield Finding(
                broken[0],
                f"tables.shrunk.{broken[0]}",
                pace.table,
                share,
                broken[1],
                f"table {pace.table}: {pace.visible:,} rows, last week {pace.visible_before:,}; tables only "
                "grow",
                f"数据表 {pace.table}：{pace.visible:,} 行，上周 {pace.visible_before:,} 行；数据表只应增长",
                *LATE,
            )


def changed(bounds: BaseBounds, change: Change) -> Iterator[Finding]:
    """A base that lost or gained more customers than a week can explain."""
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


def kept(bounds: OutcomeBounds, outcomes: Sequence[Outcome], promised_auc: float | None) -> Iterator[Finding]:
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
