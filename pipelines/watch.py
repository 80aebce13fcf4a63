"""`holdfast watch`, and what the weekly job calls: count while scoring, judge before publishing, tell.

The job calls `begin` before it scores, `Counted.add` for every part of the base, and `conclude` when the
week's rows are written and before it seals them.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decisions.advice import advise
from decisions.bounds import Bounds, read_bounds
from decisions.equal_terms import TermsReport
from decisions.judgement import find
from decisions.unequal import BOUND as TERMS_BOUND
from decisions.unequal import terms_findings, terms_notes
from models.census import Reference
from models.comparison import compare
from pipelines.alert import call_alert
from pipelines.configuration import configuration
from pipelines.counted import Counted
from pipelines.page import page_of
from pipelines.past import change_of, outcomes_of
from pipelines.report import WORDS, Report, Verdict, last_report, said, write_report
from pipelines.terminal import grid
from releases.bundle import Bundle
from releases.home import Home
from releases.reference import read_reference
from releases.watch import (
    KeptWeek,
    Memory,
    kept_weeks,
    read_memory,
    verified,
    write_memory,
)
from tables.arrival import Arrivals
from tables.contract import CUSTOMER_TABLES
from tables.history import Histories
from tables.moment import DAY, in_zone, local_day, parse_moment, to_micros
from tables.refusal import Refused

BOUNDS = "watch.yaml"


class Stopped(Refused):
    """A stated bound was broken: the week before stays published."""


@dataclass(frozen=True)
class Watch:
    """What a week will be held against."""

    home: Home
    key: bytes
    bounds: Bounds
    bundle: Bundle
    reference: Reference
    t: int
    kept: tuple[KeptWeek, ...]
    last: Memory | None
    last_folder: Path | None

    def nothing(self) -> Counted:
        """To count into: one for the whole base, or one for each part."""
        other = self.last is not None and self.last.bundle != self.bundle.name
        return Counted(
            self.reference.census.again(),
            self.last.census.again() if self.last and other else None,
            Arrivals.none(self.t),
        )


def begin(home: Home, key: bytes, bundle: Bundle, t: int) -> Watch:
    """Read the bounds, the bundle's reference and last week's counts; raises Refused before any work is
    done when one cannot be used."""
    bounds = read_bounds(configuration() / BOUNDS)
    reference = read_reference(home.bundles / bundle.name)
    kept = tuple(kept_weeks(home, t))
    last, folder = None, None
    for week in reversed(kept):
        if week.published and verified(week, key) and (last := read_memory(week.folder)):
            folder = week.folder
            break
    return Watch(home, key, bounds, bundle, reference, t, kept, last, folder)


def conclude(
    watch: Watch,
    counted: Counted,
    histories: Histories,
    base: Path,
    week: Path,
    *,
    margin_rate: float,
    terms: TermsReport | None = None,
    accept: str | None = None,
) -> Report:
    """Judge the week whose rows stand in the folder `week`, not yet sealed; write its memory into it and its
    report where people look. Raises Stopped, after telling, when a bound is broken and nobody accepted it,
    or when terms are surely unequal, which nobody can."""
    report = judge(watch, counted, histories, base, week, margin_rate=margin_rate, terms=terms, accept=accept)
    memory = Memory(
        moment=watch.t,
        bundle=watch.bundle.name,
        question=watch.bundle.question,
        census=counted.census,
        arrivals=counted.arrivals,
        present=_present(histories, base),
        accepted=report.accepted,
    )
    write_memory(week, memory)
    name = f"{in_zone(watch.t, histories.time_zone):%Y-%m-%dT%H%M%S%z}"
    page = write_report(watch.home.watch, name, report, page_of(report))
    trouble = ""
    alert = watch.bounds.alert
    if report.verdict == "stopped" or (alert.when == "warn" and report.findings):
        trouble = call_alert(alert, "stop" if report.stops else "warn", report.summary, page)
    if report.verdict != "stopped":
        if trouble:
            print(trouble, file=sys.stderr)
        return report
    broken = "\n".join(f"  {said(each)}: {each.todo}" for each in report.stops)
    unequal = any(each.bound == TERMS_BOUND for each in report.stops)
    states = f"{BOUNDS} and policy.yaml state" if unequal else f"{BOUNDS} states"
    raise Stopped(
        f"the week of {local_day(watch.t, histories.time_zone)} breaks what {states} and is not "
        f"published; what was published stays.\n{broken}\nthe report: {page}\n"
        + (
            "no reason given with --accept publishes unequal terms"
            if unequal
            else "to publish it all the same: holdfast score --accept 'the reason', which the week then "
            "carries"
        )
        + (f"\n{trouble}" if trouble else "")
    )


def judge(
    watch: Watch,
    counted: Counted,
    histories: Histories,
    base: Path,
    week: Path,
    *,
    margin_rate: float,
    terms: TermsReport | None,
    accept: str | None,
) -> Report:
    """Hold the counts against training, last week and what came of older weeks; nothing is written."""
    bounds, last = watch.bounds, watch.last
    notes: list[tuple[str, str]] = []
    compared = compare(watch.reference, counted.census, last.census if last else None, counted.as_last)
    outcomes = outcomes_of(
        watch.kept,
        watch.key,
        watch.t,
        histories,
        bounds.outcomes,
        margin_rate=margin_rate,
    )
    if not outcomes:
        notes.append(_nothing_known(watch))
    own = [each for each in outcomes if each.bundle == watch.bundle.name]
    if outcomes and not own:
        notes.append(
            (
                "the outcomes known are of a bundle that is not in use any more; they advise nothing",
                "已知结果来自已停用的模型，不作为建议依据",
            )
        )
    before = last.arrivals if last else None
    paces = tuple(
        counted.arrivals.pace(table, before) for table in CUSTOMER_TABLES if table in histories.present
    )
    change = change_of(watch.last_folder, week) if watch.last_folder else None
    gone = tuple(sorted(last.present - _present(histories, base))) if last else ()
    findings = find(
        bounds,
        compared,
        paces,
        gone,
        change,
        own,
        _promised_auc(watch.bundle),
        recent=_recent(watch, notes),
        same_bundle=_same_bundle(watch, notes),
    )
    trained = watch.bundle.about["as_of"]
    age = (watch.t - to_micros(parse_moment(trained, histories.time_zone))) / DAY
    unequal = terms_findings(terms) if terms else ()
    notes += terms_notes(terms)
    findings = (*unequal, *findings)
    stops = any(each.level == "stop" for each in findings)
    accepted = accept if accept and stops and not unequal else ""
    verdict: Verdict = ("accepted" if accepted else "stopped") if stops else "warned" if findings else "clear"
    return Report(
        moment=watch.t,
        time_zone=histories.time_zone,
        base=base.name,
        bundle=watch.bundle.name,
        trained_as_of=trained,
        customers=counted.census.customers,
        verdict=verdict,
        accepted=accepted,
        last=last.moment if last else None,
        findings=findings,
        compared=compared,
        paces=paces,
        gone=gone,
        change=change,
        outcomes=tuple(outcomes),
        advice=advise(bounds, compared, own, findings, age),
        notes=tuple(notes),
        currency=histories.currency,
        minor_units=histories.minor_units,
        bounds=bounds,
        terms=terms,
    )


def _recent(watch: Watch, notes: list[tuple[str, str]]) -> bool:
    """Whether a difference from last week may stop this one; if not, `notes` says why."""
    last = watch.last
    if last is None:
        notes.append(
            (
                "no earlier week is published: nothing is compared with last week",
                "没有更早发布的周结果，无法与上周比较",
            )
        )
        return False
    days = (watch.t - last.moment) / DAY
    if days > watch.bounds.last_week_within_days:
        notes.append(
            (
                f"the week before is {days:.0f} days older: what differs from it is told and stops nothing",
                f"上一期在 {days:.0f} 天前：与其差异仅提示，不阻止发布",
            )
        )
        return False
    return True


def _same_bundle(watch: Watch, notes: list[tuple[str, str]]) -> bool:
    """Whether last week's scores are of the same models."""
    if watch.last is None or watch.last.bundle == watch.bundle.name:
        return True
    notes.append(
        (
            "last week was scored by another bundle: how scores differ from it is told and stops nothing",
            "上周使用的是另一模型：评分与其差异仅提示，不阻止发布",
        )
    )
    return False


