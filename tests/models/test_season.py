"""Season: what was promised and what came a year ago."""

import numpy as np
import pytest

from models.season import season_of_probability
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
