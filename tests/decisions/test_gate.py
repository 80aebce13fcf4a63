"""Verdicts on hand-made evidence: each check alone refuses, and what cannot be told refuses nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decisions.equal_terms import Term, TermsReport
from decisions.evidence import Earned, Evidence
from decisions.gate import Verdict, judge
from decisions.gate_bounds import GateBounds, read_gate
from decisions.gate_earning import standing
from models.metric import Interval
from models.segment import Segment
from models.treatment import Treatment
from tables.refusal import Refused


@pytest.fixture(scope="session")
def bounds(root: Path) -> GateBounds:
    return read_gate(root / "config/gate.yaml")


def earned(low: float, high: float, *, size: float = 5000, scale: float = 1000) -> Earned:
    """Ahead by (low + high) / 2 of a rival who earns `scale`."""
    middle = (low + high) / 2
    rival = Interval(scale, scale - 100, scale + 100)
    ours = Interval(scale + middle, scale + middle - 100, scale + middle + 100)
    return Earned(ours, rival, Interval(middle, low, high), scale, size)


BETTER, AS_GOOD, WORSE, UNCLEAR = earned(5, 30), earned(-4, 6), earned(-300, -100), earned(-200, 150)
# The margins are 1 % for offers and 5 % for captured: -4 of 1000 is within both.
KEPT = Segment("known for long", 1000, 0.31, 0.30, 0.01)
FAIR = Treatment("gender", "female", "offered", 900, 0.41, 0.40, -0.025, 0.02, 0.0, 0.005)
ALIKE = Term("region", "north", "everybody else", "reward", 900, 102.0, 100.0, 0.02, 0.01)
TERMS = TermsReport(5000, 0.05, (ALIKE,), (), ())
UNEQUAL = replace(TERMS, terms=(ALIKE._replace(difference=-0.2, is_beyond=True),))
GOOD = Evidence(
    golden="",
    has_champion=True,
    days_younger=91,
    offers=BETTER,
    captured=BETTER,
    segments=(KEPT,),
    treatments=(FAIR,),
    terms=TERMS,
    one_customer_ms=5,
    per_100k_s=20,
    measured=5000,
    size_mb=3,
)


def failed(verdict: Verdict) -> list[str]:
    return [check.name for check in verdict.failed]


def test_a_challenger_that_is_better_and_within_all_bounds_passes(bounds: GateBounds) -> None:
    verdict = judge(bounds, GOOD)
    assert verdict.passed
    assert {check.state for check in verdict.checks} == {"passed"}
    assert all(check.english and check.chinese for check in verdict.checks)


BROKEN: dict[str, dict[str, Any]] = {
    "earns": {"offers": WORSE},
    "calibration": {"segments": (KEPT, Segment("companies", 900, 0.60, 0.40, 0.02))},
    "treatment": {"treatments": (FAIR, Treatment("age", "65 and over", "offered", 900, 0.2, 0.4, 0.5, 0.05))},
    "one_customer_ms": {"one_customer_ms": 51.0},
    "per_100k_s": {"per_100k_s": 121.0},
    "size_mb": {"size_mb": 51.0},
}


@pytest.mark.parametrize(("name", "change"), BROKEN.items(), ids=BROKEN)
def test_each_check_alone_refuses(bounds: GateBounds, name: str, change: dict[str, Any]) -> None:
    verdict = judge(bounds, replace(GOOD, **change))
    assert failed(verdict) == [name]
    assert verdict.may_override
    (check,) = verdict.failed
    assert check.figure is not None
    assert check.limit is not None
    assert check.bound.startswith(
        {"earns": "earns.", "calibration": "calibration.", "treatment": "treatment."}.get(name, "speed.")
    )


def test_a_damaged_bundle_is_refused_for_that_alone_and_no_reason_helps(bounds: GateBounds) -> None:
    verdict = judge(bounds, Evidence(golden="churn is not what it was when sealed"))
    assert failed(verdict) == ["golden"]
    assert len(verdict.checks) == 1
    assert not verdict.may_override


def test_unequal_terms_are_refused_and_no_reason_helps(bounds: GateBounds) -> None:
    verdict = judge(bounds, replace(GOOD, terms=UNEQUAL))
    assert failed(verdict) == ["equal_terms"]
    assert not verdict.may_override
    (check,) = verdict.failed
    assert (check.bound, check.figure, check.limit) == ("equal_terms.most_difference", 0.2, 0.05)


@pytest.mark.parametrize("figure", [float("nan"), float("inf")])
def test_a_speed_that_is_not_known_is_not_within_its_bound(bounds: GateBounds, figure: float) -> None:
    assert failed(judge(bounds, replace(GOOD, one_customer_ms=figure))) == ["one_customer_ms"]


def test_standing_says_what_an_interval_can(bounds: GateBounds) -> None:
    assert standing(BETTER, 0.01) == "better"
    assert standing(AS_GOOD, 0.01) == "as good"
    assert standing(earned(-8, -2), 0.01) == "as good"  # surely behind, but surely by less than the margin
    assert standing(WORSE, 0.01) == "worse"
    assert standing(UNCLEAR, 0.01) == "unclear"
    assert standing(None, 0.01) == "unknown"
    assert standing(earned(-4, 6, scale=-1000), 0.01) == "as good"


# offers, captured, champion?, days younger, passes?
EARNING = {
    "offers surely better, even of the same day": (BETTER, AS_GOOD, True, 0, True),
    "the money of leavers surely better, offers cannot tell": (UNCLEAR, BETTER, True, 0, True),
    "as good and younger": (AS_GOOD, AS_GOOD, True, 28, True),
    "as good and no younger": (AS_GOOD, AS_GOOD, True, 27, False),
    "the same again": (earned(0, 0), earned(0, 0), True, 0, False),
    "older and as good": (AS_GOOD, AS_GOOD, True, -91, False),
    "offers cannot tell, captured as good, younger": (UNCLEAR, AS_GOOD, True, 28, True),
    "not identified, captured as good, younger": (None, AS_GOOD, True, 28, True),
    "not identified, captured worse": (None, WORSE, True, 91, False),
    "leavers better, but offers surely lose": (WORSE, BETTER, True, 91, False),
    "offers better, but leavers surely missed": (BETTER, WORSE, True, 91, False),
    "nothing can tell of many": (UNCLEAR, UNCLEAR, True, 91, False),
    "nothing can tell of few, younger": (None, earned(-200, 150, size=100), True, 91, True),
    "nothing can tell of few, no younger": (None, earned(-200, 150, size=100), True, 7, False),
    "the first, better than nothing": (BETTER, BETTER, False, 0, True),
    "the first, as good as recency": (None, AS_GOOD, False, 0, True),
    "the first, worse than recency": (None, WORSE, False, 0, False),
    "the first, whose offers lose money": (WORSE, BETTER, False, 0, False),
    "the first, of few": (None, earned(-200, 150, size=100), False, 0, True),
    "no common time to judge, younger": (None, None, True, 91, True),
    "no common time to judge, older": (None, None, True, -7, False),
}


@pytest.mark.parametrize(("offers", "captured", "champion", "days", "passes"), EARNING.values(), ids=EARNING)
def test_who_earns_more_decides(
    bounds: GateBounds,
    offers: Earned | None,
    captured: Earned | None,
    champion: bool,
    days: float,
    passes: bool,
) -> None:
    evidence = replace(GOOD, offers=offers, captured=captured, has_champion=champion, days_younger=days)
    verdict = judge(bounds, evidence)
    assert failed(verdict) == ([] if passes else ["earns"])


def test_a_gap_that_chance_could_make_refuses_nothing_and_looking_at_many_makes_none_sure(
    bounds: GateBounds,
) -> None:
    """Two in a hundred by chance alone at the bound: refused when asked alone, not as one of thirty."""
    off = Segment("five orders or more", 300, 0.40, 0.30, 0.0095)
    assert failed(judge(bounds, replace(GOOD, segments=(off,)))) == ["calibration"]
    many = (off, *(Segment(str(k), 300, 0.3, 0.3, 0.01) for k in range(29)))
    assert judge(bounds, replace(GOOD, segments=many)).passed


def test_a_small_gap_that_is_sure_refuses_nothing(bounds: GateBounds) -> None:
    off = Segment("three million customers", 3_000_000, 0.36, 0.30, 0.0003)
    assert judge(bounds, replace(GOOD, segments=(off,))).passed


def test_what_has_too_few_customers_is_said_and_refuses_nothing(bounds: GateBounds) -> None:
    few = replace(
        GOOD,
        segments=(),
        small_segments=("companies (12)",),
        treatments=(),
        small_groups=("age 25 to 34 (9)",),
    )
    verdict = judge(bounds, few)
    assert verdict.passed
    state = {check.name: check.state for check in verdict.checks}
    assert (state["calibration"], state["treatment"]) == ("not judged", "not judged")


def test_a_group_may_fare_no_worse_than_with_the_champion(bounds: GateBounds) -> None:
    """Within the bound beside others, but most of that is the challenger's doing."""
    worse = Treatment("region", "Hubei", "missed", 900, 0.7, 0.55, 0.15, 0.02, 0.12, 0.02)
    verdict = judge(bounds, replace(GOOD, treatments=(worse,)))
    assert failed(verdict) == ["treatment"]
    assert verdict.failed[0].bound == "treatment.missed.champion"
    assert "region Hubei has 12% more of its leavers missed" in verdict.failed[0].english
    same = worse._replace(change=0.0)
    assert judge(bounds, replace(GOOD, treatments=(same,))).passed


