"""What breaks a bound, what does not, and what is advised; from counts made by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decisions.advice import advise
from decisions.bounds import Bounds, read_bounds
from decisions.finding import Change, Finding
from decisions.judgement import find
from models.census import CHURN, VALUE, Census, Reference, Usual
from models.comparison import Compared, compare
from models.drift import bins_of
from models.metric import Interval
from models.outcome import Outcome, Part
from models.scorer import Scores
from tables.arrival import Pace

NEVER_MOVED = Usual(0.0, 0.0, 0.0)
MANY = 20_000


@pytest.fixture(scope="module")
def bounds(root: Path) -> Bounds:
    return read_bounds(root / "config/watch.yaml")


def reference(usual: Usual = NEVER_MOVED, importance: float = 0.5) -> Reference:
    random = np.random.default_rng(1)
    facts, churn = random.normal(0, 1, (MANY, 2)), random.random(MANY)
    names = ("fact", "other")
    census = Census.empty(
        bins_of(names, facts), bins_of((CHURN, VALUE), np.column_stack([churn, churn * 1e4]))
    )
    census.facts.add(facts)
    census.add_scores({CHURN: churn, VALUE: churn * 1e4})
    every = (*names, CHURN, VALUE)
    step = dict.fromkeys(every, usual)
    return Reference(census, {"fact": importance, "other": 0.0}, step, step)


def week(
    like: Reference, *, fact: float = 0.0, other: float = 0.0, churn: float = 0.0, n: int = MANY
) -> Census:
    """A week whose quantities moved by so much."""
    random = np.random.default_rng(2)
    risk = np.clip(random.random(n) + churn, 0, 1)
    census = like.census.again()
    values = np.column_stack([random.normal(fact, 1, n), random.normal(other, 1, n)])
    nothing = np.empty((n, 0))
    census.add(values, ("fact", "other"), Scores(risk, risk * 1e4, nothing, nothing), ())
    return census


def judged(bounds: Bounds, compared: Compared, **more: Any) -> tuple[Finding, ...]:
    said: dict[str, Any] = {
        "paces": (),
        "gone": (),
        "change": None,
        "outcomes": (),
        "promised_auc": None,
        "recent": True,
        "same_bundle": True,
    }
    return find(bounds, compared, **(said | more))


def bound_names(findings: tuple[Finding, ...]) -> set[str]:
    return {each.bound for each in findings}


def test_the_same_customers_again_break_nothing(bounds: Bounds) -> None:
    like = reference()
    assert judged(bounds, compare(like, week(like), week(like), None)) == ()


def test_a_fact_that_jumped_stops_the_week(bounds: Bounds) -> None:
    like = reference()
    found = judged(bounds, compare(like, week(like, fact=1.0), week(like), None))
    assert found[0].level == "stop"
    assert found[0].subject == "fact"
    assert found[0].bound.startswith("facts.last_week.")
    assert found[0].figure > found[0].limit


def test_a_fact_the_model_hardly_uses_is_not_judged(bounds: Bounds) -> None:
    like = reference()
    assert judged(bounds, compare(like, week(like, other=2.0), week(like), None)) == ()


def test_what_training_saw_from_month_to_month_is_no_news(bounds: Bounds) -> None:
    like = reference(usual=Usual(3.0, 0.5, 0.0))
    found = judged(bounds, compare(like, week(like, fact=1.0), week(like), None))
    assert not [each for each in found if each.subject == "fact"]


def test_a_jump_that_chance_can_do_in_a_small_base_is_no_news(bounds: Bounds) -> None:
    like = reference()
    few = compare(like, week(like, fact=0.4, n=30), week(like, n=30), None)
    assert few.facts[0].last_week is not None
    assert few.facts[0].last_week.psi > 0.1
    assert judged(bounds, few) == ()


@pytest.mark.parametrize("more", [{"recent": False}, {"same_bundle": False}])
def test_scores_stop_only_against_a_recent_week_of_the_same_models(
    bounds: Bounds, more: dict[str, Any]
) -> None:
    like = reference()
    compared = compare(like, week(like, churn=0.2), week(like), None)
    stopped = [each for each in judged(bounds, compared) if each.bound.startswith("scores.last_week")]
    told = [each for each in judged(bounds, compared, **more) if each.bound.startswith("scores.last_week")]
    assert {each.level for each in stopped} == {"stop"}
    assert {each.level for each in told} == {"warn"}


def test_facts_are_judged_after_a_promotion_too(bounds: Bounds) -> None:
    """Last week's bins are others: this week was counted in them as well."""
    like, before = reference(), reference()
    before.census.facts.bins.edges[:] += 0.01
    compared = compare(like, week(like, fact=1.0), week(before), week(before, fact=1.0))
    found = judged(bounds, compared, same_bundle=False)
    assert found[0].level == "stop"
    assert compared.facts[0].last is None  # its bins are not ours: it cannot be drawn beside ours


def test_values_gone_missing_stop_the_week(bounds: Bounds) -> None:
    like = reference()
    now = week(like)
    counts = now.facts.counts[0]
    counts[-1] = counts[:-1].sum()
    counts[:-1] = 0
    found = judged(bounds, compare(like, now, week(like), None))
    assert "facts.missing.stop" in bound_names(found)
    assert next(each for each in found if each.bound == "facts.missing.stop").figure == 1.0


