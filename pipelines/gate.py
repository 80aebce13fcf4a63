"""Evidence for the gate: a challenger and the champion held against time that neither has learnt from."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from decisions.evidence import Evidence
from decisions.gate_bounds import GateBounds
from decisions.policy import Policy
from features.catalogue import FAMILIES
from features.reader import facts_of
from models.frame import Frame, Moments, build_frame
from models.scorer import Scorer
from models.segment import judge_segments
from models.stake import stake_of
from models.treatment import judge_treatments
from pipelines.as_of import offers_of
from pipelines.gate_groups import Treated, as_segments, protected_groups, segments_of, treated_by
from pipelines.gate_money import Curves, curves_of, money_reached, promise_by_recency
from pipelines.gate_offers import offers_earned
from pipelines.terminal import bar
from releases.bundle import Bundle
from tables.history import Histories
from tables.moment import DAY, local_day, parse_moment, to_micros
from tables.offer import Offer
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
MEASURED = 5_000
TIMES = 30


@dataclass(frozen=True)
class Rival:
    """The champion as it may be asked: models that had not learnt from `since` or later, and since when its
    offers are unseen. as_of: what the bundle had learnt from."""

    scorer: Scorer
    since: int
    offers_since: int
    as_of: int


@dataclass(frozen=True)
class Collected:
    """moments: local days that were judged; contacts_since: from when on contacts were, a local day."""

    evidence: Evidence
    curves: Curves | None
    moments: tuple[str, ...]
    contacts_since: str


def rival_of(champion: Bundle, challenger: Bundle, zone: str) -> Rival:
    """The models in use, when all they learnt from lies before the challenger's test; else those of them that
    were judged. Raises Refused where those were not kept, or need facts that are not read any more."""
    as_of = to_micros(parse_moment(champion.about["as_of"], zone))
    rival = Rival(champion.scorer, as_of, as_of, as_of)
    if as_of > challenger.about["moments"]["test_at"][0]:
        tested = champion.about["moments"].get("test_at", [as_of])
        rival = Rival(champion.judged, tested[0], tested[-1], as_of)
    read = tuple(fact.name for fact in facts_of(FAMILIES))
    rival.scorer.columns(np.empty((0, len(read))), read)
    return rival


def collect(
    histories: Histories,
    base: Path,
    challenger: Bundle,
    rival: Rival | None,
    bounds: GateBounds,
    policy: Policy,
    folder: Path,
) -> Collected:
    """Everything the gate asks of a bundle that replays its golden rows; folder: where its files stand."""
    zone, question = histories.time_zone, challenger.question
    tested = tuple(challenger.about["moments"]["test_at"])
    as_of = to_micros(parse_moment(challenger.about["as_of"], zone))
    judged = challenger.judged
    with bar("reading held-out time") as progress:
        frame = build_frame(
            histories, question, Moments((), tested), margin_rate=policy.margin_rate, progress=progress
        )
    ours = churn_of(judged, frame)
    theirs = churn_of(rival.scorer, frame) if rival else promise_by_recency(frame)
    common = frame.facts.moments >= (rival.since if rival else 0)
    rate, depth = policy.margin_rate, bounds.earns.captured.depth
    captured, profit, curves = None, None, None
    since = max(tested[-1], rival.offers_since if rival else 0)
    offers = offers_of(base, histories.last_at, zone)
    earned, why_not = None, ""
    with bar("comparing choices") as progress:
        if common.any():
            stake = stake_of(histories, question, frame.facts.places, frame.facts.moments, rate)
            captured, profit = money_reached(frame, common, ours, theirs, stake, depth)
            curves = curves_of(frame, common, ours, theirs, stake, has_champion=rival is not None)
        try:
            earned = offers_earned(
                histories,
                judged,
                rival.scorer if rival else None,
                question,
                offers,
                policy,
                since,
                most=bounds.earns.offers.most_contacts,
                least_effective=bounds.earns.offers.least_effective,
                progress=progress,
            )
        except Refused as error:
            why_not = str(error)
    latest = frame.facts.moments == tested[-1]
    now = frame.rows(latest)
    where, t = now.facts.places, tested[-1]
    limits = bounds.treatment
    groups = protected_groups(base, histories, where, t, limits.axes, limits.age_bands)
    segments, small_segments = judge_segments(
        ours,
        frame.churned,
        frame.facts.places,
        segments_of(frame, ours, question, policy, zone) | as_segments(groups, latest),
        bounds.calibration.least_customers,
    )

    def treated(scorer: Scorer, promised: Floats) -> Treated:
        return treated_by(histories, base, scorer, now, promised[latest], policy, depth)

    own = treated(judged, ours)
    treatments, small_groups = judge_treatments(
        own.fare,
        treated(rival.scorer, theirs).fare if rival and common[latest].any() else None,
        where,
        groups,
        limits.least_customers,
    )
    terms = None
    if asked := policy.equal_terms:
        over = protected_groups(base, histories, where, t, asked.compared_over, asked.age_bands)
        terms = own.terms(asked, over)
    one, many, measured = _speed(challenger.scorer, frame, offers)
    evidence = Evidence(
        golden="",
        has_champion=rival is not None,
        days_younger=(as_of - rival.as_of) / DAY if rival else 0.0,
        offers=earned,
        why_no_offers=why_not,
        captured=captured,
        profit=profit,
        segments=segments,
        small_segments=small_segments,
        treatments=treatments,
        small_groups=small_groups,
        terms=terms,
        one_customer_ms=one,
        per_100k_s=many,
        measured=measured,
        size_mb=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6,
    )
    days = tuple(local_day(t, zone) for t in tested)
    return Collected(evidence, curves, days, local_day(since, zone))


def churn_of(scorer: Scorer, frame: Frame) -> Floats:
    """Promises for the frame's rows, each as of its moment; shape (rows,)."""
    return scorer.churn_of(frame.facts.values, frame.facts.names, frame.facts.moments)


def _speed(scorer: Scorer, frame: Frame, offers: tuple[Offer, ...]) -> tuple[float, float, int]:
    """(milliseconds for one customer, seconds for 100,000, rows the latter was measured on)."""
    facts, t = frame.facts, int(frame.facts.moments[-1])
    values = facts.values[:MEASURED]

    def seconds(rows: Floats) -> float:
        """The lesser of two clocks: a busy machine slows the one on the wall, threads that wait the one of
        the processor, and neither is the model's fault."""
        begun = time.perf_counter(), time.process_time()
        scorer.score(rows, facts.names, offers, t)
        scorer.contributions(rows, facts.names)
        return min(time.perf_counter() - begun[0], time.process_time() - begun[1])

    seconds(values[:1])  # tables of the reasons are made once
    one = float(np.median([seconds(values[k : k + 1]) for k in range(min(TIMES, len(values)))]))
    return one * 1e3, seconds(values) / len(values) * 1e5, len(values)
