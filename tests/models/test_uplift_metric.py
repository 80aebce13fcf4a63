"""Metrics of an effect: as scikit-uplift has them, and right where the answer is known."""

from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from models.bootstrap import paired
from models.cost_curve import gains, ranked
from models.uplift_metric import judge, qini_area, qini_coefficient, uplift_at

Floats = npt.NDArray[np.float64]
ROWS = 4000


class Past(NamedTuple):
    """Half can be persuaded; contacts by lot, one in three."""

    can: Floats
    contacted: Floats
    outcome: Floats


@pytest.fixture(scope="module")
def past() -> Past:
    random = np.random.default_rng(8)
    can = (random.random(ROWS) < 0.5).astype(np.float64)
    contacted = (random.random(ROWS) < 1 / 3).astype(np.float64)
    came = random.random(ROWS) < 0.2 + 0.4 * can * contacted
    return Past(can, contacted, came.astype(np.float64))


@pytest.mark.skipif(find_spec("sklift") is None, reason="scikit-uplift is not installed")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("digits", [1, 15], ids=["ties", "no ties"])
def test_qini_and_uplift_at_k_are_those_of_scikit_uplift(past: Past, digits: int) -> None:
    from sklift.metrics import qini_auc_score, uplift_at_k  # noqa: PLC0415

    effect = np.round(past.can + np.random.default_rng(1).normal(size=ROWS), digits)
    ones, contacted = np.ones(ROWS), past.contacted.astype(int)
    assert qini_coefficient(effect, past.outcome, past.contacted, ones) == pytest.approx(
        qini_auc_score(past.outcome, effect, contacted), abs=1e-12
    )
    if digits > 1:  # it breaks ties by the order of the rows
        assert uplift_at(0.3, effect, past.outcome, past.contacted, ones) == pytest.approx(
            uplift_at_k(past.outcome, effect, contacted, "overall", 0.3), abs=1e-12
        )


def test_the_effect_among_the_most_promising_is_the_true_one(past: Past) -> None:
    noise = np.random.default_rng(2).random(ROWS) / 10
    found = uplift_at(0.3, past.can + noise, past.outcome, past.contacted, np.ones(ROWS))
    assert found == pytest.approx(0.4, abs=0.06)
    assert uplift_at(0.3, noise - past.can, past.outcome, past.contacted, np.ones(ROWS)) < 0.06


def test_weights_count_as_repeated_rows_do(past: Past) -> None:
    effect = past.can + np.random.default_rng(3).normal(size=ROWS)
    weight = np.random.default_rng(4).integers(0, 3, ROWS)
    rows = np.repeat(np.arange(ROWS), weight)
    for metric in (qini_area, qini_coefficient):
        assert metric(effect, past.outcome, past.contacted, weight.astype(np.float64)) == pytest.approx(
            metric(effect[rows], past.outcome[rows], past.contacted[rows], np.ones(len(rows))), abs=1e-12
        )


def test_knowing_who_can_be_persuaded_is_surely_ahead_of_chance_and_chance_of_nothing(past: Past) -> None:
    effects = {"knows": past.can, "guesses": np.random.default_rng(5).random(ROWS)}
    groups = np.arange(ROWS)
    alone, ahead = judge(qini_coefficient, effects, past.outcome, past.contacted, groups, "guesses")
    assert ahead["knows"].low > 0
    assert alone["guesses"].low < 0 < alone["guesses"].high


def test_gains_add_up_to_the_effect_whatever_was_expected(past: Past) -> None:
    chance = np.full(ROWS, 1 / 3)
    for expected in (np.zeros(ROWS), np.full(ROWS, 0.25)):
        told = gains(past.outcome, past.contacted, chance, expected)
        assert told[past.can == 1].mean() == pytest.approx(0.4, abs=0.08)
        assert told[past.can == 0].mean() == pytest.approx(0.0, abs=0.08)


def test_a_cost_curve_earns_most_when_the_best_come_first_and_stops_where_nothing_is_promised() -> None:
    net, cost = np.array([5.0, 3.0, -4.0]), np.ones(3)
    ones = np.ones(3)
    right, wrong = ranked(np.array([2.0, 1.0, -1.0]), net, cost), ranked(np.array([1.0, 2.0, 3.0]), net, cost)
    assert right.curve(ones).net.tolist() == pytest.approx([0, 5 / 3, 8 / 3])
    assert right.curve(ones).cost.tolist() == pytest.approx([0, 1 / 3, 2 / 3])
    assert right.end(ones) == pytest.approx(8 / 3)
    assert wrong.end(ones) == pytest.approx(4 / 3)
    # Budgets of a third each: the curve's means, then what was earned by the end stays.
    assert right.area(ones) == pytest.approx((5 / 6 + 13 / 6 + 8 / 3) / 3)
    assert right.area(ones) > wrong.area(ones)


def test_a_paired_difference_is_as_narrow_as_the_models_are_alike() -> None:
    values = np.random.default_rng(6).normal(size=500)
    figures = {
        "a": lambda w: float((w * values).sum() / w.sum()),
        "b": lambda w: float((w * values).sum() / w.sum()) + 1,
    }
    alone, ahead = paired(figures, np.arange(500), "a")
    assert alone["a"].low < alone["a"].value < alone["a"].high
    assert ahead["b"] == pytest.approx((1.0, 1.0, 1.0))
