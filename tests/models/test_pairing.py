"""Pairs of models: the better one gains in every part that can tell, a model gains nothing over itself."""

import numpy as np
import pytest

from features.reader import FactTable
from models.frame import Frame
from models.pairing import gains
from models.question import Question
from tables.moment import DAY

NAMES = ("orders_364d", "days_since_first_order", "spend_364d")
ROWS = 1_200


@pytest.fixture(scope="module")
def held_out() -> tuple[Frame, np.ndarray]:
    """Everybody at two moments, with what is known of each, and the true log-odds."""
    random = np.random.default_rng(1)
    odds = random.normal(size=2 * ROWS)
    values = np.column_stack(
        [random.integers(1, 9, 2 * ROWS), random.integers(0, 600, 2 * ROWS), random.gamma(1, 100, 2 * ROWS)]
    ).astype(float)
    places = np.tile(np.arange(ROWS), 2)
    moments = np.repeat([0, 28 * DAY], ROWS)
    churned = (random.uniform(size=2 * ROWS) < 1 / (1 + np.exp(-odds))).astype(float)
    facts = FactTable(places, moments, NAMES, values)
    return Frame(facts, churned, churned, places % 5 == 0), odds


def test_who_knows_more_gains_in_every_part(held_out: tuple[Frame, np.ndarray]) -> None:
    frame, odds = held_out
    ours, theirs = (1 / (1 + np.exp(-each)) for each in (odds, 0.1 * odds[::-1]))
    found = gains(frame, Question(), ours, theirs, "UTC")
    assert list(found)[:3] == ["all months", "as of 1970-01-01", "as of 1970-01-29"]
    assert len(found) > 8
    for part in found.values():
        assert part["auc"].low > 0
        assert part["brier"].value < 0  # of squared distances the smallest parts are not sure
    assert found["all months"]["brier"].high < 0
    swapped = gains(frame, Question(), theirs, ours, "UTC")
    assert swapped["all months"]["auc"].value == pytest.approx(-found["all months"]["auc"].value)


def test_a_model_gains_nothing_over_itself(held_out: tuple[Frame, np.ndarray]) -> None:
    frame, odds = held_out
    same = 1 / (1 + np.exp(-odds))
    for part in gains(frame, Question(), same, same, "UTC").values():
        assert all(tuple(gain) == (0, 0, 0) for gain in part.values())


def test_a_part_that_cannot_tell_is_left_out(held_out: tuple[Frame, np.ndarray]) -> None:
    frame, odds = held_out
    few = frame.rows(np.arange(len(frame)) < 50)
    assert gains(few, Question(), odds[:50], odds[:50], "UTC") == {}
