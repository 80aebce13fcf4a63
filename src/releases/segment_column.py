"""The segments of the week's rows: what the policy says of who a customer is, as columns the CRM reads.

Null where it is not known, and never the lowest tier instead; of a tier that is not known, why. Lists hold
what concerns the customer: no scheme for companies of a person.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from decisions.label import NO_REASON, NOT_KNOWN, OTHER_KIND
from decisions.policy import Policy
from decisions.segment import Gap, Segments
from decisions.strategy import NO_CELL
from decisions.tier import Labels

Places = npt.NDArray[np.integer]
Flags = npt.NDArray[np.bool_]
TEXT, TEXTS, NUMBER = pa.string(), pa.list_(pa.string()), pa.float64()
TIER = pa.struct([(name, TEXT) for name in ("scheme", "scheme_zh", "tier", "tier_zh", "why", "why_zh")])
_LACKING = [("measure", TEXT), ("unit", TEXT), ("lacking", NUMBER)]
NEXT_TIER = pa.struct([("scheme", TEXT), ("tier", TEXT), ("tier_zh", TEXT), *_LACKING])
NEXT_REBATE = pa.struct([("benefit", TEXT), ("benefit_zh", TEXT), *_LACKING])
SEGMENT_FIELDS = tuple(
    pa.field(name, kind)
    for name, kind in {
        "tiers": pa.list_(TIER),
        "next_tiers": pa.list_(NEXT_TIER),
        "next_rebate": NEXT_REBATE,
        "tags": TEXTS,
        "tags_zh": TEXTS,
        "tags_not_known": TEXTS,
        "value_class": TEXT,
        "value_class_zh": TEXT,
        "behaviour": TEXT,
        "behaviour_zh": TEXT,
        "behaviour_share": NUMBER,
        "behaviour_is_clear": pa.bool_(),
        "stage": TEXT,
        "stage_zh": TEXT,
        "stage_since": pa.timestamp("us", "UTC"),
        "cell": TEXT,
        "plan": TEXTS,
        "plan_zh": TEXTS,
    }.items()
)


def segment_columns(policy: Policy, found: Segments, since: npt.NDArray[np.int64]) -> dict[str, pa.Array]:
    """SEGMENT_FIELDS of the customers found; since: when each entered its stage, microseconds, looked at only
    where there is a stage."""
    stages = policy.life_cycle.states if policy.life_cycle else ()
    has_stage = found.stage >= 0
    plans = policy.plans()
    cells = [cell_name(plan.classes) for plan in plans]
    return {
        "tiers": _tiers(policy, found),
        "next_tiers": _next_tiers(policy, found),
        "next_rebate": _next_rebate(policy, found.rebate),
        **_tags(policy, found),
        **_value_class(policy, found),
        **_behaviour(policy, found),
        "stage": picked([state.name for state in stages], found.stage, has_stage),
        "stage_zh": picked([state.chinese for state in stages], found.stage, has_stage),
        "stage_since": pa.array(since, pa.int64(), mask=~has_stage).cast(pa.timestamp("us", "UTC")),
        "cell": picked(cells, found.cell, found.cell != NO_CELL),
        "plan": picked([plan.strategies for plan in plans], found.plan, found.plan != NO_CELL, TEXTS),
        "plan_zh": picked(
            [plan.strategies_chinese for plan in plans], found.plan, found.plan != NO_CELL, TEXTS
        ),
    }


def cell_name(classes: Sequence[str]) -> str:
    """A cell of the matrix by its classes: value, behaviour, stage."""
    return "/".join(classes)


def picked(words: Sequence[Any], places: Places, there: Flags, kind: pa.DataType = TEXT) -> pa.Array:
    """words[place] for each row that is `there`, null for the others."""
    return pa.array(words, kind).take(pa.array(places.astype(np.int64), mask=~there))


def _tiers(policy: Policy, found: Segments) -> pa.ListArray:
    labels = [found.tiers[scheme.name] for scheme in policy.tiers]
    place, why = (_beside(found, [getattr(each, part) for each in labels]) for part in ("place", "why"))
    concerns = place != OTHER_KIND
    scheme, tier = _of_schemes(concerns), place[concerns]
    tiers = [scheme.tiers for scheme in policy.tiers]
    reasons = [each.reasons for each in labels]
    cause = why[concerns]
    return _lists(
        concerns,
        TIER,
        scheme=picked([each.name for each in policy.tiers], scheme, scheme >= 0),
        scheme_zh=picked([each.chinese for each in policy.tiers], scheme, scheme >= 0),
        tier=_picked_of([[each.name for each in own] for own in tiers], scheme, tier, tier >= 0),
        tier_zh=_picked_of([[each.chinese for each in own] for own in tiers], scheme, tier, tier >= 0),
        why=_picked_of([[each[0] for each in own] for own in reasons], scheme, cause, cause != NO_REASON),
        why_zh=_picked_of([[each[1] for each in own] for own in reasons], scheme, cause, cause != NO_REASON),
    )


def _next_tiers(policy: Policy, found: Segments) -> pa.ListArray:
    schemes = [each for each in policy.tiers if each.name in found.next_tiers]
    gaps = [found.next_tiers[each.name] for each in schemes]
    place = _beside(found, [gap.place for gap in gaps])
    there = place != NOT_KNOWN
    scheme, tier = _of_schemes(there), place[there]
    everyone = tier >= 0
    measures = [str(each.measure) for each in schemes]
    lacking = _beside(found, [gap.lacking for gap in gaps])[there]
    return _lists(
        there,
        NEXT_TIER,
        scheme=picked([each.name for each in schemes], scheme, everyone),
        tier=_picked_of([[t.name for t in each.tiers] for each in schemes], scheme, tier, everyone),
        tier_zh=_picked_of([[t.chinese for t in each.tiers] for each in schemes], scheme, tier, everyone),
        measure=picked(measures, scheme, everyone),
        unit=picked([policy.measures[each].unit for each in measures], scheme, everyone),
        lacking=pa.array(lacking, NUMBER),
    )


def _next_rebate(policy: Policy, gap: Gap) -> pa.StructArray:
    there = gap.place != NOT_KNOWN
    measures = [next(iter(each.when)) if each.when else "" for each in policy.benefits]
    units = [policy.measures[each].unit if each else "" for each in measures]
    words = (
        [each.name for each in policy.benefits],
        [each.chinese for each in policy.benefits],
        measures,
        units,
    )
    columns = [picked(each, gap.place, there) for each in words]
    lacking = pa.array(gap.lacking, NUMBER, from_pandas=True)
    return pa.StructArray.from_arrays([*columns, lacking], fields=list(NEXT_REBATE), mask=pa.array(~there))


def _tags(policy: Policy, found: Segments) -> dict[str, pa.Array]:
    place = _beside(found, [found.tags[tag.name].place for tag in policy.tags])
    names, chinese = [tag.name for tag in policy.tags], [tag.chinese for tag in policy.tags]

    def listed(words: list[str], there: Flags) -> pa.ListArray:
        which = _of_schemes(there)
        return pa.ListArray.from_arrays(_offsets(there), picked(words, which, which >= 0))

    return {
        "tags": listed(names, place == 1),
        "tags_zh": listed(chinese, place == 1),
        "tags_not_known": listed(names, place == NOT_KNOWN),
    }


def _value_class(policy: Policy, found: Segments) -> dict[str, pa.Array]:
    if policy.matrix is None:
        return dict.fromkeys(("value_class", "value_class_zh"), pa.nulls(len(found.stage), TEXT))
    tiers = policy.scheme(policy.matrix.value).tiers
    return _classes("value_class", tiers, found.tiers[policy.matrix.value])


def _behaviour(policy: Policy, found: Segments) -> dict[str, pa.Array]:
    names = [field.name for field in SEGMENT_FIELDS if field.name.startswith("behaviour")]
    if policy.behaviour is None or found.behaviour is None:
        kinds = {field.name: field.type for field in SEGMENT_FIELDS}
        return {name: pa.nulls(len(found.stage), kinds[name]) for name in names}
    soft, labels, is_clear = found.behaviour
    known = labels.place >= 0
    share = soft[np.arange(len(soft)), np.maximum(labels.place, 0)]
    return _classes("behaviour", policy.behaviour.types, labels) | {
        "behaviour_share": pa.array(share, NUMBER, mask=~known),
        "behaviour_is_clear": pa.array(is_clear, mask=~known),
    }


def _classes(name: str, classes: Sequence[Any], labels: Labels) -> dict[str, pa.Array]:
    known = labels.place >= 0
    return {
        name: picked([each.name for each in classes], labels.place, known),
        f"{name}_zh": picked([each.chinese for each in classes], labels.place, known),
    }


def _beside(found: Segments, columns: Sequence[Any]) -> npt.NDArray[Any]:
    """Side by side, shape (customers, columns)."""
    return np.stack(columns, axis=1) if columns else np.empty((len(found.stage), 0), np.int8)


def _of_schemes(there: Flags) -> Places:
    """The column of each flag that is set, row by row."""
    return np.broadcast_to(np.arange(there.shape[1]), there.shape)[there]


def _picked_of(words: Sequence[Sequence[str]], which: Places, places: Places, there: Flags) -> pa.Array:
    """words[which][place], in a list of words for each scheme."""
    begins = np.cumsum([0, *(len(own) for own in words)])
    return picked([each for own in words for each in own], begins[which] + places, there)


def _lists(there: Flags, kind: pa.StructType, **columns: pa.Array) -> pa.ListArray:
    parts = pa.StructArray.from_arrays([columns[field.name] for field in kind], fields=list(kind))
    return pa.ListArray.from_arrays(_offsets(there), parts)


def _offsets(there: Flags) -> pa.Array:
    """Where each customer's part of the flags that are set begins, and where the last one ends."""
    return pa.array(np.concatenate([[0], np.cumsum(there.sum(axis=1))]), pa.int32())
