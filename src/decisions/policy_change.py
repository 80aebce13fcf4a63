"""What another policy would change: who moves from which tier, class or plan to which, and what it costs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.known import Floats, Measured
from decisions.label import NOT_KNOWN, OTHER_KIND
from decisions.policy import Policy
from decisions.segment import Segments, benefits_of

Names = npt.NDArray[np.object_]
NONE = "not known"
OTHERS = "another kind's"
NO_SCHEME = "not stated"


class Change(NamedTuple):
    """Of one scheme, axis or tag: how many customers it would change for, and how many go from where to
    where, the commonest first."""

    name: str
    changed: int
    moves: tuple[tuple[str, str, int], ...]


class BenefitCost(NamedTuple):
    """What benefits cost a year, minor units, and of how many entitlements that is not known (a tier or a
    spend is missing)."""

    a_year: float
    unknown: int


def changes(policies: tuple[Policy, Policy], found: tuple[Segments, Segments]) -> tuple[Change, ...]:
    """Everything that would change, over the same customers; schemes of either policy, by name."""
    columns = [_columns(policy, each) for policy, each in zip(policies, found, strict=True)]
    names = dict.fromkeys([*columns[0], *columns[1]])
    count = len(found[0].cell)
    nowhere: Names = np.full(count, NO_SCHEME, dtype=object)
    return tuple(change(n, columns[0].get(n, nowhere), columns[1].get(n, nowhere)) for n in names)


def change(name: str, before: Names, after: Names) -> Change:
    """Of two labels a customer, shape (customers,)."""
    moved = before != after
    pairs, counts = np.unique(
        np.stack([before[moved].astype(str), after[moved].astype(str)]), axis=1, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    moves = tuple((str(pairs[0, k]), str(pairs[1, k]), int(counts[k])) for k in order)
    return Change(name, int(moved.sum()), moves)


def benefit_cost(policy: Policy, measured: Measured, found: Segments, spend: Floats) -> BenefitCost:
    """What the policy's benefits cost a year, if everybody uses what they are entitled to.

    spend: the year's, minor units, shape (customers,). Only benefits of the schemes that drive them count.
    """
    total, unknown = 0.0, 0
    entitled = benefits_of(policy, measured, found.tiers)
    for benefit in policy.benefits:
        if not policy.scheme(benefit.scheme).drives_benefits:
            continue
        has, cost = entitled[benefit.name], benefit.cost
        each = (
            spend * cost.share_of_spend
            if cost.share_of_spend is not None
            else np.full(len(spend), (cost.amount or 0) * cost.times_a_year)
        )
        paid = np.where(has == 0, 0.0, has * each)
        total += float(np.nansum(paid))
        unknown += int(np.isnan(paid).sum())
    return BenefitCost(total, unknown)


def _columns(policy: Policy, found: Segments) -> dict[str, Names]:
    columns = {
        f"tier {scheme.name}": _named([tier.name for tier in scheme.tiers], found.tiers[scheme.name].place)
        for scheme in policy.tiers
    }
    columns |= {f"tag {tag.name}": _named(["no", "yes"], found.tags[tag.name].place) for tag in policy.tags}
    if policy.behaviour and found.behaviour:
        types = [each.name for each in policy.behaviour.types]
        columns["axis behaviour"] = _named(types, found.behaviour.labels.place)
    if policy.life_cycle:
        columns["axis stage"] = _named([state.name for state in policy.life_cycle.states], found.stage)
    if plans := policy.plans():
        columns["plan"] = _named([" + ".join(plan.strategies) for plan in plans], found.plan)
    return columns


def _named(names: Sequence[str], place: npt.NDArray[np.integer]) -> Names:
    """Words for places; the last two are for negative ones."""
    assert (NOT_KNOWN, OTHER_KIND) == (-1, -2)
    return np.array([*names, OTHERS, NONE], dtype=object)[np.asarray(place, np.int64)]
