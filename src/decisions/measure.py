"""Measures: the numbers by which customers are told apart, and the thresholds they are held against."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from decisions.formula import parse
from decisions.setting import Part

UNITS = ("money", "orders", "days", "share", "ratio", "score", "level", "flag", "times")


class Quantile(Part):
    """The smallest value that at least this share of the customers does not exceed (an observed value)."""

    quantile: float = Field(gt=0, lt=1)

    @property
    def word(self) -> str:
        return f"quantile {self.quantile:g}"


class LeadingShare(Part):
    """The smallest value among the largest customers who together make up this share of the sum (Pareto)."""

    leading_share: float = Field(gt=0, lt=1)

    @property
    def word(self) -> str:
        return f"leading share {self.leading_share:g}"


Statistic = Quantile | LeadingShare
Threshold = Annotated[FiniteFloat | Statistic, Field(union_mode="left_to_right")]


class Range(Part):
    """From `at_least` (or above `above`) up to, and without, `below`; what is left out does not bound."""

    at_least: Threshold | None = None
    above: Threshold | None = None
    below: Threshold | None = None

    @model_validator(mode="after")
    def it_bounds_and_holds_something(self) -> "Range":
        if self.at_least is None and self.above is None and self.below is None:
            raise ValueError("a range says at_least, above or below")
        if self.at_least is not None and self.above is not None:
            raise ValueError("a range begins once: at_least (and what equals it) or above (what exceeds it)")
        low, high = self.low, self.below
        empty = (
            (low >= high)
            if isinstance(low, float | int) and isinstance(high, float | int)
            else isinstance(low, Quantile) and isinstance(high, Quantile) and low.quantile >= high.quantile
        )
        if empty:
            raise ValueError("a range that nothing lies in: it begins where it ends, or later")
        return self

    @property
    def low(self) -> "float | Statistic | None":
        return self.at_least if self.at_least is not None else self.above

    @property
    def thresholds(self) -> "tuple[float | Statistic, ...]":
        return tuple(each for each in (self.low, self.below) if each is not None)


# All ranges must hold; the names are those of measures.
When = Annotated[dict[str, Range], Field(min_length=1)]


class Measure(Part):
    """A number a customer: a formula over facts and earlier measures, or the band that another one lies in.

    bands_of, edges: the number of edges that the other measure reaches, so 0 below the first.
    """

    chinese: str = Field(min_length=1)
    unit: Literal[UNITS]  # type: ignore[valid-type]
    meaning: str = ""
    formula: str = ""
    bands_of: str = ""
    edges: tuple[Threshold, ...] = ()

    @model_validator(mode="after")
    def it_says_how_it_is_found(self) -> "Measure":
        if bool(self.formula) == bool(self.bands_of):
            raise ValueError("a measure has a formula, or bands_of and edges")
        if bool(self.bands_of) != bool(self.edges):
            raise ValueError("bands_of and edges go together")
        plain = [each for each in self.edges if isinstance(each, int | float)]
        steps = [each.quantile for each in self.edges if isinstance(each, Quantile)]
        if plain != sorted(set(plain)) or steps != sorted(set(steps)):
            raise ValueError("edges must rise")
        if self.formula:
            parse(self.formula)
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """What it is read from."""
        return parse(self.formula).names if self.formula else (self.bands_of,)


def in_order(measures: Mapping[str, Measure]) -> tuple[str, ...]:
    """The measures, each after those it is read from, by name otherwise: the order of a file does not
    survive publishing. Those that are read from each other in a circle are left out."""
    found: list[str] = []
    left = sorted(measures)
    while ready := [name for name in left if not set(measures[name].names) & set(left)]:
        found += ready
        left = [name for name in left if name not in ready]
    return tuple(found)


def needed_by(measures: Mapping[str, Measure], name: str) -> dict[str, Measure]:
    """The measures that one is read from in the end, and itself; none of what is no measure."""
    needed: dict[str, Measure] = {}
    left = [name]
    while left:
        each = left.pop()
        if each in measures and each not in needed:
            needed[each] = measures[each]
            left += measures[each].names
    return needed
