"""Every condition of a policy's tiers and tags, for all customers at once: a few passes over one table of
ranges instead of a few hundred over columns, which is what one customer's answer waits for."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.frozen import KINDS, Frozen
from decisions.known import Floats, Measured, limits_of
from decisions.measure import Range, Statistic
from decisions.once import once
from decisions.policy import Policy

Int64s = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Ranges(NamedTuple):
    """The ranges of all conditions, those of one side by side; shape (ranges,) but for low and high, which
    are by kind (the last one: no kind), shape (ranges, kinds + 1). starts: where each condition begins;
    of_scheme: where each scheme's tiers begin among the conditions, and where the last one's end: the tags
    follow."""

    measures: tuple[str, ...]
    which: Int64s
    low: Floats
    high: Floats
    has_high: Flags
    includes_low: Flags
    starts: Int64s
    of_scheme: tuple[int, ...]


@once
def ranges_of(policy: Policy, frozen: Frozen) -> Ranges:
    tiers = [tier.when for scheme in policy.tiers for tier in scheme.tiers]
    conditions = [*tiers, *(tag.when for tag in policy.tags)]
    stated = [(name, each) for when in conditions for name, each in when.items()]
    measures = tuple(dict.fromkeys(name for name, _ in stated))
    sizes = [len(when) for when in conditions]
    return Ranges(
        measures=measures,
        which=np.array([measures.index(name) for name, _ in stated], np.int64),
        low=_limits([(name, each.low) for name, each in stated], frozen, -np.inf),
        high=_limits([(name, each.below) for name, each in stated], frozen, np.inf),
        has_high=np.array([each.below is not None for _, each in stated], dtype=bool),
        includes_low=np.array([_includes_low(each) for _, each in stated], dtype=bool),
        starts=np.cumsum([0, *sizes])[: len(sizes)].astype(np.int64),
        of_scheme=tuple(np.cumsum([0, *(len(scheme.tiers) for scheme in policy.tiers)]).tolist()),
    )


def held(ranges: Ranges, measured: Measured) -> Floats:
    """1 where all ranges of a condition hold, 0 where one does not, nan where that is not known; shape
    (conditions, customers). The lines of decisions.tier.holds, so that both say the same."""
    if not len(ranges.starts):
        return np.empty((0, measured.known.customers))
    values = np.stack([measured(name) for name in ranges.measures])[ranges.which]
    low, high = ranges.low[:, measured.kind], ranges.high[:, measured.kind]
    inside = np.where(ranges.includes_low[:, None], values >= low, values > low)
    truth = np.where(np.isnan(values) | np.isnan(low), np.nan, inside)
    no_limit = np.isnan(high)
    outside = (values >= high) & ranges.has_high[:, None] & ~no_limit
    truth = np.where(outside, 0.0, np.where(no_limit & (truth != 0), np.nan, truth))
    fails = np.logical_or.reduceat(truth == 0, ranges.starts, axis=0)
    unknown = np.logical_or.reduceat(np.isnan(truth), ranges.starts, axis=0)
    return np.where(fails, 0.0, np.where(unknown, np.nan, 1.0))


def _limits(stated: list[tuple[str, float | Statistic | None]], frozen: Frozen, open_: float) -> Floats:
    rows = [limits_of(frozen, name, open_ if threshold is None else threshold) for name, threshold in stated]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(KINDS) + 1)


def _includes_low(limits: Range) -> bool:
    return limits.at_least is not None or limits.low is None
