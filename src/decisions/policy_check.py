"""The critical reading of a policy: what holds together and still cannot be meant, each with its line."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from decisions.benefit import Benefit
from decisions.coverage import Uncovered, faults, said_of, samples, within
from decisions.measure import LeadingShare, Quantile
from decisions.policy import Policy
from decisions.reach_check import reach_remarks
from decisions.remark import Base, Remark, Severity
from decisions.strategy import AXES
from decisions.tier import TierScheme
from features.reader import facts_of
from tables.contract import OFFER_KINDS
from tables.moment import local_day
from tables.offer import Offer


def remarks(policy: Policy, offers: Sequence[Offer] = (), base: Base | None = None) -> list[Remark]:
    """Everything worth saying, errors first."""
    found = [*_tiers(policy), *_plans(policy), *_worse(policy), *_sensitive(policy), *_terms(policy)]
    found += [*_offers(policy, offers, base), *_budgets(policy, offers, base), *_channels(policy, base)]
    found += reach_remarks(policy, offers, base)
    order: tuple[Severity, ...] = ("error", "warning", "note")
    return sorted(found, key=lambda each: order.index(each.severity))


def _tiers(policy: Policy) -> Iterator[Remark]:
    for s, scheme in enumerate(policy.tiers):
        try:
            for fault in faults(scheme):
                if not fault.tiers:
                    yield Remark("error", ("tiers", s), f"{scheme.name}: no tier where {fault.place}")
        except Uncovered as error:
            yield Remark("warning", ("tiers", s), f"{scheme.name}: gaps and overlaps cannot be seen: {error}")
    for kind in ("person", "company"):
        fitting = [s for s in policy.tiers if s.customers in (kind, "everyone")]
        if fitting and not any(scheme.drives_benefits for scheme in fitting):
            says = f"no scheme drives the benefits of a {kind}: mark one with drives_benefits"
            yield Remark("warning", ("tiers",), says)
    used = {name for measure in policy.measures.values() for name in measure.names}
    used |= {name for scheme in policy.tiers for name in scheme.measures}
    used |= {name for tag in policy.tags for name in tag.when}
    used |= {name for benefit in policy.benefits for name in benefit.when or ()}
    used |= set(policy.behaviour.measures) if policy.behaviour else set()
    used |= {slot.preference for slot in policy.slots}
    for name in policy.measures:
        if name not in used:
            yield Remark("note", ("measures", name), f"nothing uses the measure {name}")


def _plans(policy: Policy) -> Iterator[Remark]:
    """A class without a strategy leaves every cell of it without a whole plan."""
    stated = {(each.axis, each.of) for each in policy.strategies}
    classes = policy.classes()
    for axis, names in zip(AXES, classes, strict=False):
        cells = int(np.prod([len(each) for each in classes])) // max(len(names), 1)
        for name in names:
            if (axis, name) not in stated:
                says = f"{cells} cells without a plan: no strategy for {axis} {name}"
                yield Remark("error", ("matrix",), says)


def _worse(policy: Policy) -> Iterator[Remark]:
    """Benefits that get worse as the tier, or the amount it goes by, gets better."""
    groups = {(benefit.scheme, benefit.group) for benefit in policy.benefits}
    for scheme_name, group in sorted(groups):
        scheme = policy.scheme(scheme_name)
        own = [(k, b) for k, b in enumerate(policy.benefits) if (b.scheme, b.group) == (scheme_name, group)]
        along = _along(scheme, own)
        said: set[tuple[str, str]] = set()
        for (low, low_tier, less), (high, high_tier, more) in pairwise(along):
            names = scheme.tiers[low_tier].name, scheme.tiers[high_tier].name
            if more[0] >= less[0] or names in said:
                continue
            said.add(names)
            place = f" ({scheme.measure} {said_of(low)} and {said_of(high)})" if low != high else ""
            yield Remark(
                "warning",
                ("benefits", own[less[1]][0] if more[1] < 0 else own[more[1]][0]),
                f"{group} gets worse from {names[0]} to {names[1]}{place}: "
                f"{_worth(own, less)}, then {_worth(own, more)}",
            )


Given = tuple[float, int]  # how good the best benefit is, and which it is; (0, -1): none


def _along(scheme: TierScheme, own: list[tuple[int, Benefit]]) -> list[tuple[float, int, Given]]:
    """What customers get of one group, from the lowest to the best: (value, tier, given)."""
    edges = [
        float(each)
        for _, benefit in own
        for name, limits in (benefit.when or {}).items()
        if name == scheme.measure
        for each in limits.thresholds
        if not isinstance(each, Quantile | LeadingShare)
    ]
    points = list(samples(scheme, edges)) or [(0.0, k) for k in reversed(range(len(scheme.tiers)))]
    return [(value, tier, _best(scheme, own, value, tier)) for value, tier in points]


def _best(scheme: TierScheme, own: list[tuple[int, Benefit]], value: float, tier: int) -> Given:
    best: Given = (0.0, -1)
    for k, (_, benefit) in enumerate(own):
        limits = (benefit.when or {}).get(scheme.measure or "")
        holds = limits is None or within(limits, value)
        if holds and scheme.tiers[tier].name in benefit.tiers and benefit.worth > best[0]:
            best = (benefit.worth, k)
    return best


def _worth(own: list[tuple[int, Benefit]], given: Given) -> str:
    return f"{own[given[1]][1].name} ({given[0]:g})" if given[1] >= 0 else "nothing"


def _sensitive(policy: Policy) -> Iterator[Remark]:
    told = {named.name for named in facts_of() if named.fact.sensitivity == "sensitive"}
    for name, measure in policy.measures.items():
        for used in sorted(told & set(measure.names)):
            says = (
                f"{used} was told to the service in confidence: see that nobody fares worse for speaking up"
            )
            yield Remark("note", ("measures", name), says)


def _terms(policy: Policy) -> Iterator[Remark]:
    if policy.points and policy.points.worth_of_spend > policy.margin_rate:
        says = f"points give back {policy.points.worth_of_spend:.0%} of spend, more than the margin"
        yield Remark("warning", ("points",), says)
    if policy.service_levels and not any(each.default for each in policy.service_levels):
        says = "no service level is the default: who has no tier has none"
        yield Remark("warning", ("service_levels",), says)
    if policy.benefits and policy.equal_terms is None:
        yield Remark("warning", (), "no equal_terms are stated: nothing bounds how far terms may differ")


def _offers(policy: Policy, offers: Sequence[Offer], base: Base | None) -> Iterator[Remark]:
    """Offers that nobody can get."""
    there = {channel.name for channel in policy.channels}
    known = {offer.offer_id for offer in offers}
    for offer in offers:
        where = ("offers", offer.offer_id)
        if base and offer.ends_at < base.moment:
            says = f"{offer.offer_id} expired on {local_day(offer.ends_at, base.zone)}"
            yield Remark("warning", where, says)
        if there and not there & set(offer.channels):
            says = f"nobody can get {offer.offer_id}: the business has none of its channels {offer.channels}"
            yield Remark("error", where, says)
        elif base and base.reachable is not None and not any(base.reachable[c] for c in offer.channels):
            says = f"nobody can get {offer.offer_id}: nobody consents to {', '.join(offer.channels)}"
            yield Remark("error", where, says)
        rules = [r for r in policy.eligibility if offer.offer_id in r.offers or offer.kind in r.kinds]
        for what in _contradictions(rules):
            yield Remark("error", where, f"nobody can get {offer.offer_id}: no {what} is in all its rules")
    for k, rule in enumerate(policy.eligibility):
        for name in rule.offers:
            if offers and name not in known:
                yield Remark("error", ("eligibility", k, "offers"), f"no offer is called {name!r}")


def _contradictions(rules: Sequence[Any]) -> Iterator[str]:
    for word in ("stages", "behaviours"):
        if _disjoint([set(getattr(rule, word)) for rule in rules if getattr(rule, word)]):
            yield word[:-1]
    for scheme in {name for rule in rules for name in rule.tiers}:
        if _disjoint([set(rule.tiers[scheme]) for rule in rules if scheme in rule.tiers]):
            yield f"{scheme} tier"


def _disjoint(sets: list[set[str]]) -> bool:
    return bool(sets) and not set.intersection(*sets)


def _budgets(policy: Policy, offers: Sequence[Offer], base: Base | None) -> Iterator[Remark]:
    """Budgets that cannot be spent."""
    live = [each for each in offers if base is None or each.starts_at <= base.moment <= each.ends_at]
    for k, budget in enumerate(policy.budgets):
        where = ("budgets", k)
        if budget.weekly == 0:
            yield Remark("warning", where, f"{budget.name} is 0: nothing of it can be spent")
        if budget.of == "money" and (budget.weekly or 0) > policy.weekly_budget:
            yield Remark("warning", where, f"{budget.name} cannot be spent: it is more than weekly_budget")
        fitting = [
            offer
            for offer in live
            if offer.kind in (budget.kinds or OFFER_KINDS)
            and set(offer.channels) & set(budget.channels or offer.channels)
        ]
        if offers and not fitting:
            says = f"{budget.name} cannot be spent: no offer of these kinds and channels is valid"
            yield Remark("warning", where, says)
    most = max((offer.cost + offer.contact_cost for offer in live), default=0)
    if base and live and base.customers * most < policy.weekly_budget:
        says = f"cannot be spent: {base.customers:,} customers at most {most:,} each are less"
        yield Remark("warning", ("weekly_budget",), says)


def _channels(policy: Policy, base: Base | None) -> Iterator[Remark]:
    if base is None:
        return
    if policy.minor_units not in (None, base.minor_units):
        says = f"the policy counts {policy.minor_units} minor units, the base {base.minor_units}"
        yield Remark("error", ("minor_units",), says)
    if policy.currency not in (None, base.currency):
        yield Remark(
            "error", ("currency",), f"the policy is in {policy.currency}, the base in {base.currency}"
        )
    for k, channel in enumerate(policy.channels):
        if base.reachable is not None and not base.reachable[channel.name]:
            says = f"nobody consents to {channel.name}: a channel nobody has"
            yield Remark("warning", ("channels", k), says)
