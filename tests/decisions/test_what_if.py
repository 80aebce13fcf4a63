"""What if: a curve that rises and flattens, whose slope is the price."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from decisions.solver import solve
from decisions.what_if import curve, worth_of_one_more
from tables.refusal import Refused

Make = Callable[..., Any]
SCALES = (0.25, 0.5, 0.75, 1.0, 1.5, 50.0)


def test_more_money_is_worth_more_and_each_unit_less_than_the_one_before(base_of: Make) -> None:
    block, terms, limits, minimum = base_of(13, 3_000)
    points = curve([block], terms, limits, minimum, SCALES, names=("money",))
    assert [point.scale for point in points] == list(SCALES)
    for before, after in pairwise(points):
        assert after.bound >= before.bound * (1 - 1e-6)
        assert after.prices[0] <= before.prices[0] + 1e-3
        slope = (after.bound - before.bound) / ((after.scale - before.scale) * limits.bounds[0])
        assert after.prices[0] - 0.02 <= slope <= before.prices[0] + 0.02
    assert points[-1].prices[0] == 0


def test_a_point_of_the_curve_is_what_solving_alone_finds(base_of: Make) -> None:
    block, terms, limits, minimum = base_of(13, 3_000)
    points = curve([block], terms, limits, minimum, (0.5, 1.0))
    alone = solve([block], terms, limits, minimum)
    assert np.isclose(points[1].bound, alone.bound, rtol=1e-4)
    assert np.isclose(points[1].value, alone.value, rtol=2e-3)


def test_all_limits_are_scaled_but_not_what_is_asked_for_at_least(base_of: Make) -> None:
    block, terms, limits, minimum = base_of(4, 600, least=True)
    (point,) = curve([block], terms, limits, minimum, (2.0,))
    wider = limits._replace(bounds=np.where(limits.bounds > 0, 2 * limits.bounds, limits.bounds))
    assert point.bound == solve([block], terms, wider, minimum).bound


def test_the_dearest_limit_stands_first(base_of: Make) -> None:
    block, terms, limits, minimum = base_of(4, 600)
    solution = solve([block], terms, limits, minimum)
    worth = worth_of_one_more(limits, solution)
    assert list(worth.values()) == sorted(solution.prices.tolist(), reverse=True)
    assert {name: worth[name] for name in limits.names} == dict(
        zip(limits.names, solution.prices.tolist(), strict=True)
    )


def test_a_limit_that_is_not_there_and_a_scale_below_zero_are_refused(base_of: Make) -> None:
    block, terms, limits, minimum = base_of(4, 10)
    with pytest.raises(Refused, match="There is no limit 'monney' to scale; there is money"):
        curve([block], terms, limits, minimum, (1.0,), names=("monney",))
    with pytest.raises(Refused, match="scaled by 0 or more, came -1"):
        curve([block], terms, limits, minimum, (1.0, -1.0))
