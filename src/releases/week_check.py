"""Before a week is published it is read back and held against the base it speaks of."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from decisions.assess import IN_BASE, STATUSES
from decisions.limit import ROUNDING
from decisions.policy import Policy
from releases.policy import FrozenPolicy
from releases.row import BY_HORIZON, SCHEMA
from releases.week import WeekAbout, read_part
from tables.code import keys_of
from tables.refusal import Refused

QUANTILES = tuple(k / 20 for k in range(21))
ONLY_INSIDE = ("churn_probability", "risk_band", "risk_band_zh", "expected_value", "reasons", "reasons_zh")
SEGMENTS = ("value_class", "behaviour", "behaviour_share", "stage", "stage_since", "cell", "plan")
Flags = npt.NDArray[np.bool_]


def check_week(
    folder: Path,
    about: WeekAbout,
    frozen: FrozenPolicy,
    ids: Iterable[npt.NDArray[np.object_]],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Every customer once and in order, nulls only outside the base, numbers within their ranges, and the
    week's own figures those of its rows. Raises Refused naming the rule and the first customer.

    ids: the base's customers of each part.
    """
    _equal("customers in the parts", sum(part.rows for part in about.parts), about.customers)
    churn: list[Any] = []
    checked = 0
    expected, before = iter(ids), np.empty(0, np.uint64)
    for part in about.parts:
        rows = read_part(folder / part.file)
        wanted = next(expected, np.empty(0, object))
        _equal(f"rows of {part.file}", rows.num_rows, len(wanted))
        _equal(f"rows that {part.file} is said to have", part.rows, len(wanted))
        came = rows["customer_id"].to_numpy()
        _equal(f"first and last of {part.file}", (part.first, part.last), (came[0], came[-1]))
        _hold(came, "is not the customer that the base has in this place", came == wanted)
        keys = np.append(before, keys_of(pa.array(came)))
        _hold(came, "does not come after the customer before", _rising(keys)[len(before) :])
        before = keys[-1:]
        for rule, holds in _rules(rows, about, frozen):
            _hold(came, rule, holds)
        churn.append(rows["churn_probability"].drop_null().to_numpy())
        checked += part.rows
        if progress:
            progress(checked, about.customers)
    _equal("parts", len(about.parts) + sum(1 for _ in expected), len(about.parts))
    scored = np.concatenate(churn)
    _equal("customers in the base", len(scored), about.in_base)
    _equal("quantiles of the churn probability", quantiles_of(scored), about.churn_quantiles)
    for limit in about.limits:
        if limit.used > limit.bound + ROUNDING * max(abs(limit.bound), 1.0):
            raise _broken(f"it uses {limit.used:,.6g} of {limit.name}, whose bound is {limit.bound:,.6g}")


