"""The solver: HiGHS is the oracle on what it can do, and no limit is ever broken."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

from decisions import solver
from decisions.arbitration import NOTHING, Block
from decisions.limit import Limits, Terms
from decisions.solver import Solution, solve
from tables.refusal import Refused

Make = Callable[..., Any]
Base = tuple[Block, Terms, Limits, float]


class Options(NamedTuple):
    """Every option that is allowed: whose, its net value, and what it takes of each limit."""

    row: Any
    net: Any
    takes: Any


def options_of(base: Base) -> Options:
    block, terms, limits, minimum = base
    found = []
    for i, j in np.ndindex(block.uplift.shape):
        for c in range(terms.contact_cost.shape[1]):
            response = float(block.response[i, j])
            cost = response * terms.redemption_cost[j] + terms.contact_cost[j, c]
            net = float(block.uplift[i, j]) - cost
            if block.allowed[i, j] >> c & 1 and net >= minimum:
                takes = limits.money[:, j, c] * cost + limits.contacts[:, j, c]
                found.append((i, net, takes + limits.redemptions[:, j, c] * response))
    row, net, takes = zip(*found, strict=True) if found else ((), (), np.zeros((0, len(limits.names))))
    return Options(np.array(row, int), np.array(net), np.array(takes).T)


def highs(base: Base, *, whole: bool) -> float | None:
    """The highest net value within the limits, None where nothing keeps them."""
    options, limits, customers = options_of(base), base[2], len(base[0].uplift)
    count = len(options.net)
    if count == 0:
        return 0.0 if (limits.bounds >= 0).all() else None
    one = csr_matrix((np.ones(count), (options.row, np.arange(count))), shape=(customers, count))
    rules = [LinearConstraint(one, -np.inf, 1), LinearConstraint(options.takes, -np.inf, limits.bounds)]
    found = milp(
        -options.net, constraints=rules, bounds=Bounds(0, 1), integrality=np.full(count, int(whole)),
        options={"mip_rel_gap": 1e-6},
    )  # fmt: skip
    return None if found.x is None else -float(found.fun)


def told(base: Base, solution: Solution) -> tuple[float, Any]:
    """Net value and what is taken, summed plainly over the choices; and that each was allowed."""
    block, terms, limits, minimum = base
    value, usage = 0.0, np.zeros(len(limits.names))
    offers = np.concatenate([choice.offer for choice in solution.choices])
    channels = np.concatenate([choice.channel for choice in solution.choices])
    for i, (j, c) in enumerate(zip(offers.tolist(), channels.tolist(), strict=True)):
        if j == NOTHING:
            assert c == NOTHING
            continue
        response = float(block.response[i, j])
        cost = response * terms.redemption_cost[j] + terms.contact_cost[j, c]
        net = float(block.uplift[i, j]) - cost
        assert block.allowed[i, j] >> c & 1
        assert net >= minimum
        value += net
        usage += (
            limits.money[:, j, c] * cost + limits.contacts[:, j, c] + limits.redemptions[:, j, c] * response
        )
    return value, usage


def holds(base: Base, solution: Solution) -> None:
    value, usage = told(base, solution)
    limits = base[2]
    assert (usage <= limits.bounds + 1e-8 * np.maximum(np.abs(limits.bounds), 1)).all()
    assert np.allclose(usage, solution.usage)
    assert np.isclose(value, solution.value)
    assert np.isclose(solution.gap, 1 - solution.value / solution.bound if solution.bound > 0 else 0)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 50), st.sampled_from([np.float32, np.float64]))
def test_no_limit_is_broken_and_the_value_is_near_that_of_highs(
    base_of: Make, seed: int, customers: int, size: type
) -> None:
    base = base_of(seed, customers, size=size)
    solution = solve([base[0]], *base[1:])
    holds(base, solution)
    relaxed, best = highs(base, whole=False), highs(base, whole=True)
    assert relaxed is not None
    assert best is not None
    # The dual at any prices bounds the relaxed problem; at these it is hardly above it.
    assert relaxed * (1 - 1e-7) - 1e-5 <= solution.bound <= 1.02 * relaxed + 1
    assert solution.value <= best * (1 + 1e-5) + 1e-5
    # So few customers leave limits partly used: each that has a price costs one customer's choice at most.
    largest = max(options_of(base).net, default=0.0)
    assert solution.value >= best - largest * max((solution.prices > 0).sum(), 1)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(20, 60))
def test_what_is_asked_for_at_least_is_given_or_refused_by_name(
    base_of: Make, seed: int, customers: int
) -> None:
    base = base_of(seed, customers, least=True)
    possible = highs(base, whole=True)
    if possible is None:
        with pytest.raises(Refused, match=r"No choice was found that keeps all limits: .* too much"):
            solve([base[0]], *base[1:])
    else:
        solution = solve([base[0]], *base[1:])
        holds(base, solution)
        assert -solution.usage[-1] >= -base[2].bounds[-1]


def parted(block: Block, ends: list[int]) -> list[Block]:
    return [
        Block(*(each[begin:end] for each in block))
        for begin, end in zip([0, *ends], [*ends, len(block.uplift)], strict=True)
    ]


@pytest.fixture
def small_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a test goes through samples and everybody too."""
    monkeypatch.setattr(solver, "SAMPLES", (500, 2_000))


