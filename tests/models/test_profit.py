"""EMPC against its published form, computed by another package and by hand; lift on rows one can count."""

import warnings

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta

from models.lift import captured_at, lift_at, missed_at, riskiest
from models.metric import difference, with_interval
from models.profit import Campaign, empc, hull

CAMPAIGNS = [Campaign(), Campaign(value=300, incentive=20, contact=4, accepts=3, refuses=9)]


def drawn(rows: int, digits: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    happened = (random.random(rows) < 0.3).astype(float)
    predicted = np.round(
        np.clip(0.6 * random.random(rows) + 0.4 * happened * random.random(rows), 0, 1), digits
    )
    return predicted, happened


def by_integration(predicted: np.ndarray, happened: np.ndarray, campaign: Campaign) -> float:
    """The definition: the profit of the best depth, for every share of leavers that may accept."""
    order = np.argsort(-predicted, kind="stable")
    last = np.r_[np.diff(predicted[order]) != 0, True]
    left = np.r_[0, np.cumsum(happened[order])[last]] / len(happened)
    stayed = np.r_[0, np.cumsum(1 - happened[order])[last]] / len(happened)
    v, d, f = campaign.value, campaign.incentive, campaign.contact

    def best(gamma: float) -> float:
        return float((left * (gamma * (v - d) - f) - stayed * (d + f)).max())

    law = beta(campaign.accepts, campaign.refuses)
    return float(quad(lambda gamma: best(gamma) * law.pdf(gamma), 0, 1, limit=500, points=[0.1, 0.3, 0.5])[0])


@pytest.mark.parametrize("campaign", CAMPAIGNS)
@pytest.mark.parametrize(("rows", "digits"), [(40, 1), (300, 2), (300, 6)])
def test_empc_is_the_profit_at_the_best_depth_over_what_the_incentive_may_do(
    campaign: Campaign, rows: int, digits: int
) -> None:
    predicted, happened = drawn(rows, digits, rows + digits)
    ours = empc(campaign)(predicted, happened, np.ones(rows))
    assert ours == pytest.approx(by_integration(predicted, happened, campaign), rel=1e-5)


@pytest.mark.parametrize("campaign", CAMPAIGNS)
@pytest.mark.parametrize("seed", range(4))
def test_empc_equals_empulse(campaign: Campaign, seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = pytest.importorskip("empulse.metrics", reason="the extra `bench` brings empulse")
        predicted, happened = drawn(1_000, 2 + 2 * (seed % 2), seed)
        theirs = peer.empc_score(
            happened,
            predicted,
            clv=campaign.value,
            incentive_cost=campaign.incentive,
            contact_cost=campaign.contact,
            alpha=campaign.accepts,
            beta=campaign.refuses,
        )
    assert empc(campaign)(predicted, happened, np.ones(1_000)) == pytest.approx(theirs, rel=1e-9)


def test_weights_count_rows() -> None:
    predicted, happened = drawn(200, 2, 1)
    times = np.random.default_rng(2).integers(0, 4, 200)
    again = np.repeat(np.arange(200), times)
    for metric in (empc(), lift_at(0.2), missed_at(0.2), captured_at(0.2)):
        repeated = metric(predicted[again], happened[again], np.ones(len(again)))
        assert metric(predicted, happened, times.astype(float)) == pytest.approx(repeated)


def test_whoever_knows_everything_earns_the_most_and_whoever_knows_nothing_may_contact_nobody() -> None:
    _, happened = drawn(500, 2, 3)
    ones = np.ones(500)
    dear = Campaign(value=20, incentive=10, contact=5)
    assert empc(dear)(np.zeros(500), happened, ones) == pytest.approx(0, abs=0.01)
    left, stayed = hull(happened, happened, ones)
    assert left.tolist() == pytest.approx([0, happened.mean(), happened.mean()])
    assert stayed.tolist() == pytest.approx([0, 0, 1 - happened.mean()])


def test_lift_counts_leavers_among_the_riskiest() -> None:
    predicted = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
    happened = np.array([1.0, 1, 0, 1, 0, 0, 0, 0, 0, 1])
    ones = np.ones(10)
    assert lift_at(0.2)(predicted, happened, ones) == pytest.approx(2.5)
    assert missed_at(0.2)(predicted, happened, ones) == pytest.approx(0.5)
    assert captured_at(0.5)(predicted, happened * 100, ones) == pytest.approx(30)
    assert missed_at(1.0)(predicted, happened, ones) == pytest.approx(0)


def test_equals_at_the_edge_are_reached_in_part_whatever_their_order() -> None:
    predicted, ones = np.array([0.9, 0.5, 0.5, 0.5, 0.1]), np.ones(5)
    assert riskiest(predicted, ones, 0.4).tolist() == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3, 0])
    happened = np.array([0.0, 1, 0, 0, 0])
    assert captured_at(0.4)(predicted, happened, ones) == captured_at(0.4)(
        predicted, happened[[0, 3, 2, 1, 4]], ones
    )


def test_a_better_ranking_is_surely_ahead_and_the_same_is_not() -> None:
    predicted, happened = drawn(2_000, 6, 4)
    random = np.random.default_rng(5).random(2_000)
    for metric in (empc(), lift_at(0.2)):
        assert difference(metric, predicted, random, happened).low > 0
        assert tuple(difference(metric, predicted, predicted, happened)) == (0, 0, 0)
        assert with_interval(metric, predicted, happened).low > 0