def quantiles_of(churn: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Of the churn probabilities of the base, at QUANTILES; frozen with the week."""
    return tuple(np.quantile(churn, QUANTILES).tolist())


def _rules(rows: pa.Table, about: WeekAbout, frozen: FrozenPolicy) -> Iterable[tuple[str, Flags]]:
    yield "names another moment", rows["moment"].cast(pa.int64()).to_numpy() == about.moment
    status = rows["status"]
    inside = _flags(pc.equal(status, IN_BASE))
    yield "has a status that is not known", _flags(pc.is_in(status, pa.array(STATUSES)))
    for name in ONLY_INSIDE:
        there = _flags(pc.is_valid(rows[name]))
        yield f"is in the base and has no {name}, or the other way round", there == inside
    churn, value = (rows[name].to_numpy() for name in ("churn_probability", "expected_value"))
    yield "has a churn_probability outside 0 to 1", ~inside | ((churn >= 0) & (churn <= 1))
    yield "has an expected_value that is no number", ~inside | np.isfinite(value)
    yield from _outlook_rules(rows, inside)
    yield from _segment_rules(rows, about.moment, frozen.policy)
    chosen = rows["chosen_offer"]
    given = _flags(pc.is_valid(chosen))
    offers = pa.array([offer.offer_id for offer in frozen.offers], pa.string())
    yield "is given an offer that the policy does not know", ~given | _flags(pc.is_in(chosen, offers))
    yield "is held out and given an offer", ~given | ~_flags(rows["held_out"])
    yield "is given an offer without a channel", given == _flags(pc.is_valid(rows["chosen_channel"]))
    held_back = _flags(pc.is_valid(rows["held_back_offer"]))
    yield "has an offer held back and is not held out", ~held_back | _flags(rows["held_out"])
    propensity = rows["propensity"].to_numpy()
    yield "has a propensity outside 0 to 1", np.isnan(propensity) | ((propensity > 0) & (propensity <= 1))
    for name in (name for name in SCHEMA.names if name.endswith("_net_value")):
        yield f"has an infinite {name}", ~np.isinf(rows[name].to_numpy())
    for name, one in (("bundle", about.bundle), ("policy", about.policy)):
        yield f"names another {name}", _flags(pc.equal(rows[name], one))


def _outlook_rules(rows: pa.Table, inside: Flags) -> Iterable[tuple[str, Flags]]:
    """A bundle may not tell a horizon, or no interval; but then of nobody."""
    for name in (*BY_HORIZON, "value_low", "value_high"):
        there = _flags(pc.is_valid(rows[name]))
        yield f"is in the base and has no {name}, or the other way round", (there == inside) | ~there.any()
    told = [column for column in (rows[name].to_numpy() for name in BY_HORIZON) if _is_told(column)]
    for column in told:
        yield "has a probability for a horizon outside 0 to 1", ~inside | ((column >= 0) & (column <= 1))
    for shorter, longer in pairwise(told):
        yield "is likelier to be silent for longer than for less long", ~inside | (longer <= shorter)
    low, value, high = (rows[name].to_numpy() for name in ("value_low", "expected_value", "value_high"))
    if _is_told(low):
        yield "has an expected_value outside its interval", ~inside | ((low <= value) & (value <= high))
        yield "has an interval without end", ~inside | (np.isfinite(low) & np.isfinite(high))


def _segment_rules(rows: pa.Table, moment: int, policy: Policy) -> Iterable[tuple[str, Flags]]:
    """What is known of a segment is known whole, and in the policy's words."""
    there = {name: _flags(pc.is_valid(rows[name])) for name in SEGMENTS}
    for name, other in (("stage", "stage_since"), ("behaviour", "behaviour_share"), ("cell", "plan")):
        yield f"has a {name} and no {other}, or the other way round", there[name] == there[other]
    if policy.classes():
        axes = there["value_class"] & there["behaviour"] & there["stage"]
        yield "has a class on each axis and no cell, or the other way round", axes == there["cell"]
    since = rows["stage_since"].cast(pa.int64()).fill_null(moment).to_numpy()
    yield "entered its stage after the moment of the week", since <= moment
    share = rows["behaviour_share"].to_numpy()
    yield "has a behaviour_share outside 0 to 1", ~there["behaviour"] | ((share > 0) & (share <= 1))
    for name, words in _words_of(policy).items():
        known = _flags(pc.is_in(rows[name], pa.array(words, pa.string())))
        yield f"has a {name} that the policy does not know", ~there[name] | known


def _words_of(policy: Policy) -> dict[str, list[str]]:
    value = policy.scheme(policy.matrix.value).tiers if policy.matrix else ()
    return {
        "value_class": [tier.name for tier in value],
        "behaviour": [each.name for each in policy.behaviour.types] if policy.behaviour else [],
        "stage": [state.name for state in policy.life_cycle.states] if policy.life_cycle else [],
    }


def _is_told(column: npt.NDArray[np.float64]) -> bool:
    return bool((~np.isnan(column)).any())


def _flags(column: Any) -> Flags:
    return np.asarray(column.to_numpy(), dtype=bool)


def _hold(ids: npt.NDArray[np.object_], rule: str, holds: Flags) -> None:
    if not holds.all():
        raise _broken(f"{int((~holds).sum())} customers, the first {ids[~holds][0]!r}: {rule}")


def _equal(what: str, came: Any, expected: Any) -> None:
    if came != expected:
        raise _broken(f"{what}: expected {expected}, came {came}")


def _broken(why: str) -> Refused:
    return Refused(
        f"the staged week is broken: {why}. Nothing was published and the week of before stays; please "
        "report this with the log, it is not a fault of the data"
    )


def _rising(keys: npt.NDArray[np.uint64]) -> Flags:
    """Whether each key comes after the one before it."""
    return np.append(True, keys[1:] > keys[:-1])
