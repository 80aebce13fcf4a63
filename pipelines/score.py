"""`holdfast score`: every customer's scores, choice and reasons as of a moment, published as a week.

Two passes over the customers, bucket by bucket. The first assesses them and puts each finished bucket aside
on disk (pipelines.bucket); when all are, the policy is sealed with its statistics of the base
(pipelines.freezing) and the limits are priced over everybody (pipelines.planning); the second tells segments,
chooses, writes one part of the week a bucket, and reads it back. The pointer moves last. Memory: one bucket,
and a few numbers a customer for what concerns everybody.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from decisions.equal_terms import TermsReport
from pipelines.configuration import configuration
from pipelines.equal_terms import week_terms, write_terms
from pipelines.first_pass import assess_all
from pipelines.freezing import frozen_policy, told
from pipelines.planning import Planned, plan_of
from pipelines.report import Report
from pipelines.run import Identity, borders_hash, code_version, take_up
from pipelines.second_pass import Chosen, Scored, write_parts
from pipelines.shadow import Shadow, follow
from pipelines.tally import Tally
from pipelines.terminal import bar, say
from pipelines.watch import conclude
from pipelines.week_report import summary
from pipelines.work import Work, open_work
from releases.home import Home
from releases.policy import FrozenPolicy, terms_of
from releases.retention import prune, read_retention
from releases.signature import sign
from releases.week import Limit, Part, WeekAbout, write_about
from releases.week_check import check_week, quantiles_of
from tables.moment import local_day
from tables.refusal import Refused
from tables.sealed import sealed_folder, verify


def score(
    home: Home,
    as_of: str | None,
    *,
    resume: bool = False,
    accept: str | None = None,
    shadow: int | None = None,
) -> dict[str, Any]:
    """Assess everyone, price the limits over all, choose, write, check, publish; prune what is too old.

    resume: go on from the finished buckets of a run of the same base, bundle, policy, moment and code;
    accept: publish although a bound is broken (pipelines.watch; not that of equal terms), for this reason;
    shadow: a registered version that says beside the week what it would have said (pipelines.shadow).
    """
    follower = None
    if shadow is not None:
        from pipelines.fetch import fetch_shadow  # noqa: PLC0415 (MLflow takes seconds to import)

        follower = fetch_shadow(home, shadow)
    work = open_work(home, as_of)
    histories, watch = work.histories, work.watch
    identity = Identity(
        base=work.base.name,
        buckets=borders_hash(histories.buckets),
        bundle=work.bundle.name,
        policy=terms_of(work.policy, work.offers, work.kept),
        last_week=work.held.last_folder.name if work.held.last_folder else "",
        moment=work.t,
        code=code_version(),
    )
    run, said = take_up(home, identity, len(work.places()), resume=resume)
    for line in said:
        say(line)
    tally = assess_all(work, run)
    if not tally.in_base:
        run.end()
        raise Refused(
            f"nobody {work.bundle.question.base} "
            f"{local_day(work.t, histories.time_zone)}; there is no base to score: choose another --as-of"
        )
    frozen = frozen_policy(home, work, run)
    planned = plan_of(work, run, frozen)
    with sealed_folder(home.weeks) as staged:
        parts, chosen = write_parts(work, run, frozen, staged.path, planned)
        scored = Scored.read(run, len(parts))
        about = _about(work, frozen, tally, planned, parts, scored, chosen)
        write_about(staged.path, about)
        _check(work, frozen, staged.path, about)
        watch.stage("comparing terms", len(histories))
        terms = week_terms(work, run, frozen, scored, chosen.offered)
        if terms:
            write_terms(staged.path, terms)
        report = _judge(home, work, staged.path, tally, terms, accept)
        watch.stage("sealing", len(histories))
    sign(staged.path, work.key)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    home.publish(instead_of=work.began, policy=frozen.name, week=staged.name, at=at)
    watch.stage("pruning")
    run.end()
    kept = prune(home, read_retention(configuration()))
    beside = {"shadow": _shadow(home, work, follower, frozen, staged.name, planned)} if follower else {}
    return {
        "week": staged.name,
        "path": str(staged.path),
        "run": {"id": identity.name, "resumed_buckets": len(run.found), "buckets": len(parts), "said": said},
        "statistics": told(frozen.frozen, work.histories.time_zone, anew=work.kept is None),
        "watch": {"verdict": report.verdict, "summary": report.summary},
        **summary(work.histories, about, tally, scored.churn, scored.value, chosen.net),
        "kept": {"weeks": len(kept.weeks), "disk_bytes": kept.bytes, "removed": list(kept.removed)},
        **beside,
        **watch.told(),
    }


def _shadow(
    home: Home, work: Work, follower: Shadow, frozen: FrozenPolicy, week: str, planned: Planned
) -> dict[str, Any]:
    """The week is published: whatever becomes of its shadow is told, and refuses nothing."""
    work.watch.stage("shadow", len(work.histories))
    try:
        return follow(home, work, follower, frozen, week, planned.plan.market)
    except Refused as error:
        return {"version": follower.version, "says": str(error)}


def _about(
    work: Work,
    frozen: FrozenPolicy,
    tally: Tally,
    planned: Planned,
    parts: tuple[Part, ...],
    scored: Scored,
    chosen: Chosen,
) -> WeekAbout:
    market = planned.plan.market
    # The plan's sums are exact, and so the same however customers are parted; the rows' must be these.
    used = market.limits.bounds - market.remaining
    if not np.allclose(used, chosen.used, rtol=1e-6, atol=1e-3):
        raise Refused(
            f"the week's rows use {chosen.used.tolist()} of its limits, its plan {used.tolist()}; nothing "
            "was published: please report this with the log, it is not a fault of the data"
        )
    columns = (market.limits.names, market.limits.bounds, market.prices, used)
    return WeekAbout(
        moment=work.t,
        base=work.base.name,
        bundle=work.bundle.name,
        policy=frozen.name,
        customers=len(work.histories),
        in_base=tally.in_base,
        limits=tuple(Limit(n, float(b), float(p), float(u)) for n, b, p, u in zip(*columns, strict=True)),
        gap=planned.plan.gap,
        churn_quantiles=quantiles_of(scored.churn[~np.isnan(scored.churn)]),
        currency=work.histories.currency,
        minor_units=work.histories.minor_units,
        parts=parts,
        question=work.bundle.question,
    )


def _check(work: Work, frozen: FrozenPolicy, folder: Path, about: WeekAbout) -> None:
    work.watch.stage("checking", about.customers)
    ids = (work.histories.ids[places] for places in work.places())
    with bar("checking the week") as progress:
        check_week(folder, about, frozen, ids, progress)


def _judge(
    home: Home, work: Work, folder: Path, tally: Tally, terms: TermsReport | None, accept: str | None
) -> Report:
    """The last word before a week is sealed: whoever raises Refused here leaves the old one published."""
    work.watch.stage("judging", len(work.histories))
    rate = work.policy.margin_rate
    report = conclude(
        work.held,
        tally.counted,
        work.histories,
        work.base,
        folder,
        margin_rate=rate,
        terms=terms,
        accept=accept,
    )
    work.watch.stage("verifying the base again")
    with bar("verifying the base") as progress:
        try:
            verify(work.base, progress)
        except Refused as error:
            raise Refused(
                f"the base changed while it was scored: {error}. Nothing was published; run "
                "`holdfast check`, then `holdfast score` again"
            ) from error
    home.expect(work.began)
    return report
