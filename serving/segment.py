"""The segments of customers in words: what the week's columns hold, for a few customers at once."""

from typing import Any

import numpy as np

from decisions.label import NO_REASON, NOT_KNOWN, OTHER_KIND
from decisions.policy import Policy
from decisions.segment import Gap, Segments
from decisions.setting import Named
from decisions.standing import Standing
from decisions.strategy import NO_CELL, Plan
from decisions.tier import Labels
from releases.policy import FrozenPolicy
from releases.segment_column import cell_name
from serving import answer
from tables.moment import from_micros


def segments_of(frozen: FrozenPolicy, found: Segments, standing: Standing) -> list[answer.SegmentsAnswer]:
    """Of each of the customers; found: what the policy makes of them, standing: what it was told from."""
    return [_segments(frozen.policy, frozen.plans, found, standing, row) for row in range(len(found.stage))]


def _segments(
    policy: Policy, plans: tuple[Plan, ...], found: Segments, standing: Standing, row: int
) -> answer.SegmentsAnswer:
    cell, plan = int(found.cell[row]), int(found.plan[row])
    return answer.SegmentsAnswer(
        tiers=_tiers(policy, found, row),
        next_tiers=_next_tiers(policy, found, row),
        next_rebate=_next_rebate(policy, found, row),
        tags=_tags(policy, found, row),
        value_class=_value_class(policy, found, row),
        behaviour=_behaviour(policy, found, row),
        stage=_stage(policy, standing, row),
        cell=None if cell == NO_CELL else cell_name(plans[cell].classes),
        plan=None if plan == NO_CELL else _plan(plans[plan]),
    )


def _tiers(policy: Policy, found: Segments, row: int) -> list[answer.TierAnswer]:
    return [
        answer.TierAnswer(
            scheme=_words(scheme), tier=_class(scheme.tiers, labels, row), why=_why(labels, row)
        )
        for scheme in policy.tiers
        for labels in [found.tiers[scheme.name]]
        if labels.place[row] != OTHER_KIND
    ]


def _next_tiers(policy: Policy, found: Segments, row: int) -> list[answer.NextTier]:
    return [
        answer.NextTier(
            scheme=_words(scheme),
            tier=_words(scheme.tiers[gap.place[row]]),
            **_gap(policy, str(scheme.measure), gap, row),
        )
        for scheme in policy.tiers
        for gap in [found.next_tiers.get(scheme.name)]
        if gap is not None and gap.place[row] != NOT_KNOWN
    ]


def _next_rebate(policy: Policy, found: Segments, row: int) -> answer.NextRebate | None:
    place = found.rebate.place[row]
    if place == NOT_KNOWN:
        return None
    benefit = policy.benefits[place]
    assert benefit.when is not None  # or it would not be one that comes next
    return answer.NextRebate(
        benefit=_words(benefit), **_gap(policy, next(iter(benefit.when)), found.rebate, row)
    )


def _tags(policy: Policy, found: Segments, row: int) -> list[answer.TagAnswer]:
    return [
        answer.TagAnswer(
            tag=_words(tag),
            holds=None if labels.place[row] == NOT_KNOWN else bool(labels.place[row]),
            why=_why(labels, row),
        )
        for tag in policy.tags
        for labels in [found.tags[tag.name]]
        if labels.place[row] != OTHER_KIND
    ]


def _value_class(policy: Policy, found: Segments, row: int) -> answer.Words | None:
    if policy.matrix is None:
        return None
    return _class(policy.scheme(policy.matrix.value).tiers, found.tiers[policy.matrix.value], row)


def _behaviour(policy: Policy, found: Segments, row: int) -> answer.BehaviourAnswer | None:
    if policy.behaviour is None or found.behaviour is None:
        return None
    place, shares = int(found.behaviour.labels.place[row]), found.behaviour.soft[row].tolist()
    if place < 0:
        return None
    types = policy.behaviour.types
    return answer.BehaviourAnswer(
        en=types[place].name,
        zh=types[place].chinese,
        share=shares[place],
        is_clear=bool(found.behaviour.is_clear[row]),
        shares=[
            answer.Share(en=each.name, zh=each.chinese, share=share)
            for each, share in zip(types, shares, strict=True)
        ],
    )


def _stage(policy: Policy, standing: Standing, row: int) -> answer.StageAnswer | None:
    place = int(standing.stage[row])
    if policy.life_cycle is None or place < 0:
        return None
    state = policy.life_cycle.states[place]
    return answer.StageAnswer(en=state.name, zh=state.chinese, since=from_micros(int(standing.since[row])))


def _plan(plan: Plan) -> answer.PlanAnswer:
    return answer.PlanAnswer(
        cell=cell_name(plan.classes),
        strategies=[
            answer.Words(en=name, zh=chinese)
            for name, chinese in zip(plan.strategies, plan.strategies_chinese, strict=True)
        ],
        actions_en=list(plan.actions),
        actions_zh=list(plan.actions_chinese),
        benefits=list(plan.benefits),
        channels=list(plan.channels),
        service_level=plan.service_level,
        every_days=plan.every_days,
    )


def _gap(policy: Policy, measure: str, gap: Gap, row: int) -> dict[str, Any]:
    lacking = float(gap.lacking[row])
    assert not np.isnan(lacking)  # what comes next is told by what is lacking
    return {"measure": measure, "unit": policy.measures[measure].unit, "lacking": lacking}


def _class(classes: tuple[Named, ...], labels: Labels, row: int) -> answer.Words | None:
    place = int(labels.place[row])
    return None if place < 0 else _words(classes[place])


def _why(labels: Labels, row: int) -> answer.Words | None:
    why = int(labels.why[row])
    if why == NO_REASON:
        return None
    english, chinese = labels.reasons[why]
    return answer.Words(en=english, zh=chinese)


def _words(named: Named) -> answer.Words:
    return answer.Words(en=named.name, zh=named.chinese)
