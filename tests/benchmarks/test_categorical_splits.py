"""Categories as trees are given them: the commonest first, rare and unseen ones unknown."""

import numpy as np

from benchmarks.categorical_splits import LEAST_ROWS, ranked


def test_categories_are_ranked_by_the_rows_learnt_from_alone() -> None:
    often, seldom, rare = 11.0, 22.0, 33.0
    learnt = np.array([[often]] * (2 * LEAST_ROWS) + [[seldom]] * LEAST_ROWS + [[rare]] * (LEAST_ROWS - 1))
    learnt = np.vstack([learnt, [[np.nan]]])
    judged = np.array([[rare]] * 200 + [[seldom], [often], [44.0], [np.nan]])
    told, asked = ranked(learnt, judged)
    assert told[0, 0] == 0
    assert told[2 * LEAST_ROWS, 0] == 1
    assert np.isnan(told[3 * LEAST_ROWS :]).all()
    assert np.isnan(asked[:200]).all()  # however common where they are judged
    assert asked[200:202, 0].tolist() == [1, 0]
    assert np.isnan(asked[202:]).all()
