"""Freezing: the numbers that a policy states as statistics of the base, taken once and kept until the next
release, so that nobody changes tier because others bought more."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from decisions.formula import parse
from decisions.frozen import KINDS, NOTHING_FROZEN, Frozen, number_of, rank_values, statement
from decisions.known import Known, Measured
from decisions.measure import LeadingShare, Quantile, Statistic, in_order
from decisions.policy import Policy
from decisions.segment import value_and_behaviour
from decisions.strategy import cells_of, fallback_cells
from tables.refusal import Refused
from tables.sealed import canonical_json

# What the frozen numbers answer; another budget or name asks for no other numbers.
STATED = {
    "unknown_kind",
    "margin_rate",
    "freezing",
    "measures",
    "tiers",
    "tags",
    "behaviour",
    "life_cycle",
    "matrix",
}


def stated(policy: Policy) -> str:
    """A hash of everything that frozen numbers depend on, as the policy states it."""
    text = canonical_json(policy.model_dump(include=STATED))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def frozen_for(policy: Policy, last: Frozen) -> Frozen | None:
    """The numbers frozen last, where they answer this policy; None where it must be frozen anew."""
    return last if last.stated == stated(policy) else None


def freeze(policy: Policy, known: Known, stage: Any, moment: int) -> Frozen:
    """Take every statistic that the policy states, of each kind of customer that has enough.

    known: the columns `inputs(policy)` of the whole base as of `moment` (microseconds); stage: the place of
    everybody's life-cycle state, shape (customers,), -1 where none. Raises Refused for an empty base.
    """
    if not known.customers:
        raise Refused("nobody is in the base: there is nothing to freeze the policy's thresholds from")
    frozen = Frozen(stated=stated(policy), moment=moment, customers=known.customers)
    measured = measured_of(policy, known, frozen)
    counted = parse(policy.freezing.among)(measured, known.customers) == 1
    rows = {name: np.flatnonzero(counted & (measured.kind == place)) for place, name in enumerate(KINDS)}
    rows = {name: each for name, each in rows.items() if len(each) >= policy.freezing.least}
    for measure, threshold in statistics(policy):
        # In the order of measures, so that what a statistic is taken of has its own thresholds by now.
        values = measured(measure)
        numbers = {name: number_of(values[each], threshold) for name, each in rows.items()}
        known_numbers = {name: number for name, number in numbers.items() if not np.isnan(number)}
        frozen = _with(frozen, numbers=frozen.numbers | {statement(measure, threshold): known_numbers})
        measured = measured_of(policy, known, frozen, measured)
    for measure in policy.behaviour.measures if policy.behaviour else ():
        values = measured(measure)
        ranks = {name: rank_values(values[each]) for name, each in rows.items()}
        frozen = _with(frozen, ranks=frozen.ranks | {measure: ranks})
    if not policy.classes():
        return frozen
    value, behaviour = value_and_behaviour(policy, measured_of(policy, known, frozen))
    shape = tuple(len(part) for part in policy.classes())
    cell = cells_of((value.place, behaviour.labels.place, stage), shape)
    counts = np.bincount(cell[cell >= 0], minlength=int(np.prod(shape)))
    minimum = policy.matrix.minimum_customers if policy.matrix else 1
    return _with(frozen, cells=fallback_cells(counts, shape, minimum))


def measured_of(
    policy: Policy, known: Known, frozen: Frozen = NOTHING_FROZEN, before: Measured | None = None
) -> Measured:
    """The policy's measures of these customers. before: measures found already, from what was frozen then."""
    kept = {} if before is None else before.found
    return Measured(known, policy.measures, policy.numbers, frozen, policy.unknown_kind, kept)


def statistics(policy: Policy) -> Iterator[tuple[str, Statistic]]:
    """Every statistic that the policy states, with its measure, once, those first that others depend on."""
    uses: dict[str, list[Any]] = {name: [] for name in in_order(policy.measures)}
    for measure in policy.measures.values():
        if measure.bands_of in uses:
            uses[measure.bands_of] += measure.edges
    parts: list[Any] = [tier for scheme in policy.tiers for tier in scheme.tiers]
    for part in [*parts, *policy.tags]:
        for name, limits in part.when.items():
            uses[name] += limits.thresholds
    for name, thresholds in uses.items():
        for each in dict.fromkeys(thresholds):
            if isinstance(each, Quantile | LeadingShare):
                yield name, each


def inputs(policy: Policy) -> tuple[str, ...]:
    """The facts, scores and entries by hand that the policy reads in the end."""
    measured = measured_of(policy, Known(0, {}))
    names = [*policy.measures, *parse(policy.freezing.among).names, "is_b2b"]
    return tuple(dict.fromkeys(source for name in names for source in measured.sources(name)))


def _with(frozen: Frozen, **changes: Any) -> Frozen:
    return frozen.model_copy(update=changes)
