"""Whether the parts of a policy fit together: every name it uses is one it, or the base, has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from decisions.coverage import Uncovered, faults
from decisions.formula import parse
from decisions.known import SCORES, names_known
from decisions.measure import in_order
from decisions.setting import Where
from decisions.strategy import AXES
from features.reader import facts_of

if TYPE_CHECKING:
    from decisions.benefit import TierNames
    from decisions.policy import Policy

Misfit = tuple[Where, str]


def misfits(policy: Policy) -> list[Misfit]:
    """Where the policy contradicts itself, and how."""
    found = [*_repeats(policy), *_measures(policy), *_uses(policy), *_drivers(policy)]
    if found:  # what follows looks names up
        return found
    return [*_overlaps(policy), *_matrix(policy), *_tiers(policy), *_reach(policy), *_by_age(policy)]


def _repeats(policy: Policy) -> Iterator[Misfit]:
    for part in (
        "tiers",
        "tags",
        "strategies",
        "benefits",
        "service_levels",
        "cadences",
        "slots",
        "occasions",
    ):
        yield from _twice(part, [each.name for each in getattr(policy, part)])
    for part in ("channels", "caps", "budgets"):
        yield from _twice(part, [each.name for each in getattr(policy, part)])


def _twice(part: str, names: list[str]) -> Iterator[Misfit]:
    for k, name in enumerate(names):
        if name in names[:k]:
            yield (part, k, "name"), f"{name} names two of the {part}"


def _measures(policy: Policy) -> Iterator[Misfit]:
    known = names_known() | set(policy.numbers) | set(policy.measures)
    personal = {named.name for named in facts_of() if named.fact.sensitivity == "personal"}
    circle = sorted(set(policy.measures) - set(in_order(policy.measures)))
    for name, measure in policy.measures.items():
        if name in names_known():
            yield ("measures", name), "a fact has this name already; choose another"
        for used in measure.names:
            where = ("measures", name, "formula" if measure.formula else "bands_of")
            if used in personal:
                yield where, f"{used} says who the customer is, and never drives price or terms"
            elif used not in known:
                yield where, f"nothing is called {used!r}; a formula reads facts, scores and measures"
        if name in circle:
            yield ("measures", name), f"read from itself in the end: {', '.join(circle)} go round in a circle"
    for used in parse_names(policy.freezing.among):
        if used not in names_known():  # measures may wait for what is frozen
            yield ("freezing", "among"), f"no fact is called {used!r}"


def parse_names(text: str) -> tuple[str, ...]:
    try:
        return parse(text).names
    except ValueError:
        return (text,)


def _uses(policy: Policy) -> Iterator[Misfit]:
    known = policy.measures
    uses: list[tuple[Where, str]] = [
        (("tiers", s, "tiers", k, "when", name), name)
        for s, scheme in enumerate(policy.tiers)
        for k, tier in enumerate(scheme.tiers)
        for name in tier.when
    ]
    uses += [(("tags", k, "when", name), name) for k, tag in enumerate(policy.tags) for name in tag.when]
    uses += [
        (("benefits", k, "when", name), name)
        for k, benefit in enumerate(policy.benefits)
        for name in benefit.when or ()
    ]
    types = policy.behaviour.types if policy.behaviour else ()
    uses += [
        (("behaviour", "types", k, "signals", j, "measure"), signal.measure)
        for k, kind in enumerate(types)
        for j, signal in enumerate(kind.signals)
    ]
    for where, name in uses:
        if name not in known:
            yield where, f"no measure is called {name!r}; state it under `measures`"


def _drivers(policy: Policy) -> Iterator[Misfit]:
    for kind in ("person", "company"):
        driving = [
            (k, scheme.name)
            for k, scheme in enumerate(policy.tiers)
            if scheme.drives_benefits and scheme.customers in (kind, "everyone")
        ]
        for k, name in driving[1:]:
            yield (
                ("tiers", k, "drives_benefits"),
                f"{name} and {driving[0][1]} both drive a {kind}'s benefits",
            )


def _overlaps(policy: Policy) -> Iterator[Misfit]:
    for s, scheme in enumerate(policy.tiers):
        try:
            found = faults(scheme)
        except Uncovered:
            continue  # told by the check
        for fault in found:
            if fault.tiers:
                names = " and ".join(scheme.tiers[k].name for k in fault.tiers)
                yield ("tiers", s, "tiers", fault.tiers[1], "when"), f"{names} overlap where {fault.place}"


def _matrix(policy: Policy) -> Iterator[Misfit]:
    if policy.matrix is not None:
        if policy.behaviour is None or policy.life_cycle is None:
            yield ("matrix",), "a matrix needs `behaviour` and `life_cycle` beside the value scheme"
            return
        if policy.matrix.value not in [scheme.name for scheme in policy.tiers]:
            yield ("matrix", "value"), _no_scheme(policy, policy.matrix.value)
            return
    classes: dict[str, tuple[str, ...]] = dict(zip(AXES, policy.classes(), strict=False))
    seen: set[tuple[str, str]] = set()
    for k, each in enumerate(policy.strategies):
        if each.of not in classes.get(each.axis, ()):
            there = ", ".join(classes.get(each.axis, ())) or "no matrix"
            yield ("strategies", k, "of"), f"the {each.axis} axis has no class {each.of!r}; there is {there}"
        if (each.axis, each.of) in seen:
            yield ("strategies", k, "of"), f"{each.axis} {each.of} has a strategy already"
        seen.add((each.axis, each.of))
        yield from _known(("strategies", k, "benefits"), each.benefits, policy.benefits, "benefit")
        if each.service_level:
            where = ("strategies", k, "service_level")
            yield from _known(where, (each.service_level,), policy.service_levels, "service level")
        yield from _channels(policy, ("strategies", k, "channels"), each.channels)


def _known(where: Where, names: tuple[str, ...], there: tuple[Any, ...], what: str) -> Iterator[Misfit]:
    for name in names:
        if name not in [each.name for each in there]:
            yield where, f"no {what} is called {name!r}"


def _tiers(policy: Policy) -> Iterator[Misfit]:
    for k, benefit in enumerate(policy.benefits):
        yield from _tier_names(policy, ("benefits", k), {benefit.scheme: benefit.tiers})
    for part in ("service_levels", "cadences", "eligibility"):
        for k, each in enumerate(getattr(policy, part)):
            yield from _tier_names(policy, (part, k, "tiers"), each.tiers)
    if policy.points:
        faster = {scheme: tuple(tiers) for scheme, tiers in policy.points.faster.items()}
        yield from _tier_names(policy, ("points", "faster"), faster)
    if sum(each.default for each in policy.service_levels) > 1:
        yield ("service_levels",), "only one service level is the default"


def _tier_names(policy: Policy, where: Where, named: TierNames) -> Iterator[Misfit]:
    schemes = {scheme.name: scheme for scheme in policy.tiers}
    for name, tiers in named.items():
        if name not in schemes:
            yield (*where, name), _no_scheme(policy, name)
            continue
        there = [tier.name for tier in schemes[name].tiers]
        for tier in tiers:
            if tier not in there:
                place = where if where[0] != "benefits" else (*where, "tiers")
                yield (*place, name), f"{name} has no tier {tier!r}; there is {', '.join(there)}"


def _no_scheme(policy: Policy, name: str) -> str:
    there = ", ".join(scheme.name for scheme in policy.tiers) or "none"
    return f"no tier scheme is called {name!r}; there is {there}"


def _reach(policy: Policy) -> Iterator[Misfit]:
    for part in ("caps", "quiet_hours", "budgets"):
        for k, each in enumerate(getattr(policy, part)):
            yield from _channels(policy, (part, k, "channels"), each.channels)
    for k, slot in enumerate(policy.slots):
        if slot.preference and slot.preference not in policy.measures:
            yield ("slots", k, "preference"), f"no measure is called {slot.preference!r}"
    stages = [state.name for state in policy.life_cycle.states] if policy.life_cycle else []
    types = [each.name for each in policy.behaviour.types] if policy.behaviour else []
    for k, rule in enumerate(policy.eligibility):
        for word, names, there in (("stages", rule.stages, stages), ("behaviours", rule.behaviours, types)):
            for name in names:
                if name not in there:
                    yield (
                        ("eligibility", k, word),
                        f"there is no {name!r}; there is {', '.join(there) or 'none'}",
                    )


def _by_age(policy: Policy) -> Iterator[Misfit]:
    """Churn and value are told from age too: what goes by them may be forecast and never decides terms."""
    if policy.equal_terms is None or "age" not in policy.equal_terms.never:
        return
    schemes = {scheme.name: scheme.measures for scheme in policy.tiers}
    types = policy.behaviour.measures if policy.behaviour else ()
    uses: list[tuple[Where, str, tuple[str, ...]]] = [
        (("tiers", k, "drives_benefits"), scheme.name, scheme.measures)
        for k, scheme in enumerate(policy.tiers)
        if scheme.drives_benefits
    ]
    for k, rule in enumerate(policy.eligibility):
        uses += [(("eligibility", k, "tiers", name), name, schemes.get(name, ())) for name in rule.tiers]
        uses += [(("eligibility", k, "behaviours"), "behaviour", types)] if rule.behaviours else []
    uses += [
        (("benefits", k, "when"), each.name, tuple(each.when or ())) for k, each in enumerate(policy.benefits)
    ]
    for where, name, measures in uses:
        if by := sorted(_sources(policy, measures) & set(SCORES)):
            says = f"{name} goes by {', '.join(by)}, which models tell from age too: it decides no terms"
            yield where, f"{says} (equal_terms.never)"


def _sources(policy: Policy, names: Iterable[str]) -> set[str]:
    """All that the measures are read from in the end, measures between included."""
    found: set[str] = set()
    left = [*names]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += policy.measures[name].names if name in policy.measures else ()
    return found


def _channels(policy: Policy, where: Where, names: tuple[str, ...]) -> Iterator[Misfit]:
    there = [channel.name for channel in policy.channels]
    for name in names:
        if name not in there:
            yield where, f"the business has no channel {name!r}; there is {', '.join(there) or 'none'}"
