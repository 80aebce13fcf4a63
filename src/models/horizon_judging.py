"""Judging each horizon on held-out time. What cannot be judged is not published."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models.frame import HORIZONS, Frame
from models.horizon import LEAST_MOMENTS, Horizons, Untold, leant_on, learn_horizons
from models.metric import METRICS, Interval, intervals
from models.promise import Promise, learn_promise
from models.question import Question
from tables.moment import DAY

Floats = npt.NDArray[np.float64]
LEAST_OUTCOMES = 30


@dataclass(frozen=True)
class JudgedHorizon:
    """moment: microseconds; silent: the share of customers who bought nothing through it; promised: the mean
    probability; figures by metric."""

    moment: int
    customers: int
    silent: float
    promised: float
    figures: dict[str, Interval]


@dataclass(frozen=True)
class JudgedHorizons:
    """By days, beside our own horizon; untold: days -> why it is left out."""

    judged: Mapping[int, JudgedHorizon] = field(default_factory=dict)
    untold: Mapping[int, str] = field(default_factory=dict)

    @property
    def days(self) -> tuple[int, ...]:
        return tuple(self.judged)


def judge_horizons(
    frame: Frame, train: Frame, test: Frame, own: Promise, question: Question, known_by: int
) -> tuple[Horizons, JudgedHorizons]:
    """The horizons as learnt from `train` before the first test moment, and how good they are.

    own: the question's own model, learnt from `train`; known_by: when the last label was known.
    A shorter horizon is judged at the latest test moment. A longer one's answer is not known there yet: the
    whole recipe, our own horizon's model included, is learnt again as of the latest moment at which it is.
    """
    ours = question.horizon_days
    first = int(test.facts.moments.min())
    learnt, untold = learn_horizons(train, ours, first, HORIZONS, leant_on(own.booster))
    judged: dict[int, JudgedHorizon] = {}
    left_out = {each.days: each.why for each in untold}
    for days in learnt.days:
        if days == ours:
            continue
        if days < ours:
            latest = test.at((int(test.facts.moments.max()),))
            found = _judge(latest, own, learnt, days)
        else:
            found = _judge_longer(frame, ours, days, known_by)
        if isinstance(found, str):
            left_out[days] = found
        else:
            judged[days] = found
    # What stands behind a horizon that is left out hangs on it and goes with it.
    kept = learnt.upto(frozenset(judged))
    for days in set(judged) - set(kept.days):
        del judged[days]
        left_out[days] = "a horizon between it and the question's is left out"
    return kept, JudgedHorizons(dict(sorted(judged.items())), dict(sorted(left_out.items())))


def _judge_longer(frame: Frame, ours: int, days: int, known_by: int) -> JudgedHorizon | str:
    """As of the latest moment whose answer is known, from what was known then."""
    moments = np.unique(frame.facts.moments)
    answered = moments[moments + days * DAY <= known_by]
    if not len(answered):
        return "its answer is known at no moment yet: more history helps"
    t = int(answered[-1])
    before = frame.rows(~frame.unseen & (frame.facts.moments + ours * DAY <= t))
    asked = tuple(each for each in HORIZONS if ours < each <= days)
    if len(np.unique(before.facts.moments)) < LEAST_MOMENTS:
        return f"it cannot be judged: fewer than {LEAST_MOMENTS} moments were answered before one that is"
    own = learn_promise(before, before.churned)
    learnt, untold = learn_horizons(before, ours, t, asked, leant_on(own.booster))
    if untold:
        return f"it cannot be judged: {_why(untold)}"
    return _judge(frame.at((t,)), own, learnt, days)


def _why(untold: tuple[Untold, ...]) -> str:
    return "; ".join(f"{each.days} days: {each.why}" for each in untold)


def _judge(rows: Frame, own: Promise, learnt: Horizons, days: int) -> JudgedHorizon | str:
    """rows: of one moment."""
    facts, t = rows.facts, int(rows.facts.moments[0])
    told = learnt(own(facts.values, t), facts.only(learnt.names).values, t)
    promised, happened = told[:, learnt.days.index(days)], rows.silent[days]
    silent = int(happened.sum())
    if min(silent, len(rows) - silent) < LEAST_OUTCOMES:
        fewest = min(silent, len(rows) - silent)
        return f"it cannot be judged: one of its two answers was given by {fewest} customers"
    return JudgedHorizon(
        moment=t,
        customers=len(rows),
        silent=float(happened.mean()),
        promised=float(promised.mean()),
        figures=intervals(METRICS, promised, happened),
    )
