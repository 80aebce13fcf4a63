"""Season: what was promised and what came a year ago, and the level of the next moment."""

import numpy as np
import pytest

from models.calibration import log_odds, sigmoid
from models.season import YEAR, foretold, levels, season_of_probability
from tables.moment import DAY


def test_a_season_of_a_year_ago_is_added_and_few_customers_prove_none() -> None:
    year = 364 * DAY
    moments = np.repeat([0, 28 * DAY], [4000, 4])
    promised = np.full(len(moments), 0.5)
    happened = np.r_[np.repeat([1.0, 0.0], [3000, 1000]), np.ones(4)]
    season = season_of_probability(promised, happened, moments)
    assert season.at(year) == pytest.approx(np.log(3), abs=0.1)
    assert 0 < season.at(year + 28 * DAY) < 0.1
    assert season.at(year + 14 * DAY) == pytest.approx(sum(season.shifts) / 2)
    assert season.at(year + 29 * DAY) == 0
    assert season.at(year - 1) == 0
    assert season.of_probability(np.array([0.5]), year) == pytest.approx(0.75, abs=0.02)
    assert season.of_probability(np.array([0.5]), 0) == pytest.approx(0.5)


def test_a_level_is_what_all_at_a_moment_have_in_common_beyond_what_is_known_of_each() -> None:
    random = np.random.default_rng(5)
    moments = np.repeat(np.arange(3) * DAY, 20_000)
    known = random.normal(0, 2, len(moments))
    truth = np.array([-1.0, 0.0, 0.5])
    happened = (random.uniform(size=len(known)) < sigmoid(known + np.repeat(truth, 20_000))).astype(float)
    every, found = levels(known, happened, moments)
    assert every.tolist() == [0, DAY, 2 * DAY]
    assert found == pytest.approx(truth, abs=0.06)
    # The plain difference of the shares would say less: customers far from even odds hardly move.
    shares = [happened[moments == t].mean() for t in every]
    assert abs(log_odds(np.array(shares[0])) - log_odds(np.array(shares[1]))) < 0.8


def test_few_customers_prove_no_level_of_their_own() -> None:
    moments = np.repeat([0, DAY], [4000, 4])
    happened = np.r_[np.tile([0.0, 1.0], 2000), np.ones(4)]
    _, found = levels(np.zeros(4004), happened, moments)
    assert found == pytest.approx([0, 0], abs=1.0)
    assert 0 < found[1] < 1


def test_a_year_ago_and_half_of_what_has_moved_since_foretell_the_level() -> None:
    moments = np.arange(0, 61 * 7, 14) * DAY
    level = np.cos(2 * np.pi * moments / YEAR) + np.where(moments > 300 * DAY, 0.4, 0.0)
    usual = float(level.mean())
    now, season = foretold(moments, level, usual, 91)
    for t in (moments[-1] + 91 * DAY, moments[-1] + 150 * DAY):
        assert now + season.at(int(t)) == pytest.approx(np.cos(2 * np.pi * t / YEAR) + 0.2, abs=0.02)


def test_without_a_whole_year_half_of_the_latest_level_is_believed_for_a_quarter() -> None:
    moments = np.arange(0, 300, 14) * DAY
    level = np.where(moments > moments[-1] - 28 * DAY, 0.6, 0.2)
    now, season = foretold(moments, level, 0.2, 91)
    assert now == pytest.approx(0.4)
    assert foretold(moments, level, 0.2, 182)[0] == pytest.approx(0.3)
    assert season.at(moments[-1] + np.arange(0, 700, 7) * DAY) == pytest.approx(0)


@pytest.mark.parametrize("weeks", [20, 60])
def test_a_level_that_never_moved_is_foretold_as_it_is(weeks: int) -> None:
    moments = np.arange(0, weeks + 1, 2) * 7 * DAY
    now, season = foretold(moments, np.full(len(moments), -0.3), -0.3, 91)
    assert now + season.at(int(moments[-1]) + 91 * DAY) == pytest.approx(-0.3)


@pytest.mark.parametrize("drifts", [True, False])
def test_how_much_of_a_level_lasts_is_learnt_where_the_past_shows_it(drifts: bool) -> None:
    """Levels that drift for good are believed; those each of which is drawn anew are not."""
    random = np.random.default_rng(6)
    moments = np.arange(0, 350, 7) * DAY
    drawn = random.normal(0, 0.3, len(moments))
    level = np.cumsum(np.abs(drawn)) if drifts else drawn
    usual, latest = float(level.mean()), float(level[-4:].mean())
    now, season = foretold(moments, level, usual, 28)
    part = (now - usual) / (latest - usual)
    assert part > 0.95 if drifts else part < 0.5
    assert not season.moments
