"""Facts as ranks: the compiled basis is NumPy's interpolation, to the bit."""

import numpy as np
import numpy.typing as npt
import pytest

from models.basis import SPREAD, Basis, fit_basis


def made(seed: int) -> tuple[Basis, npt.NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    facts = np.column_stack(
        [
            random.gamma(1.0, 100.0, 500),
            random.integers(0, 4, 500),
            random.normal(size=500),
            np.full(500, np.nan),
        ]
    )
    facts[random.random(500) < 0.3, 1] = np.nan
    beyond = np.array([[np.inf] * 4, [-np.inf] * 4, [np.nan] * 4, [0.0] * 4])
    basis = fit_basis(facts)
    on_knots = basis.knots.T
    return basis, np.concatenate([facts, beyond, on_knots, facts * 3])


@pytest.mark.parametrize("seed", range(5))
def test_a_rank_lies_between_the_knots_as_numpy_says(seed: int) -> None:
    basis, facts = made(seed)
    columns = basis(facts)
    assert columns.shape == (basis.width, len(facts))
    assert (columns[0] == 1).all()
    for k in range(facts.shape[1]):
        rank = (np.interp(facts[:, k], basis.knots[k], basis.ranks[k]) - 0.5) * SPREAD
        assert np.array_equal(columns[1 + k], np.where(np.isnan(facts[:, k]), 0.0, rank))
    assert basis.missing == (1, 3)
    for column, k in zip(columns[1 + facts.shape[1] :], basis.missing, strict=True):
        assert np.array_equal(column, np.isnan(facts[:, k]))


def test_a_customer_alone_has_the_columns_it_has_among_all() -> None:
    basis, facts = made(9)
    whole = basis(facts)
    for row in range(0, len(facts), 37):
        assert np.array_equal(basis(facts[row : row + 1])[:, 0], whole[:, row])