@pytest.mark.usefixtures("small_samples")
def test_prices_and_choices_are_the_same_to_the_bit_however_the_base_is_parted(base_of: Make) -> None:
    block, *rest = base_of(31, 70_000)
    one = solve([block], *rest)
    for parts, threads in ((parted(block, [1, 17, 40_000]), 1), (parted(block, [33_333]), 2)):
        other = solve(parts, *rest, threads=threads)
        assert np.array_equal(one.prices, other.prices)
        assert (one.value, one.bound) == (other.value, other.bound)
        for name in ("offer", "channel"):
            joined = np.concatenate([getattr(choice, name) for choice in other.choices])
            assert np.array_equal(getattr(one.choices[0], name), joined)


@pytest.mark.usefixtures("small_samples")
@pytest.mark.parametrize("seed", [13, 16, 25, 26, 29, 31])
def test_over_many_customers_the_gap_is_two_thousandths_at_most_and_slack_limits_have_no_price(
    base_of: Make, seed: int
) -> None:
    base = base_of(seed, 8_000)
    solution = solve([base[0]], *base[1:])
    holds(base, solution)
    assert solution.gap < 2e-3
    bounds = base[2].bounds
    assert (solution.prices[solution.usage < bounds - 0.02 * np.abs(bounds) - 1] == 0).all()
    assert (solution.prices > 0).any()


def test_a_price_is_what_one_more_unit_is_worth_when_solved_again(base_of: Make) -> None:
    base = block, terms, limits, minimum = base_of(13, 1_500)
    solution = solve([block], terms, limits, minimum)
    dear = np.flatnonzero(solution.prices * np.abs(limits.bounds) > 0.02 * solution.bound)
    assert len(dear) >= 2
    for k in dear.tolist():
        step = np.zeros(len(limits.names))
        step[k] = 0.02 * limits.bounds[k]
        more, fewer = (
            highs((block, terms, limits._replace(bounds=limits.bounds + sign * step), minimum), whole=False)
            for sign in (1, -1)
        )
        assert more is not None
        assert fewer is not None
        assert np.isclose(solution.prices[k], (more - fewer) / (2 * step[k]), rtol=0.05)
    assert holds(base, solution) is None


def test_without_customers_or_offers_nothing_is_chosen(base_of: Make) -> None:
    block, terms, limits, minimum = base_of(1, 3)
    empty = Block(*(each[:0] for each in block))
    assert solve([], terms, limits, minimum).choices == ()
    assert solve([empty], terms, limits, minimum).value == 0
    none = Block(*(each[:, :0] for each in block))
    no_terms = Terms(np.zeros(0), np.zeros((0, 8)))
    no_limits = Limits(("money",), np.ones(1), *np.zeros((3, 1, 0, 8)))
    assert (solve([none], no_terms, no_limits, minimum).choices[0].offer == NOTHING).all()


def test_a_budget_of_nothing_gives_what_costs_nothing(base_of: Make) -> None:
    block, terms, limits, minimum = base_of(1, 40)
    solution = solve([block], terms, limits.scaled(0.0), minimum)
    assert solution.usage[0] == 0


@pytest.mark.parametrize("name", Block._fields)
def test_a_block_that_does_not_fit_is_refused_by_its_number(base_of: Make, name: str) -> None:
    block, *rest = base_of(2, 10)
    with pytest.raises(Refused, match=r"Block 1: .* expected"):
        solve([block, block._replace(**{name: getattr(block, name)[:, 1:]})], *rest)


def test_channels_that_have_no_bit_are_refused(base_of: Make) -> None:
    block, terms, limits, minimum = base_of(2, 10)
    with pytest.raises(Refused, match="9 channels, but `allowed` has 8 bits"):
        solve(
            [block], Terms(terms.redemption_cost, np.zeros((len(terms.redemption_cost), 9))), limits, minimum
        )
    with pytest.raises(Refused, match="allowed is bool, expected uint8"):
        solve([block._replace(allowed=block.allowed > 0)], terms, limits, minimum)
