"""Equal terms: unequal ones are found, lawful differences are not, and no choice can see who somebody is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from decisions.choice import choose, free_market
from decisions.equal_terms import LOWER, Offered, TermsReport, Tiers, judge_terms, offered_by
from decisions.reach import EqualTerms
from decisions.unequal import check_terms, terms_findings, terms_notes
from models.alike import bands, beside, common

Make = Callable[..., Any]
Floats = npt.NDArray[np.float64]
ASKED = EqualTerms(compared_over=("region", "tier"), most_difference=0.05)


class World:
    """Customers of two regions: those of the south bring less, and who brings less is rarely offered much."""

    def __init__(self, customers: int = 12_000, seed: int = 3) -> None:
        random = np.random.default_rng(seed)
        self.south = random.random(customers) < 0.4
        self.region = np.where(self.south, "south", "north").astype(object)
        self.value = random.gamma(2.0, np.where(self.south, 400.0, 800.0))
        self.churn = random.random(customers)
        steps = np.searchsorted(np.quantile(self.value, [0.2, 0.4, 0.6, 0.8]), self.value, side="right")
        self.likely = 0.2 + 0.12 * steps  # of its band, so that alike customers are offered alike
        self.random = random

    def offered(self, likely: Floats | None = None) -> Offered:
        given = (self.random.random(len(self.value)) < (self.likely if likely is None else likely)).astype(
            float
        )
        return Offered(given, given * 1000)

    def judge(self, offered: Offered, *tiers: Tiers, asked: EqualTerms = ASKED) -> TermsReport:
        return judge_terms(asked, offered, self.value, self.churn, {"region": self.region}, tiers)


def test_a_group_that_gets_less_because_it_brings_less_is_offered_equal_terms() -> None:
    world = World()
    offered = world.offered()
    plainly = offered.reward[world.south].mean() / offered.reward[~world.south].mean()
    assert plainly < 0.85
    report = world.judge(offered)
    assert report.beyond == ()
    assert all(abs(each.difference) < 0.05 for each in report.terms)


def test_a_group_that_gets_less_than_those_alike_is_found_and_so_are_those_who_get_more() -> None:
    world = World()
    report = world.judge(world.offered(np.where(world.south, 0.75, 1.0) * world.likely))
    told = {(each.group, each.measure): each for each in report.beyond}
    assert {group for group, _ in told} == {"south", "north"}
    assert told["south", "reward"].difference == pytest.approx(-0.28, abs=0.07)  # 0.25 less, over the mean
    (first, *_) = terms_findings(report)
    assert first.level == "stop"
    assert "like customers of everybody else" in first.english
    check = check_terms(report)
    assert (check.state, check.limit) == ("failed", 0.05)
    assert "--" not in check.english


def test_a_difference_within_the_bound_is_equal_however_sure_it_is() -> None:
    world = World(200_000)
    report = world.judge(world.offered(np.where(world.south, 0.97, 1.0) * world.likely))
    south = next(each for each in report.terms if (each.group, each.measure) == ("south", "reward"))
    assert south.high < 0
    assert report.beyond == ()
    assert check_terms(report).state == "passed"


def test_equal_terms_are_called_unequal_no_oftener_than_is_stated() -> None:
    """Half the customers are drawn into a group, and terms differ by just the bound."""
    blamed = 0
    for seed in range(100):
        world = World(2_000, seed)
        world.region = np.where(world.random.random(2_000) < 0.5, "x", "y").astype(object)
        part = np.where(world.region == "x", 1 - 0.025, 1 + 0.025)
        blamed += bool(world.judge(world.offered(part * world.likely)).beyond)
    assert blamed <= 10  # of 100, 5 are expected at most


def test_the_interval_is_what_a_bootstrap_finds() -> None:
    world = World(6_000)
    offered = world.offered()
    (term,) = [t for t in world.judge(offered).terms if (t.group, t.measure) == ("south", "reward")]
    kind = bands(world.value, 5) * 5 + bands(world.churn, 5)
    draws = []
    for _ in range(300):
        rows = world.random.integers(len(kind), size=len(kind))
        found = beside(offered.reward[rows], world.south[rows], kind[rows])
        draws.append((found.group - found.rest) / found.all)
    assert term.error == pytest.approx(np.std(draws), rel=0.15)


def test_means_are_weighted_to_everybodys_mix_of_kinds() -> None:
    figures = np.array([1.0, 3.0, 10.0, 0.0, 4.0, 8.0])
    mine = np.array([True, True, True, False, False, False])
    kind = np.array([0, 0, 1, 0, 1, 1])
    found = beside(figures, mine, kind)  # three of each kind: the means of kinds count half
    assert (found.group, found.rest) == (pytest.approx((2 + 10) / 2), pytest.approx((0 + 6) / 2))
    assert found.all == pytest.approx(figures.mean())
    plain = beside(figures, mine)
    assert (plain.group, plain.rest) == (pytest.approx(14 / 3), pytest.approx(4.0))


def test_kinds_without_enough_of_both_are_not_compared() -> None:
    mine = np.array([True, True, False, False, True, False])
    kind = np.array([0, 0, 0, 1, 2, 2])
    assert common(mine, ~mine, kind, 1).tolist() == [True, True, True, False, True, True]
    assert common(mine, ~mine, kind, 2).tolist() == [False] * 6


@pytest.mark.parametrize(("best", "is_beyond"), [(1.4, False), (0.7, True)])
def test_a_better_tier_may_have_better_terms_and_never_worse_ones(best: float, is_beyond: bool) -> None:
    world = World()
    place = world.random.integers(-1, 3, len(world.value)).astype(np.int8)
    likely = np.where(place == 0, best, 1.0) * world.likely
    report = world.judge(world.offered(likely), Tiers("spend", ("core", "important", "basic"), place))
    tiers = [each for each in report.terms if each.axis == "tier"]
    assert {each.group for each in tiers} == {"spend core", "spend important"}
    assert {each.others for each in tiers} == {LOWER}
    assert {each.group for each in tiers if each.is_beyond} == ({"spend core"} if is_beyond else set())


def test_groups_too_small_to_judge_are_named_and_so_is_what_the_base_does_not_say() -> None:
    world = World()
    world.region[:60] = "island"
    world.region[60:100] = None
    asked = EqualTerms(compared_over=("age", "region", "tier"), most_difference=0.05)
    report = world.judge(world.offered(), asked=asked)
    (small,) = report.small
    assert small.startswith("region island (")
    assert report.unknown == ("age", "tier")
    assert [each[0] for each in terms_notes(report)] == [
        f"equal terms: too few like customers to judge {small}",
        "equal terms: the base does not say age, tier",
    ]


def test_what_cannot_be_judged_refuses_nothing_and_says_so() -> None:
    world = World(150)
    report = world.judge(world.offered())
    assert report.terms == ()
    assert check_terms(report).state == "not judged"
    assert check_terms(None).english == "the policy states no equal_terms"
    nobody = judge_terms(ASKED, *(Offered(*np.full((2, 9), np.nan)), *np.ones((2, 9))), {}, ())
    assert nobody.compared == 0


def test_who_may_not_be_reached_is_not_compared(
    policy_of: Make, offer_of: Make, scores_of: Make, who_of: Make
) -> None:
    policy, offers = policy_of(for_everybody={"offer": "b", "worth": 300}), (offer_of(), offer_of("b"))
    who = who_of(
        5,
        policy,
        consents=[255, 0, 255, 255, 255],
        held_out=[False, False, True, False, False],
        is_personalised=[1, 1, 1, 1, 0],
    )
    scores = scores_of(np.full((5, 2), 0.5), [[300, 0], [300, 0], [300, 0], [10, 0], [300, 0]])
    choices = choose(scores, offers, who, None, policy, 1_000, free_market(policy, offers))
    assert choices.chosen.tolist() == [0, -1, -1, -1, 1]
    told = offered_by(choices, offers)
    assert np.array_equal(told.offered, [1, np.nan, np.nan, 0, np.nan], equal_nan=True)
    assert np.array_equal(told.reward, [100, np.nan, np.nan, 0, np.nan], equal_nan=True)
