"""Every condition of a policy's tiers and tags, for all customers at once: one compiled loop over a table of
ranges instead of a few hundred passes over columns, which is what one customer's answer waited for.

Numba keeps the compiled loop as long as this file stays as it is, so all that the loop names stands here.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.frozen import KINDS, Frozen
from decisions.known import Floats, Measured, Written, limits_of
from decisions.measure import Range, Statistic
from decisions.policy import Policy
from tables.compiled import compiled
from tables.once import once

Int64s = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Limits(NamedTuple):
    """The ranges of all conditions, those of one side by side; shape (ranges,) but for low and high, which
    are by kind (the last one: no kind), shape (ranges, kinds + 1). begins: where each condition begins, and
    the last one's end."""

    low: Floats
    high: Floats
    has_high: Flags
    includes_low: Flags
    begins: Int64s


class Ranges(NamedTuple):
    """limits, and the measure of each; of_scheme: where each scheme's tiers begin among the conditions, and
    where the last one's end: the tags follow."""

    measures: tuple[str, ...]
    limits: Limits
    of_scheme: tuple[int, ...]


@once
def ranges_of(policy: Policy, frozen: Frozen) -> Ranges:
    tiers = [tier.when for scheme in policy.tiers for tier in scheme.tiers]
    conditions = [*tiers, *(tag.when for tag in policy.tags)]
    stated = [(name, each) for when in conditions for name, each in when.items()]
    limits = Limits(
        low=_limits([(name, each.low) for name, each in stated], frozen, -np.inf),
        high=_limits([(name, each.below) for name, each in stated], frozen, np.inf),
        has_high=np.array([each.below is not None for _, each in stated], dtype=bool),
        includes_low=np.array([_includes_low(each) for _, each in stated], dtype=bool),
        begins=np.cumsum([0, *(len(when) for when in conditions)]).astype(np.int64),
    )
    of_scheme = tuple(np.cumsum([0, *(len(scheme.tiers) for scheme in policy.tiers)]).tolist())
    return Ranges(tuple(name for name, _ in stated), limits, of_scheme)


def held(ranges: Ranges, measured: Measured) -> Floats:
    """1 where all ranges of a condition hold, 0 where one does not, nan where that is not known; shape
    (conditions, customers). As decisions.tier.holds says it of one."""
    truths = np.empty((len(ranges.limits.begins) - 1, measured.known.customers))
    rows = _rows(ranges, measured.written)
    hold(measured.table, rows, measured.kind, ranges.limits, truths)
    return truths


@once
def _rows(ranges: Ranges, by: Written) -> Int64s:
    return np.array([by.place[name] for name in ranges.measures], np.int64)


@compiled
def hold(table: Any, rows: Any, kind: Any, ranges: Any, truths: Any) -> None:
    """Fill truths, shape (conditions, customers); table: measures, shape (names, customers), of which each
    range looks at its own of `rows`."""
    for condition in range(len(truths)):
        for row in range(truths.shape[1]):
            fails, is_unknown = False, False
            for k in range(ranges.begins[condition], ranges.begins[condition + 1]):
                value, low, high = table[rows[k], row], ranges.low[k, kind[row]], ranges.high[k, kind[row]]
                if ranges.has_high[k] and value >= high:
                    fails = True  # past one end it does not lie inside, whatever the other end is
                elif np.isnan(value) or np.isnan(low):
                    is_unknown = True
                elif not (value >= low if ranges.includes_low[k] else value > low):
                    fails = True
                elif np.isnan(high):
                    is_unknown = True
            truths[condition, row] = 0.0 if fails else (np.nan if is_unknown else 1.0)


def _limits(stated: list[tuple[str, float | Statistic | None]], frozen: Frozen, open_: float) -> Floats:
    rows = [limits_of(frozen, name, open_ if threshold is None else threshold) for name, threshold in stated]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(KINDS) + 1)


def _includes_low(limits: Range) -> bool:
    return limits.at_least is not None or limits.low is None