def test_a_mean_that_jumped_is_named_with_both_figures(bounds: Bounds) -> None:
    like = reference()
    found = judged(bounds, compare(like, week(like, churn=0.2), week(like), None))
    (mean,) = [each for each in found if each.bound.startswith("scores.churn_mean")]
    assert mean.level == "stop"
    assert "last week 50" in mean.english


PACE = Pace("points", 10_000, 9_900, 1.0, 1.0, 500, 400, (500, 400))


@pytest.mark.parametrize(
    ("pace", "bound", "level"),
    [
        (PACE, None, None),
        (replace(PACE, silent_days=2.5), "tables.silent.warn", "warn"),
        (replace(PACE, silent_days=4.5), "tables.silent.stop", "stop"),
        (replace(PACE, silent_days=10.0, usual_gap_days=7.0), None, None),
        (replace(PACE, silent_days=100.0, usual_gap_days=None), None, None),
        (replace(PACE, silent_days=None), None, None),
        (replace(PACE, rows_of_week=200), "tables.rows.warn", "warn"),
        (replace(PACE, rows_of_week=10), "tables.rows.stop", "stop"),
        (replace(PACE, rows_of_week=0, usual_rows=50), None, None),
        (replace(PACE, visible=9_700), "tables.shrunk.warn", "warn"),
        (replace(PACE, visible=9_000), "tables.shrunk.stop", "stop"),
        (replace(PACE, visible=9_000, visible_before=None), None, None),
    ],
)
def test_a_table_is_late_by_its_own_pace(bounds: Bounds, pace: Pace, bound: str, level: str) -> None:
    like = reference()
    found = judged(bounds, compare(like, week(like), week(like), None), paces=[pace])
    assert [(each.bound, each.level) for each in found] == ([(bound, level)] if bound else [])


def test_a_table_that_is_gone_is_named_once_and_a_column_by_itself(bounds: Bounds) -> None:
    like = reference()
    gone = ["points", "points.kind", "surveys.score"]
    found = judged(bounds, compare(like, week(like), week(like), None), gone=gone)
    assert [(each.subject, each.level) for each in found] == [("points", "stop"), ("surveys.score", "warn")]


@pytest.mark.parametrize(
    ("change", "bounds_broken"),
    [
        (Change(50, 90, 1000), set()),
        (Change(100, 50, 1000), {"base.lost.warn"}),
        (Change(300, 400, 1000), {"base.lost.stop", "base.gained.stop"}),
        (Change(0, 5, 0), {"base.gained.stop"}),
    ],
)
def test_a_base_that_lost_or_gained_many(bounds: Bounds, change: Change, bounds_broken: set[str]) -> None:
    like = reference()
    found = judged(bounds, compare(like, week(like), week(like), None), change=change)
    assert bound_names(found) == bounds_broken


def outcome(*slices: tuple[float, float], auc: float = 0.8) -> Outcome:
    def part(promised: float, happened: float, name: str) -> Part:
        low, high = happened - 0.02, happened + 0.02
        sure = abs(promised - happened) > 0.03
        return Part("risk", name, 5000, promised, happened, low, high, sure, 1.0, 1.0)

    parts = tuple(part(*each, str(k)) for k, each in enumerate(slices))
    error = Interval(0.01, 0.0, 0.02)
    whole = replace(part(0.4, 0.4, ""), axis="")
    return Outcome(0, "b", 5000, 0, whole, Interval(auc, auc - 0.01, auc + 0.01), error, parts, parts, ())


def test_promises_that_were_not_kept_are_named(bounds: Bounds) -> None:
    like = reference()
    known = [outcome((0.3, 0.31), (0.5, 0.7), auc=0.7)]
    found = judged(bounds, compare(like, week(like), None, None), outcomes=known, promised_auc=0.78)
    assert bound_names(found) == {"outcomes.slice_gap.warn", "outcomes.auc_lost.warn"}
    assert "50.0% were promised to leave, 70.0% did" in " ".join(each.english for each in found)


def test_retraining_is_advised_with_its_figures(bounds: Bounds) -> None:
    like = reference()
    same = compare(like, week(like), None, None)
    assert not advise(bounds, same, [], (), 30).retrain
    old = advise(bounds, same, [], (), 200)
    assert old.retrain
    assert "200 > 182" in old.english
    broken = advise(bounds, same, [outcome((0.5, 0.7), (0.1, 0.3))], (), 30)
    assert broken.retrain
    assert "calibration broken in 2 slices" in broken.english
    drifted = advise(bounds, compare(like, week(like, fact=2.0), None, None), [], (), 30)
    assert drifted.retrain
    assert [each.met for each in drifted.reasons] == [False, True, False]
    young = advise(bounds, compare(like, week(like, fact=2.0), None, None), [], (), 5)
    assert not young.retrain  # it has learnt from what there is


def test_on_broken_data_nobody_is_sent_to_retrain(bounds: Bounds) -> None:
    like = reference()
    compared = compare(like, week(like, fact=2.0), week(like), None)
    found = judged(bounds, compared, gone=["points"])
    advice = advise(bounds, compared, [], found, 400)
    assert not advice.retrain
    assert "mend the data first (points, fact)" in advice.english
