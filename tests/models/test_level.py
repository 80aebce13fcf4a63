"""The level of the next moment, in made worlds: one whose year has a strong season, and one without."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.reader import FactTable
from models.calibration import log_odds, sigmoid
from models.frame import Frame
from models.learner import boost
from models.promise import Promise
from models.recipe import DEFAULT, learn_churn
from models.season import YEAR
from tables.moment import DAY

NAMES = ("orders_91d", "a_lasting_fact", "calendar")
CUSTOMERS, STEP, HORIZON = 1500, 14 * DAY, 91
TRAINING = np.arange(31) * STEP
NEXT = int(TRAINING[-1]) + HORIZON * DAY
STRENGTH = 0.9


def world(seed: int, moments: Any, strength: float) -> Frame:
    """Customers who leave by what they are and by the time of year alone; `calendar` tells each moment."""
    random = np.random.default_rng(seed)
    moments = np.asarray(moments)
    t = np.repeat(moments, CUSTOMERS)
    orders = random.poisson(2, len(t)).astype(float)
    lasting = random.normal(size=len(t))
    season = strength * np.sin(2 * np.pi * t / YEAR)
    left = random.uniform(size=len(t)) < sigmoid(lasting - 0.3 * (orders - 2) + season)
    values = np.column_stack([orders, lasting, t / DAY])
    facts = FactTable(np.tile(np.arange(CUSTOMERS), len(moments)), t, NAMES, values)
    return Frame(facts, left.astype(float), np.zeros(len(t)), np.zeros(len(t), dtype=bool))


def told(promise: Promise, frame: Frame) -> Any:
    return promise(frame.facts.values, frame.facts.moments)


@pytest.fixture(scope="module")
def seasonal() -> Frame:
    return world(1, TRAINING, STRENGTH)


@pytest.fixture(scope="module")
def promise(seasonal: Frame) -> Promise:
    return learn_churn(seasonal, HORIZON)


def test_where_the_year_has_a_season_the_promise_follows_it(promise: Promise) -> None:
    moments = NEXT + np.arange(0, 270, 14) * DAY
    test = world(2, moments, STRENGTH)
    still = promise.calibration(promise.booster.predict(test.facts.values))
    came, promised, without = (
        each.reshape(len(moments), CUSTOMERS).mean(axis=1)
        for each in (test.churned, told(promise, test), still)
    )
    assert np.abs(promised - came).max() < 0.07
    assert np.abs(promised - came).mean() < 0.035
    assert np.abs(without - came).mean() > 0.1


def test_where_it_has_none_the_promise_does_not_move() -> None:
    promise = learn_churn(world(3, TRAINING, 0.0), HORIZON)
    test = world(4, [NEXT] * 3, 0.0)
    assert told(promise, test).mean() == pytest.approx(test.churned.mean(), abs=0.03)
    whole_year = NEXT + np.arange(0, 300, 14) * DAY
    assert np.abs(promise.season.at(whole_year)).max() < 0.2


def swing(booster: Any, frame: Frame) -> float:
    """How much the trees' log-odds change, at most, with the moment told to the same customers."""
    values = frame.facts.values[:300].copy()
    means = []
    for day in np.unique(frame.facts.values[:, NAMES.index("calendar")]):
        values[:, NAMES.index("calendar")] = day
        means.append(float(log_odds(booster.predict(values)).mean()))
    return max(means) - min(means)


def test_the_season_is_left_to_the_season_though_a_fact_tells_the_moment(
    promise: Promise, seasonal: Frame
) -> None:
    facts = seasonal.facts
    plain = boost(
        facts.values, seasonal.churned, facts.names, "binary",
        trees=promise.booster.num_trees(), weight=DEFAULT.weight(facts.moments),
        parameters=DEFAULT.parameters(facts.names),
    )  # fmt: skip
    assert swing(plain, seasonal) > STRENGTH
    assert swing(promise.booster, seasonal) < 0.3 * swing(plain, seasonal)


def test_the_shift_is_the_season_itself_and_not_what_trees_leave_of_it(promise: Promise) -> None:
    ahead = int(TRAINING[0]) + YEAR + np.arange(0, 400, 14) * DAY
    truth = STRENGTH * np.sin(2 * np.pi * ahead / YEAR)
    found = promise.season.at(ahead)
    slope = float(np.polyfit(truth, found, 1)[0])
    assert slope == pytest.approx(1, abs=0.15)
    assert np.corrcoef(truth, found)[0, 1] > 0.97


def test_one_moment_and_labels_that_are_probabilities_have_a_level_too() -> None:
    frame = world(5, [0], 0.0)
    random = np.random.default_rng(6)
    known = replace(frame, churned=np.clip(frame.churned * 0.6 + random.uniform(0, 0.2, len(frame)), 0, 1))
    promise = learn_churn(known, HORIZON, objective="cross_entropy")
    assert told(promise, known).mean() == pytest.approx(known.churned.mean(), abs=0.01)
    assert not promise.season.moments