def test_what_is_not_bounded_is_not_judged(bounds: GateBounds) -> None:
    free = bounds.model_copy(
        update={
            "treatment": bounds.treatment.model_copy(update={"offered": type(bounds.treatment.offered)()})
        }
    )
    bad = Treatment("age", "under 25", "offered", 900, 0.1, 0.4, 0.75, 0.02, 0.7, 0.02)
    assert failed(judge(bounds, replace(GOOD, treatments=(bad,)))) == ["treatment"]
    assert judge(free, replace(GOOD, treatments=(bad,))).passed


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("depth: 0.2", "depth: 1.2", "less than 1"),
        ("level: 0.05", "level: often", "valid number"),
        ("gap: 0.08", "gapp: 0.08", "Extra inputs"),
        ("age_bands: [25, 35", "age_bands: [45, 35", "age bands must rise"),
        ("axes: [age, gender", "axes: [age, income", "'age', 'gender' or 'region'"),
        ("size_mb: 50", "size_mb: 0", "greater than 0"),
        ("least_leavers: 2000", "least_leavers: 2000.5", "valid integer"),
    ],
)
def test_a_mistake_in_the_file_is_named_by_line(
    root: Path, tmp_path: Path, old: str, new: str, says: str
) -> None:
    text = (root / "config/gate.yaml").read_text(encoding="utf-8")
    assert old in text
    line = text[: text.index(old)].count("\n") + 1
    (tmp_path / "gate.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(Refused, match=says) as refused:
        read_gate(tmp_path / "gate.yaml")
    assert f"gate.yaml:{line}: " in str(refused.value)
