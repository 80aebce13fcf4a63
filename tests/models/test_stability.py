"""Stability: retrainings that agree are told apart from retrainings that do not."""

import numpy as np
import pytest

from models.learner import boost
from models.stability import stability_of

NAMES = (
    "days_since_last_order", "visits_28d", "orders_91d", "spend_91d", "complaints_91d", "points_balance",
    "contacts_28d", "returned_lines_91d", "last_nps", "level", "reviews_91d", "discount_91d",
)  # fmt: skip


def model(weights: np.ndarray, seed: int, rows: int = 4_000) -> object:
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, len(NAMES)))
    target = (values @ weights + random.normal(size=rows) > 0).astype(float)
    parameters = {"feature_fraction": 1.0}
    return boost(values, target, NAMES, "binary", trees=40, parameters=parameters)


HELD_OUT = np.random.default_rng(9).normal(size=(500, len(NAMES)))
PLACES = np.arange(500) // 2
STEEP = np.geomspace(2.0, 0.02, len(NAMES))


def test_models_of_one_truth_agree_on_what_matters() -> None:
    found = stability_of([model(STEEP, seed) for seed in range(3)], HELD_OUT, PLACES, NAMES)
    assert (found.models, found.rows) == (3, 500)
    assert list(found.facts)[:4] == list(NAMES[:4])
    assert list(found.topics)[:4] == ["buying_rhythm", "visits", "orders", "spend"]
    assert found.tau_facts.low > 0.5
    assert found.kept_facts.value > 0.8
    assert all(each.low <= each.value <= each.high for each in list(found.facts.values())[:4])


def test_models_of_nothing_do_not() -> None:
    found = stability_of([model(0 * STEEP, seed) for seed in range(3)], HELD_OUT, PLACES, NAMES)
    assert found.tau_facts.low < 0.2
    same = model(STEEP, 1)
    assert stability_of([same, same], HELD_OUT, PLACES, NAMES).tau_facts == pytest.approx((1.0, 1.0, 1.0))


def test_one_model_tells_no_stability() -> None:
    with pytest.raises(ValueError, match="two models or more"):
        stability_of([model(STEEP, 1)], HELD_OUT, PLACES, NAMES)
