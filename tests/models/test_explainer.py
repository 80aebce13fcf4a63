"""Reasons behave exactly like LightGBM's own contributions, on whatever shallow model and whatever rows."""

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.explainer import Explainer
from models.leaf_lookup import ROWS_AT_ONCE
from models.leaf_table import DEEPEST
from tables.refusal import Refused

FACTS = 7


def rows(random: Any, count: int, missing: float) -> Any:
    """Whole numbers with many ties and zeros, skewed ones, signed ones; some missing."""
    values = np.column_stack(
        [
            random.integers(0, 4, (count, 3)),
            random.gamma(1.0, 10.0, (count, 2)),
            random.normal(size=(count, FACTS - 5)),
        ]
    ).astype(np.float64)
    values[random.uniform(size=values.shape) < missing] = np.nan
    return values


def model(
    random: Any, values: Any, trees: int, init_model: lgb.Booster | None = None, **parameters: Any
) -> lgb.Booster:
    known = np.nan_to_num(values, nan=3.0)
    target = known @ random.normal(size=FACTS) + known[:, 3] * known[:, 5] + random.normal(size=len(values))
    settings = {"objective": "regression", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 3}
    return lgb.train(settings | parameters, lgb.Dataset(values, target), trees, init_model=init_model)


def theirs(booster: lgb.Booster, values: Any) -> Any:
    return np.asarray(booster.predict(values, pred_contrib=True))[:, :-1]


def strange(values: Any) -> Any:
    """Rows at the thresholds' edges: all missing, zeros of both signs, next to nothing, without end."""
    odd = np.array([[np.nan], [0.0], [-0.0], [1e-36], [-1e-36], [1.1e-35], [np.inf], [-np.inf]])
    return np.concatenate([values, np.tile(odd, FACTS)])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    depth=st.integers(1, 7),
    leaves=st.integers(2, 128),
    missing=st.sampled_from([0.0, 0.2, 0.9]),
    use_missing=st.booleans(),
    zero_as_missing=st.booleans(),
)
def test_any_model_is_explained_as_lightgbm_does(
    seed: int, depth: int, leaves: int, missing: float, use_missing: bool, zero_as_missing: bool
) -> None:
    random = np.random.default_rng(seed)
    values = rows(random, 400, missing)
    booster = model(
        random, values, 6, max_depth=depth, num_leaves=leaves, use_missing=use_missing,
        zero_as_missing=zero_as_missing,
    )  # fmt: skip
    asked = strange(rows(random, 40, 0.3))
    assert Explainer(booster)(asked) == pytest.approx(theirs(booster, asked), rel=1e-9, abs=1e-9)


def test_thresholds_are_met_to_the_bit() -> None:
    random = np.random.default_rng(1)
    values = rows(random, 400, 0.1)
    booster = model(random, values, 20, max_depth=6)
    thresholds = [
        node for tree in booster.dump_model()["tree_info"] for node in edges(tree["tree_structure"])
    ]
    asked = rows(random, 3 * len(thresholds), 0.1)
    for k, (fact, threshold) in enumerate(thresholds):
        asked[3 * k, fact] = threshold
        asked[3 * k + 1, fact] = np.nextafter(threshold, np.inf)
        asked[3 * k + 2, fact] = np.nextafter(threshold, -np.inf)
    assert Explainer(booster)(asked) == pytest.approx(theirs(booster, asked), rel=1e-9, abs=1e-9)


def edges(node: dict[str, Any]) -> list[tuple[int, float]]:
    if "threshold" not in node:
        return []
    return [
        (node["split_feature"], node["threshold"]), *edges(node["left_child"]), *edges(node["right_child"])
    ]  # fmt: skip


def test_trees_of_one_leaf_explain_nothing() -> None:
    random = np.random.default_rng(2)
    values = rows(random, 100, 0.1)
    alone = model(random, values, 5, min_data_in_leaf=1000)
    assert not Explainer(alone)(values).any()
    mixed = model(random, values, 10, init_model=alone, max_depth=4)
    sizes = {tree["num_leaves"] for tree in mixed.dump_model()["tree_info"]}
    assert min(sizes) == 1 < max(sizes)
    assert Explainer(mixed)(values) == pytest.approx(theirs(mixed, values), rel=1e-9, abs=1e-9)


def test_one_row_alone_is_explained_to_the_bit_as_among_all_on_any_number_of_threads() -> None:
    random = np.random.default_rng(3)
    values = rows(random, 5 * ROWS_AT_ONCE + 17, 0.2)
    explain = Explainer(model(random, values[:500], 30, max_depth=6, num_leaves=40))
    told = explain(values, threads=2)
    assert np.array_equal(explain(values, threads=1), told)
    assert np.array_equal(explain(values[::-1])[::-1], told)
    assert np.array_equal(explain(np.asfortranarray(values[:50])), told[:50])
    for row in range(0, len(values), 501):
        assert np.array_equal(explain(values[row : row + 1]), told[row : row + 1])


def test_a_model_that_stopped_early_is_explained_as_it_predicts() -> None:
    random = np.random.default_rng(4)
    values = rows(random, 200, 0.1)
    booster = model(random, values, 20)
    booster.best_iteration = 7
    assert Explainer(booster)(values) == pytest.approx(theirs(booster, values), rel=1e-9, abs=1e-9)


def test_the_deepest_trees_are_explained_and_deeper_ones_refused() -> None:
    random = np.random.default_rng(5)
    values = rows(random, 3000, 0.1)
    shape = {"num_leaves": 400, "min_data_in_leaf": 1}
    booster = model(random, values, 2, max_depth=DEEPEST, **shape)
    assert Explainer(booster)(values[:50]) == pytest.approx(theirs(booster, values[:50]), rel=1e-9, abs=1e-9)
    with pytest.raises(Refused, match="deeper"):
        Explainer(model(random, values, 2, max_depth=DEEPEST + 2, **shape))


def test_splits_on_categories_are_refused() -> None:
    random = np.random.default_rng(6)
    values = rows(random, 300, 0.0)
    target = np.isin(values[:, 0], (0, 2)).astype(float) + random.normal(size=300) / 10
    data = lgb.Dataset(values, target, categorical_feature=[0])
    booster = lgb.train({"verbosity": -1, "min_data_per_group": 1, "cat_smooth": 1}, data, 5)
    with pytest.raises(Refused, match="categories"):
        Explainer(booster)


def test_rows_of_another_width_are_named() -> None:
    random = np.random.default_rng(7)
    values = rows(random, 100, 0.0)
    with pytest.raises(ValueError, match="expected 7 columns, came shape"):
        Explainer(model(random, values, 2))(values[:, 1:])