def _present(histories: Histories, base: Path) -> frozenset[str]:
    """The tables and columns of the base, those that no history holds (offers, products) among them."""
    columns = json.loads((base / "tables" / "base.json").read_text(encoding="utf-8"))["columns"]
    every = {f"{table}.{column}" for table, names in columns.items() for column in names}
    return histories.present | every | frozenset(columns)


def _nothing_known(watch: Watch) -> tuple[str, str]:
    days, least = watch.bundle.question.known_after // DAY, watch.bounds.outcomes.least_customers
    return (
        f"no kept week with {least} customers or more is {days} days old: what it promised cannot be held "
        "against what happened yet",
        f"尚无满 {days} 天且不少于 {least} 位客户的历史周结果，暂不能核对预测与实际",
    )


def _promised_auc(bundle: Bundle) -> float | None:
    """On the held-out time of training; None of a bundle that does not say."""
    try:
        return float(bundle.about["churn"]["headline"]["model"]["auc"][0])
    except (KeyError, TypeError, IndexError, ValueError):
        return None


def watch(home: Home) -> dict[str, Any]:
    """The last report and where its page is."""
    report, page = last_report(home.watch)
    return {**report, "page": str(page)}


def render(result: dict[str, Any]) -> list[Any]:
    moment = in_zone(result["moment"], result["time_zone"])
    rows = [
        [each["level"], each["bound"], f"{each['figure']:.3g}", f"{each['limit']:.3g}", each["english"]]
        for each in result["findings"]
    ]
    verdict: Verdict = result["verdict"]
    parts: list[Any] = [f"Week as of {moment.isoformat()}: {WORDS[verdict][0]}"]
    if rows:
        parts.append(grid("Bounds broken", ["level", "bound", "figure", "limit", "what"], rows))
    parts += [note[0] for note in result["notes"]]
    return [*parts, f"Advice: {result['advice']['english']}", f"The page: {result['page']}"]
