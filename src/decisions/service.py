"""How fast a customer is served and how often spoken to, by the tiers they are in."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from decisions.benefit import TierNames
from decisions.policy import Policy
from decisions.tier import Labels

Flags = npt.NDArray[np.bool_]
NO_LEVEL = -1


def in_tiers(policy: Policy, named: TierNames, tiers: Mapping[str, Labels], customers: int) -> Flags:
    """Whether each customer is in one of these tiers of any of these schemes; shape (customers,)."""
    found = np.zeros(customers, dtype=bool)
    for name, wanted in named.items():
        place = tiers[name].place
        inside = np.array([tier.name in wanted for tier in policy.scheme(name).tiers])
        found |= (place >= 0) & inside[np.maximum(place, 0)]
    return found


def service_levels_of(policy: Policy, tiers: Mapping[str, Labels], customers: int) -> npt.NDArray[np.int8]:
    """The place of each customer's service level in the policy: the strictest that one of their tiers is
    promised, else the default; NO_LEVEL where the policy has none. Shape (customers,)."""
    levels = policy.service_levels
    default = next((k for k, level in enumerate(levels) if level.default), NO_LEVEL)
    found = np.full(customers, default, np.int8)
    loosest_first = sorted(
        range(len(levels)), key=lambda k: (-levels[k].solve_hours, -levels[k].answer_hours)
    )
    for k in loosest_first:
        found[in_tiers(policy, levels[k].tiers, tiers, customers)] = k
    return found


def cadences_of(policy: Policy, tiers: Mapping[str, Labels], customers: int) -> Flags:
    """Which of the policy's cadences hold for whom; shape (customers, cadences)."""
    each = [in_tiers(policy, cadence.tiers, tiers, customers) for cadence in policy.cadences]
    return np.stack(each, axis=1) if each else np.zeros((customers, 0), dtype=bool)
