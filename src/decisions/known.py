"""What is known of customers at a moment, column by column, and the measures of the policy read from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.formula import parse
from decisions.frozen import KINDS, NOBODY, UNKNOWN_KIND, Frozen, frozen_number, statement
from decisions.label import Blame
from decisions.measure import Measure, Statistic, in_order
from decisions.program import ADD, GREATER_EQUAL, Draft, Program, run
from features.reader import FactTable, column_of, names_of

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
IS_COMPANY = "is_b2b"
# What the models say; nan outside the base they speak of.
SCORES = {
    "churn_probability": "probability of no order within the models' horizon",
    "expected_value": "margin expected over the models' horizon, minor units",
}
# What people enter and no history tells; a base may bring it from the CRM.
BY_HAND = {
    "strategic_fit": "how well an account fits the core business, 1 to 10 (document [1])",
    "potential_by_hand": "potential score an account manager gave, 1 to 10 (document [3])",
}


def names_known() -> frozenset[str]:
    """Every name that a formula may read, besides measures and the policy's own numbers."""
    return frozenset({*names_of(), *SCORES, *BY_HAND})


@dataclass(frozen=True)
class Known:
    """Columns of some customers, nan where nothing is known; each of shape (customers,)."""

    customers: int
    columns: Mapping[str, Floats]

    def __call__(self, name: str) -> Floats:
        """What is not there at all is not known of anybody."""
        found = self.columns.get(name)
        return np.full(self.customers, np.nan) if found is None else found

    def take(self, rows: npt.NDArray[np.int64]) -> "Known":
        return Known(len(rows), {name: column[rows] for name, column in self.columns.items()})


def known_of(
    facts: FactTable,
    wanted: Iterable[str],
    *,
    churn: Floats | None = None,
    value: Floats | None = None,
    by_hand: Mapping[str, Floats] | None = None,
) -> Known:
    """The wanted columns of a table of facts (`Policy.inputs` names them), with scores and what is entered
    by hand, each of shape (rows,)."""
    given = {"churn_probability": churn, "expected_value": value, **(by_hand or {})}
    columns = {name: column for name, column in given.items() if column is not None}
    place = column_of(facts.names)
    columns |= {name: facts.values[:, place[name]] for name in wanted if name in place}
    return Known(len(facts.places), columns)


def together(parts: Iterable[Known]) -> Known:
    """The same columns of several groups of customers, in their order."""
    parts = list(parts)
    names = dict.fromkeys(name for part in parts for name in part.columns)
    columns = {name: np.concatenate([part(name) for part in parts]) for name in names}
    return Known(sum(part.customers for part in parts), columns)


class Written(NamedTuple):
    """A policy's measures as a program over columns; place: of each column, number and measure among its
    outputs; sources: the columns that each is read from in the end; blames: what of these is to blame for a
    class that is not known, by measures (decisions.tier)."""

    inputs: tuple[str, ...]
    program: Program
    place: dict[str, int]
    sources: dict[str, tuple[str, ...]]
    blames: dict[tuple[str, ...], tuple[tuple[str, ...], Blame]]


def written(
    measures: Mapping[str, Measure], numbers: Mapping[str, float], frozen: Frozen, also: Iterable[str] = ()
) -> Written:
    """numbers: the policy's own, which formulas may read; frozen: thresholds that are statistics of the base;
    also: further columns. What no measure and no number is called is a column."""
    order = in_order(measures)
    read = dict.fromkeys([*(name for each in order for name in measures[each].names), *also])
    inputs = tuple(name for name in read if name not in measures and name not in numbers)
    draft = Draft(inputs)
    sources: dict[str, tuple[str, ...]] = {name: (name,) for name in inputs}
    sources |= dict.fromkeys(numbers, ())
    for name, number in numbers.items():
        draft.named[name] = draft.number(number, draft.new())
    for name in order:
        measure, into = measures[name], draft.new()
        if measure.formula:
            parse(measure.formula).write(draft, into)
        else:
            _write_bands(draft, measure, frozen, into)
        draft.named[name] = into
        sources[name] = tuple(dict.fromkeys(each for part in measure.names for each in sources[part]))
    outputs = list(draft.named)
    program = draft.finish([draft.named[name] for name in outputs])
    return Written(inputs, program, {name: k for k, name in enumerate(outputs)}, sources, {})


def _write_bands(draft: Draft, measure: Measure, frozen: Frozen, into: int) -> None:
    value, limit, reached = draft.named[measure.bands_of], draft.free, draft.free + 1
    draft.number(0.0, into)
    for edge in measure.edges:
        draft.number(limits_of(frozen, measure.bands_of, edge), limit)
        draft.step(GREATER_EQUAL, reached, value, limit)
        draft.step(ADD, into, into, reached)


@dataclass
class Measured:
    """The measures of some customers. frozen: what the measures were written with; unknown_kind: what a
    customer is taken for where the base does not say; truths: of ranges, found so far (decisions.tier)."""

    known: Known
    written: Written
    frozen: Frozen
    unknown_kind: str = UNKNOWN_KIND
    truths: dict[Any, Floats] = field(default_factory=dict)

    def __call__(self, name: str) -> Floats:
        """A measure, one of the policy's numbers, or a fact by its name; shape (customers,)."""
        place = self.written.place.get(name)
        return self.known(name) if place is None else self.table[place]

    @cached_property
    def table(self) -> Floats:
        """All of `written.place`; shape (names, customers)."""
        columns = [self.known(name) for name in self.written.inputs]
        return run(self.written.program, columns, self.kind)

    @cached_property
    def unknown(self) -> Flags:
        """Where nothing is known, of all of `table`."""
        return np.isnan(self.table)

    @cached_property
    def kind(self) -> npt.NDArray[np.int8]:
        """The place of each customer's kind in KINDS; NOBODY where it is not known."""
        is_company = self.known(IS_COMPANY)
        other = NOBODY if self.unknown_kind == UNKNOWN_KIND else KINDS.index(self.unknown_kind)
        return np.where(np.isnan(is_company), other, is_company != 0).astype(np.int8)

    def threshold(self, measure: str, threshold: float | Statistic) -> Floats:
        """The number a threshold stands for, one for all or, of a statistic, one a customer by kind; nan
        where none is frozen."""
        if isinstance(threshold, int | float):
            return np.array(float(threshold))
        return np.array(limits_of(self.frozen, measure, threshold))[self.kind]


def limits_of(frozen: Frozen, measure: str, threshold: float | Statistic) -> list[float]:
    """The number that a threshold of a measure stands for, by kind, the last for who has none; nan where none
    is frozen."""
    if isinstance(threshold, int | float):
        return [float(threshold)] * (len(KINDS) + 1)
    return [*(frozen_number(frozen, statement(measure, threshold), kind) for kind in KINDS), float("nan")]
