"""What is known of customers at a moment, column by column, and the measures of the policy read from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from decisions.formula import parse
from decisions.frozen import KINDS, NOBODY, UNKNOWN_KIND, Frozen, frozen_number, statement
from decisions.measure import Measure, Statistic
from features.reader import FactTable, names_of

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
    columns |= {name: facts.column(name) for name in wanted if name in facts.names}
    return Known(len(facts.places), columns)


def together(parts: Iterable[Known]) -> Known:
    """The same columns of several groups of customers, in their order."""
    parts = list(parts)
    names = dict.fromkeys(name for part in parts for name in part.columns)
    columns = {name: np.concatenate([part(name) for part in parts]) for name in names}
    return Known(sum(part.customers for part in parts), columns)


@dataclass
class Measured:
    """The measures of some customers, each computed once when it is first asked for.

    numbers: the policy's own numbers that formulas may read; frozen: thresholds that are statistics of the
    base; unknown_kind: what a customer is taken for where the base does not say. found and truths: what was
    computed so far, of measures and of ranges (decisions.tier).
    """

    known: Known
    measures: Mapping[str, Measure]
    numbers: Mapping[str, float]
    frozen: Frozen
    unknown_kind: str = UNKNOWN_KIND
    found: dict[str, Floats] = field(default_factory=dict)
    truths: dict[Any, Floats] = field(default_factory=dict)

    def __call__(self, name: str) -> Floats:
        """A measure, or a fact by its name; shape (customers,)."""
        if name not in self.found:
            self.found[name] = self._read(name)
        return self.found[name]

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
        by_kind = [frozen_number(self.frozen, statement(measure, threshold), kind) for kind in KINDS]
        return np.array([*by_kind, np.nan])[self.kind]

    def sources(self, name: str) -> tuple[str, ...]:
        """The facts, scores and entries that a measure is read from in the end."""
        if name not in self.measures:
            return () if name in self.numbers else (name,)
        found = (source for each in self.measures[name].names for source in self.sources(each))
        return tuple(dict.fromkeys(found))

    def _read(self, name: str) -> Floats:
        if name in self.numbers:
            return np.full(self.known.customers, self.numbers[name])
        if name not in self.measures:
            return self.known(name)
        measure = self.measures[name]
        if measure.formula:
            return parse(measure.formula)(self, self.known.customers)
        value, band = self(measure.bands_of), np.zeros(self.known.customers)
        for edge in measure.edges:
            limit = self.threshold(measure.bands_of, edge)
            band += np.where(np.isnan(value) | np.isnan(limit), np.nan, value >= limit)
        return band
