"""All conditions of a policy at once say what each says by itself."""

from collections.abc import Callable

import numpy as np
import pytest

from decisions.freezing import inputs, statistics
from decisions.frozen import KINDS, NOTHING_FROZEN, Frozen, statement
from decisions.held import held, ranges_of
from decisions.known import Known, Measured
from decisions.policy import Policy
from decisions.segment import measured_of, segments
from decisions.tier import holds, tag_of, tiers_of
from tables.once import once

CUSTOMERS = 400


def made_known(policy: Policy, seed: int) -> Known:
    """Values around the thresholds, many of them equal to one, many not known; kinds known and not."""
    random = np.random.default_rng(seed)
    columns = {}
    for name in inputs(policy):
        values = np.round(random.gamma(0.7, 10.0 ** random.integers(0, 6), CUSTOMERS))
        values[random.random(CUSTOMERS) < 0.2] = np.nan
        columns[name] = values
    columns["is_b2b"] = random.choice([0.0, 1.0, np.nan], CUSTOMERS)
    return Known(CUSTOMERS, columns)


def made_frozen(policy: Policy, known: Known) -> Frozen:
    """Numbers that some customers have; of one kind a few are not frozen."""
    measured = measured_of(policy, known)
    numbers: dict[str, dict[str, float]] = {}
    for k, (name, threshold) in enumerate(statistics(policy)):
        there = measured(name)[~np.isnan(measured(name))]
        kinds = KINDS if k % 3 else KINDS[:1]
        numbers[statement(name, threshold)] = {kind: float(there[7 * (k + 1) % len(there)]) for kind in kinds}
    return Frozen(numbers=numbers)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("is_frozen", [True, False])
def test_all_at_once_is_what_each_says(shipped: Policy, seed: int, *, is_frozen: bool) -> None:
    known = made_known(shipped, seed)
    frozen = made_frozen(shipped, known) if is_frozen else NOTHING_FROZEN
    told = held(ranges_of(shipped, frozen), measured_of(shipped, known, frozen))
    alone = measured_of(shipped, known, frozen)
    conditions = [tier.when for scheme in shipped.tiers for tier in scheme.tiers]
    conditions += [tag.when for tag in shipped.tags]
    assert len(told) == len(conditions) > 20
    for row, when in zip(told, conditions, strict=True):
        np.testing.assert_array_equal(row, holds(when, alone))
    for value in (0.0, 1.0, np.nan):
        assert (np.isnan(told) if np.isnan(value) else told == value).any()


def test_segments_are_those_of_each_scheme_and_tag_by_itself(shipped: Policy) -> None:
    known = made_known(shipped, 9)
    frozen = made_frozen(shipped, known)
    found = segments(shipped, known, frozen, np.zeros(CUSTOMERS))
    measured = measured_of(shipped, known, frozen)
    for scheme in shipped.tiers:
        for ours, theirs in zip(found.tiers[scheme.name], tiers_of(scheme, measured), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    for tag in shipped.tags:
        for ours, theirs in zip(found.tags[tag.name], tag_of(tag, measured), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_policy_without_tiers_and_tags_has_no_conditions(
    policy_of: Callable[..., Policy], measuring: Callable[..., Measured]
) -> None:
    assert held(ranges_of(policy_of(), NOTHING_FROZEN), measuring(spend_364d=[1, 2, 3])).shape == (0, 3)


def test_what_follows_from_a_policy_is_worked_out_once_for_it(policy_of: Callable[..., Policy]) -> None:
    asked = []

    @once
    def name_of(policy: Policy) -> str:
        asked.append(policy)
        return policy.name

    policies = [policy_of(name=f"policy-{k}") for k in range(40)]
    for _ in range(2):
        for policy in policies:
            assert name_of(policy) == name_of(policy) == policy.name
    assert 40 <= len(asked) <= 80
