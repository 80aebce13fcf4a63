"""Exploration: what is drawn, how often, and that the stated propensity is the true one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from decisions.exploration import NOTHING, WEEK, draw

Make = Callable[..., Any]
IDS = np.array([f"C{number:06d}" for number in range(60_000)], dtype=object)
WORTH = np.array([30.0, -np.inf, 50.0, 40.0, 10.0])


def test_the_stated_propensity_is_how_often_an_offer_is_drawn(policy_of: Make) -> None:
    policy = policy_of(exploration={"share": 0.3, "among": 3})
    drawn = draw(np.tile(WORTH, (len(IDS), 1)), IDS, policy, 0)
    counts = np.bincount(drawn.offer, minlength=5) / len(IDS)
    assert counts == pytest.approx([0.1, 0, 0.8, 0.1, 0], abs=0.005)
    for offer, propensity in ((0, 0.1), (2, 0.8), (3, 0.1)):
        assert drawn.propensity[drawn.offer == offer] == pytest.approx(propensity)


def test_an_estimate_weighted_by_propensities_is_unbiased(policy_of: Make) -> None:
    policy = policy_of(exploration={"share": 0.3, "among": 3})
    reward = np.array([5.0, 0.0, 1.0, 9.0, 0.0])
    sums = []
    for week in range(20):
        drawn = draw(np.tile(WORTH, (len(IDS), 1)), IDS, policy, week * WEEK)
        mine = drawn.offer == 3
        sums.append((reward[drawn.offer] * mine / drawn.propensity).mean())
    assert np.mean(sums) == pytest.approx(9.0, abs=0.1)


def test_lots_change_with_the_week_and_with_nothing_else(policy_of: Make) -> None:
    policy = policy_of(exploration={"share": 0.5, "among": 2})
    worth = np.tile(WORTH, (len(IDS), 1))
    one, same, other = (draw(worth, IDS, policy, t).offer for t in (0, WEEK - 1, WEEK))
    assert (one == same).all()
    assert 0.3 < (one != other).mean() < 0.5
    assert (draw(worth[:7], IDS[:7], policy, 0).offer == one[:7]).all()


def test_without_exploration_the_best_is_taken_for_certain(policy_of: Make) -> None:
    drawn = draw(WORTH[None, :], IDS[:1], policy_of(), 0)
    assert (drawn.offer[0], drawn.propensity[0]) == (2, 1.0)


def test_where_nothing_is_worth_it_nothing_is_drawn(policy_of: Make) -> None:
    policy = policy_of(exploration={"share": 0.5, "among": 2})
    worth = np.array([[-np.inf, -np.inf], [-np.inf, 3.0]])
    drawn = draw(np.tile(worth, (500, 1)), IDS[:1000], policy, 0)
    assert set(drawn.offer[::2]) == {NOTHING}
    assert set(drawn.offer[1::2]) == {1}
    assert drawn.propensity.tolist() == [1.0] * 1000


def test_a_share_that_lets_weights_explode_is_refused(policy_of: Make) -> None:
    with pytest.raises(ValidationError, match=r"below least_propensity 0\.05"):
        policy_of(exploration={"share": 0.1, "among": 5, "least_propensity": 0.05})
