"""Freezing: the numbers that a policy states as statistics of the base, taken once and kept until the next
release, so that nobody changes tier because others bought more."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from decisions.formula import parse
from decisions.frozen import KINDS, NOBODY, Floats, Frozen, number_of, rank_values, statement
from decisions.known import IS_COMPANY, Known, Measured, written
from decisions.label import Places
from decisions.measure import LeadingShare, Quantile, Statistic, in_order, needed_by
from decisions.policy import Policy
from decisions.segment import measured_of, value_and_behaviour
from decisions.strategy import cells_of, fallback_cells
from tables.once import once
from tables.refusal import Refused
from tables.sealed import canonical_json

# What is known of some customers, and the places of their life-cycle states.
Part = tuple[Known, Places]
# A measure of everybody, those of one kind, and these sorted twice over; who counts.
CUSTOMER_BYTES = 8 + 8 + 16 + 4
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


def frozen_for(policy: Policy, last: Frozen, source: str) -> Frozen | None:
    """The numbers frozen last, where they answer this policy on a base of this source; None where it must be
    frozen anew."""
    return last if last.stated == stated(policy) and last.source == source else None


def freeze(policy: Policy, known: Known, stage: Places, moment: int, source: str = "") -> Frozen:
    """Take every statistic that the policy states, of each kind of customer that has enough.

    known: the columns `inputs(policy)` of the whole base as of `moment` (microseconds); stage: the place of
    everybody's life-cycle state, shape (customers,), -1 where none; source: of the base. Raises Refused for
    an empty base.
    """
    return freeze_parts(policy, [(known, stage)], moment, source)


def freeze_parts(policy: Policy, parts: Sequence[Part], moment: int, source: str = "") -> Frozen:
    """The same of a base in parts, each as in `freeze`. Takes CUSTOMER_BYTES a customer of the base, and what
    the measures of one part take."""
    customers = sum(known.customers for known, _ in parts)
    if not customers:
        raise Refused("nobody is in the base: there is nothing to freeze the policy's thresholds from")
    frozen = Frozen(stated=stated(policy), source=source, moment=moment, customers=customers)
    rows = _rows(policy, parts, frozen)
    # In the order of measures, so that what a statistic is taken of has its own thresholds by now.
    for measure, group in groupby(statistics(policy), key=itemgetter(0)):
        values = _values(policy, parts, frozen, measure)
        for _, threshold in group:
            numbers = {name: number_of(values[each], threshold) for name, each in rows.items()}
            known_numbers = {name: number for name, number in numbers.items() if not np.isnan(number)}
            frozen = _with(frozen, numbers=frozen.numbers | {statement(measure, threshold): known_numbers})
    for measure in policy.behaviour.measures if policy.behaviour else ():
        values = _values(policy, parts, frozen, measure)
        ranks = {name: rank_values(values[each]) for name, each in rows.items()}
        frozen = _with(frozen, ranks=frozen.ranks | {measure: ranks})
    if not policy.classes():
        return frozen
    shape = tuple(len(part) for part in policy.classes())
    counts = np.zeros(int(np.prod(shape)), np.int64)
    for known, stage in parts:
        value, behaviour = value_and_behaviour(policy, measured_of(policy, known, frozen))
        cell = cells_of((value.place, behaviour.labels.place, stage), shape)
        counts += np.bincount(cell[cell >= 0], minlength=len(counts))
    minimum = policy.matrix.minimum_customers if policy.matrix else 1
    return _with(frozen, cells=fallback_cells(counts, shape, minimum))


def _rows(policy: Policy, parts: Sequence[Part], frozen: Frozen) -> dict[str, npt.NDArray[np.bool_]]:
    """Of each kind with enough customers, who counts; shape (customers,)."""
    kinds: list[Places] = []
    for known, _ in parts:
        measured = measured_of(policy, known, frozen)
        counted = parse(policy.freezing.among)(measured, known.customers) == 1
        kinds.append(np.where(counted, measured.kind, NOBODY).astype(np.int8))
    kind = np.concatenate(kinds)
    rows = {name: kind == place for place, name in enumerate(KINDS)}
    return {name: each for name, each in rows.items() if each.sum() >= policy.freezing.least}


def _values(policy: Policy, parts: Sequence[Part], frozen: Frozen, measure: str) -> Floats:
    """One measure of everybody: of a large base, all that the others are is not worked out each time."""
    by = written(needed_by(policy.measures, measure), policy.numbers, frozen, also=(measure,))
    return np.concatenate([Measured(known, by, frozen, policy.unknown_kind)(measure) for known, _ in parts])


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


@once
def inputs(policy: Policy) -> tuple[str, ...]:
    """The facts, scores and entries by hand that the policy reads in the end."""
    sources = measured_of(policy, Known(0, {})).written.sources
    names = [*policy.measures, *parse(policy.freezing.among).names, IS_COMPANY]
    return tuple(dict.fromkeys(source for name in names for source in sources.get(name, (name,))))


def _with(frozen: Frozen, **changes: Any) -> Frozen:
    return frozen.model_copy(update=changes)
