"""The matrix: sixty-four cells, each with a plan of three of twelve strategies."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from decisions.policy import Policy
from decisions.strategy import NO_CELL, cells_of, fallback_cells

SHAPE = (4, 4, 4)


def test_twelve_strategies_compose_the_plan_of_each_of_64_cells(shipped: Policy) -> None:
    plans = shipped.plans()
    assert len(shipped.strategies) == 12
    assert len(plans) == 64 == len({plan.strategies for plan in plans})
    by_name = {each.name: each for each in shipped.strategies}
    for cell, plan in enumerate(plans):
        assert plan.cell == cell
        assert tuple(by_name[name].of for name in plan.strategies) == plan.classes
        assert plan.every_days == min(by_name[name].every_days for name in plan.strategies)
        assert plan.actions
        assert len(plan.actions) == len(plan.actions_chinese)
        assert plan.channels
        assert plan.service_level in {level.name for level in shipped.service_levels}


def test_a_plan_is_found_by_the_classes_of_its_cell(shipped: Policy) -> None:
    value, behaviour, stage = shipped.classes()
    cell = cells_of(([3], [1], [2]), SHAPE)[0]
    assert shipped.plans()[cell].classes == (value[3], behaviour[1], stage[2])
    assert shipped.plans()[cell].strategies == ("hold_on", "refine", "retain")


def test_a_plan_takes_the_strictest_service_level_of_its_strategies(shipped: Policy) -> None:
    plan = next(plan for plan in shipped.plans() if plan.classes[0] == "high_value")
    assert plan.service_level == "green_channel"


def test_who_lacks_a_class_has_no_cell() -> None:
    assert cells_of(([0, -1, 3], [0, 0, -2], [0, 0, 0]), SHAPE).tolist() == [0, NO_CELL, NO_CELL]


@given(st.lists(st.integers(0, 60), min_size=64, max_size=64), st.integers(1, 40))
def test_a_small_cell_takes_the_plan_of_a_larger_one_of_the_same_value(counts: list[int], least: int) -> None:
    taken = np.array(fallback_cells(counts, SHAPE, least))
    value, _, stage = np.unravel_index(np.arange(64), SHAPE)
    own = np.arange(64)
    kept = taken == own
    assert kept[np.array(counts) >= least].all()
    assert (np.array(counts)[taken[~kept]] >= least).all()
    assert (value[taken] == value[own]).all()
    like = [(value == value[k]) & (stage == stage[k]) for k in own]
    same_stage = [np.array(counts)[each].max() for each in like]
    for k in own[~kept]:
        if same_stage[k] >= least:
            assert stage[taken[k]] == stage[k]
