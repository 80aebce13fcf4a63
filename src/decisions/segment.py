"""Segments: everything the policy says of who a customer is, at one moment, for many customers at once."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.behaviour import Membership, memberships
from decisions.benefit import REBATE, Benefit
from decisions.frozen import NOTHING_FROZEN, Frozen
from decisions.held import held, ranges_of
from decisions.known import Floats, Known, Measured, Written, written
from decisions.label import NOT_KNOWN, Places
from decisions.policy import Policy
from decisions.strategy import NO_CELL, Int64s, cells_of
from decisions.tier import Labels, holds, next_tier, tag_of, tiers_of
from tables.once import once


class Gap(NamedTuple):
    """place: of what comes next (a tier of its scheme, a benefit of the policy), NOT_KNOWN where nothing
    does; lacking: how much the measure must rise to reach it, nan without; shape (customers,)."""

    place: Places
    lacking: Floats


class Segments(NamedTuple):
    """By names of schemes and tags: labels, and for schemes of one measure the gap to the next tier. rebate:
    the gap to the next rebate. cell: of the matrix, NO_CELL where an axis is not known; plan: the cell whose
    plan is used (Policy.plans), the same but for small cells. Shape (customers,) throughout."""

    tiers: dict[str, Labels]
    next_tiers: dict[str, Gap]
    tags: dict[str, Labels]
    rebate: Gap
    behaviour: Membership | None
    stage: npt.NDArray[np.int8]
    cell: Int64s
    plan: Int64s


def segments(policy: Policy, known: Known, frozen: Frozen, stage: npt.ArrayLike) -> Segments:
    """What the policy makes of these customers, held against its frozen numbers.

    known: columns of decisions.freezing.inputs; stage: places of life-cycle states as decisions.life_cycle
    gives them, shape (customers,).
    """
    measured = measured_of(policy, known, frozen)
    ranges = ranges_of(policy, frozen)
    truths = held(ranges, measured)
    parts = zip(policy.tiers, pairwise(ranges.of_scheme), strict=True)
    tiers = {scheme.name: tiers_of(scheme, measured, truths[a:b]) for scheme, (a, b) in parts}
    of_tags = zip(policy.tags, truths[ranges.of_scheme[-1] :], strict=True)
    gaps = {
        scheme.name: Gap(*next_tier(scheme, measured, tiers[scheme.name].place))
        for scheme in policy.tiers
        if scheme.measure is not None
    }
    stage = np.asarray(stage, np.int8)
    behaviour = memberships(policy.behaviour, measured) if policy.behaviour else None
    cell = np.full(known.customers, NO_CELL, np.int64)
    if policy.matrix and behaviour:
        shape = tuple(len(part) for part in policy.classes())
        cell = cells_of((tiers[policy.matrix.value].place, behaviour.labels.place, stage), shape)
    return Segments(
        tiers=tiers,
        next_tiers=gaps,
        tags={tag.name: tag_of(tag, measured, truth) for tag, truth in of_tags},
        rebate=next_rebate(policy, measured, tiers),
        behaviour=behaviour,
        stage=stage,
        cell=cell,
        plan=plan_cells(cell, frozen),
    )


def measured_of(policy: Policy, known: Known, frozen: Frozen = NOTHING_FROZEN) -> Measured:
    """The policy's measures of these customers."""
    return Measured(known, _written(policy, frozen), frozen, policy.unknown_kind)


@once
def _written(policy: Policy, frozen: Frozen) -> Written:
    also = policy.behaviour.measures if policy.behaviour else ()
    return written(policy.measures, policy.numbers, frozen, also)


def value_and_behaviour(policy: Policy, measured: Measured) -> tuple[Labels, Membership]:
    """The two axes that are not the life cycle, of a policy with a matrix."""
    assert policy.matrix is not None
    assert policy.behaviour is not None
    value = tiers_of(policy.scheme(policy.matrix.value), measured)
    return value, memberships(policy.behaviour, measured)


def plan_cells(cell: Int64s, frozen: Frozen) -> Int64s:
    """The cell whose plan each customer's cell takes."""
    taken = np.array(frozen.cells, np.int64)
    return np.where(cell == NO_CELL, NO_CELL, taken[cell]) if len(taken) else cell


def next_rebate(policy: Policy, measured: Measured, tiers: dict[str, Labels]) -> Gap:
    """The nearest rebate a customer's measure does not reach yet, whatever tier it belongs to: who reaches
    the amount reaches the tier. Of nobody whose scheme is another kind's."""
    place = np.full(measured.known.customers, NOT_KNOWN, np.int8)
    lacking = np.full(measured.known.customers, np.nan)
    for k, benefit in enumerate(policy.benefits):
        if benefit.group != REBATE or benefit.when is None or len(benefit.when) != 1:
            continue
        ((name, limits),) = benefit.when.items()
        if limits.low is None:
            continue
        short = measured.threshold(name, limits.low) - measured(name)
        if limits.above is not None and policy.measures[name].unit == "money":
            short = short + 1  # one minor unit more than what must be exceeded
        with np.errstate(invalid="ignore"):
            nearer = (short > 0) & ~(lacking <= short) & (tiers[benefit.scheme].place >= 0)
        place[nearer], lacking[nearer] = k, short[nearer]
    return Gap(place, lacking)


def benefits_of(policy: Policy, measured: Measured, tiers: dict[str, Labels]) -> dict[str, Floats]:
    """Who is entitled to each benefit of the policy: 1, 0, or nan where that is not known; (customers,)."""
    return {benefit.name: _entitled(policy, benefit, measured, tiers) for benefit in policy.benefits}


def _entitled(policy: Policy, benefit: Benefit, measured: Measured, tiers: dict[str, Labels]) -> Floats:
    scheme, place = policy.scheme(benefit.scheme), tiers[benefit.scheme].place
    wanted = np.array([tier.name in benefit.tiers for tier in scheme.tiers])
    member = np.where(place == NOT_KNOWN, np.nan, (place >= 0) & wanted[np.maximum(place, 0)])
    if benefit.when is None:
        return member
    truth = holds(benefit.when, measured)
    return np.where((member == 0) | (truth == 0), 0.0, member * truth)
