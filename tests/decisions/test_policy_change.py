"""What another policy would change, counted on a small base."""

from collections.abc import Callable

import numpy as np
import pytest

from decisions.frozen import NOTHING_FROZEN
from decisions.known import Known
from decisions.policy import Policy
from decisions.policy_change import BenefitCost, Change, benefit_cost, changes
from decisions.segment import measured_of, segments

Knowing = Callable[..., Known]
NAN = float("nan")
SPEND = np.array([50_000, 100_000, 450_000, 500_000, NAN])


@pytest.fixture
def known(knowing: Knowing) -> Known:
    return knowing(spend_364d=SPEND, returned_amount_364d=0, is_b2b=0, orders_364d=[1, 2, 4, 5, NAN])


@pytest.fixture(scope="module")
def plain(shipped: Policy) -> Policy:
    """Only the tiers by spend and the tag that the test speaks of."""
    tags = tuple(tag for tag in shipped.tags if tag.name == "frequent")
    keep = {"tiers": shipped.tiers[:1], "tags": tags, "behaviour": None, "matrix": None, "strategies": ()}
    benefits = tuple(each for each in shipped.benefits if each.scheme == "b2c_spend")
    return shipped.model_copy(update={**keep, "life_cycle": None, "benefits": benefits})


def moved(policy: Policy, edge: int) -> Policy:
    """Core from another amount on."""
    (scheme,) = policy.model_dump()["tiers"]
    scheme["tiers"][0]["when"]["annual_spend"]["at_least"] = edge
    scheme["tiers"][1]["when"]["annual_spend"]["below"] = edge
    return policy.model_copy(update={"tiers": (type(policy.tiers[0]).model_validate(scheme),)})


def found(policies: tuple[Policy, Policy], known: Known) -> dict[str, Change]:
    stage = np.full(known.customers, -1, np.int8)
    both = [segments(policy, known, NOTHING_FROZEN, stage) for policy in policies]
    return {each.name: each for each in changes(policies, (both[0], both[1]))}


def test_who_moves_between_tiers_is_counted(plain: Policy, known: Known) -> None:
    change = found((plain, moved(plain, 400_000)), known)
    assert change["tier b2c_spend"] == ("tier b2c_spend", 1, (("important", "core", 1),))
    assert change["tag frequent"].changed == 0


def test_the_same_policy_changes_nothing(plain: Policy, known: Known) -> None:
    assert all(each.changed == 0 for each in found((plain, plain), known).values())


def test_a_scheme_that_only_one_policy_states_changes_everybody(plain: Policy, known: Known) -> None:
    change = found((plain, plain.model_copy(update={"tags": ()})), known)["tag frequent"]
    assert change.changed == 5
    assert change.moves == (("no", "not stated", 3), ("not known", "not stated", 1), ("yes", "not stated", 1))


def cost(policy: Policy, known: Known) -> BenefitCost:
    stage = np.full(known.customers, -1, np.int8)
    measured = measured_of(policy, known)
    return benefit_cost(policy, measured, segments(policy, known, NOTHING_FROZEN, stage), known("spend_364d"))


def test_benefits_cost_what_their_tiers_are_entitled_to(plain: Policy, known: Known) -> None:
    """One basic (10 yuan and 2 % of 500), two important (5 %, 30 and 48 yuan), one core (60 and 60 yuan)."""
    expected = 1_000 + 0.02 * 50_000 + 0.05 * 550_000 + 2 * (3_000 + 4_800) + 6_000 + 6_000
    assert cost(plain, known).a_year == pytest.approx(expected)


def test_what_is_not_known_is_counted_and_not_guessed(plain: Policy, known: Known) -> None:
    entitlements_of_one = len(plain.benefits)
    assert cost(plain, known).unknown == entitlements_of_one


def test_more_customers_in_the_best_tier_change_the_cost(plain: Policy, known: Known) -> None:
    before, after = cost(plain, known), cost(moved(plain, 400_000), known)
    assert after.a_year - before.a_year == pytest.approx(12_000 - (0.05 * 450_000 + 3_000 + 4_800))
