"""`holdfast rehearse`: weeks of decisions in the simulated world, before a policy is let loose on customers.

The published base must be a simulated world's. From its last moment on the world lives four times through
the same weeks with the same luck: under the policy given, under the published one, with the riskiest
contacted for as much money, and with nobody contacted.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from decisions.freezing import frozen_for
from decisions.policy import Policy, read_policy
from pipelines.as_of import offers_of, source_of
from pipelines.policy_base import subject
from pipelines.rehearsal import Arm, Course, rehearse_weeks
from pipelines.rehearsal_arm import ByPolicy, ByRisk, Reader, Scoring, Terms, scoring_of
from pipelines.rehearsal_base import people_in
from pipelines.rehearsal_fairness import fairness, groups_of, tiers_that_pay
from pipelines.rehearsal_figure import arm_figures, sums, tier_moves
from pipelines.rehearsal_guarantee import broken, ledger_of
from pipelines.rehearsal_page import page_of
from pipelines.simulate import WORLD
from pipelines.terminal import bar
from releases.bundle import read_bundle
from releases.home import Home
from releases.policy import read_frozen_policy, terms_of
from simulator.past import Past, past_of
from simulator.world import World, microseconds
from tables.history import Histories
from tables.moment import in_zone
from tables.offer import Offer
from tables.refusal import Refused
from tables.sealed import STAGING, sweep, verify, write_whole

OURS, PUBLISHED, RISKIEST, NOTHING = "policy", "published", "riskiest", "nothing"
BEGIN = "run `holdfast simulate`, `check`, `train`, `promote` and `score`"


def rehearse(home: Home, path: Path, weeks: int) -> dict[str, Any]:
    """Raises Refused where what is published is not a simulated world's week at the world's end."""
    policy = read_policy(path)
    key = home.key()
    state = home.published()
    if not state.bundle or not state.week:
        raise Refused(f"no week is published to begin from; {BEGIN} first")
    base, histories, t, bundle_name = subject(home)
    world = world_of(home, base)
    if t != microseconds(world.end):
        raise Refused(
            f"the published week is of {in_zone(t, world.time_zone)}; a rehearsal begins at the end of the "
            f"simulated world, {world.end}: run `holdfast score` without --as-of"
        )
    bundle = read_bundle(home.bundles / bundle_name, key)
    kept = read_frozen_policy(home.policies / state.policy, key)
    source = source_of(base)
    offers = offers_of(base, t, histories.time_zone)
    ours = Terms(policy, offers, frozen_for(policy, kept.frozen, source), source)
    published = Terms(kept.policy, kept.offers, kept.frozen, source)
    shelf = home.path / "rehearsals"
    shelf.mkdir(exist_ok=True)
    scoring = scoring_of(bundle.scorer, bundle.question)
    with _beside(shelf) as folder:
        found = rehearsed(world, base, histories, ours, published, scoring, weeks, folder)
    told = {
        "policy": str(path),
        "published": state.policy,
        "bundle": bundle_name,
        "from": in_zone(t, world.time_zone).isoformat(),
        "money": {"currency": histories.currency, "minor_units": histories.minor_units},
        **found,
    }
    name = hashlib.sha256(f"{terms_of(policy, offers, None)}{state.week}{weeks}".encode()).hexdigest()[:16]
    page = shelf / f"{name}.html"
    write_whole(page, page_of(told))
    return {**told, "page": str(page)}


@contextmanager
def _beside(shelf: Path) -> Iterator[Path]:
    """A folder for the lives' bases, removed in the end: in the home, as files of its base are linked."""
    sweep(shelf)
    folder = shelf / f"lives{STAGING}{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def world_of(home: Home, base: Path) -> World:
    """The world that the base was simulated as."""
    incoming = home.current_incoming()
    came = json.loads((base / "base.json").read_text(encoding="utf-8"))["incoming"]
    if came != incoming.name or not (incoming / WORLD).exists():
        raise Refused(
            "the published base is not the simulated world that came in last, whose truth is known; a "
            f"rehearsal needs one: {BEGIN} in a home of its own (--home)"
        )
    verify(incoming)
    return World(**json.loads((incoming / WORLD).read_text(encoding="utf-8")))


def rehearsed(
    world: World,
    base: Path,
    histories: Histories,
    ours: Terms,
    published: Terms,
    scoring: Scoring,
    weeks: int,
    folder: Path,
) -> dict[str, Any]:
    """The four lives and what they say, money in minor units; folder: on the base's file system."""
    past = past_of(world, weeks)
    people = people_in(histories, pa.array([f"c-{n:07d}" for n in past.people.number.tolist()], pa.string()))
    known = tuple(offer.offer_id for offer in world.offers)
    readers = {name: Reader(people, terms, scoring) for name, terms in ((OURS, ours), (PUBLISHED, published))}
    spent: list[float] = []

    def ours_decides(now: Histories, t: int) -> Any:
        decided = policy_arm(now, t)
        assert decided.used is not None
        spent.append(float(decided.used[0]))  # weekly_budget is the first limit
        return decided

    policy_arm = ByPolicy(readers[OURS], known)
    arms = {
        OURS: _arm(ours_decides, ours.offers, world),
        PUBLISHED: _arm(ByPolicy(readers[PUBLISHED], known), published.offers, world),
        RISKIEST: _arm(ByRisk(readers[OURS], known, lambda: spent[-1]), ours.offers, world),
        NOTHING: _arm(None, ours.offers, world),
    }
    with bar("living the weeks") as progress:
        courses = rehearse_weeks(past, base, folder, arms, weeks, progress)
        end = microseconds(past.calendar.moment(past.week + weeks))
        first = readers[OURS](histories, microseconds(world.end)).segments
        last = {name: readers[OURS](each.end(), end).segments for name, each in courses.items()}
    figures = {name: arm_figures(past, each, courses[NOTHING]) for name, each in courses.items()}
    before = ledger_of(base / "tables", past)
    found = [
        each
        for name, terms in ((OURS, ours), (PUBLISHED, published))
        for each in broken(name, terms.policy, terms.offers, past, before, courses[name])
    ]
    return {
        "weeks": weeks,
        "customers": len(past.people),
        "arms": figures,
        "ahead": {
            name: sums((courses[OURS].net - courses[name].net).sum(axis=0)[:, None])[0]._asdict()
            for name in (PUBLISHED, RISKIEST)
        },
        "limits": {
            name: _limits(arm, courses[name])
            for name, arm in ((OURS, policy_arm), (PUBLISHED, arms[PUBLISHED].decides))
            if isinstance(arm, ByPolicy)
        },
        "tiers": tier_moves(first, last),
        "fairness": _fairness(past, ours.policy, courses[OURS], first),
        "broken": found,
    }


def _arm(decides: Any, offers: tuple[Offer, ...], world: World) -> Arm:
    """Rewards cost and are worth what the business says; of offers it does not name, what the world says."""
    named = {offer.offer_id: offer for offer in offers}
    terms = [named.get(offer.offer_id, offer) for offer in world.offers]
    return Arm(
        decides,
        np.array([each.cost for each in terms], np.float64),
        np.array([each.reward for each in terms], np.float64),
    )


def _limits(arm: ByPolicy, course: Course) -> list[dict[str, Any]]:
    used = np.array(course.used)
    limits = arm.market.limits
    return [
        {"name": name, "bound": float(limits.bounds[k]), "used": used[:, k].tolist()}
        for k, name in enumerate(limits.names)
    ]


def _fairness(past: Past, policy: Policy, course: Course, first: Any) -> dict[str, Any] | None:
    """Among customers with consent; alike are those of the same tier and life-cycle state (of the same state,
    where tiers are compared)."""
    if policy.equal_terms is None:
        return None
    moment = past.calendar.moment(past.week)
    groups = groups_of(past, policy, first, moment.year)
    reached = (past.people.consent > 0) & (past.people.withdrawal_week > past.week)
    stage = np.where(reached, first.stage.astype(np.int64), -1)
    names = np.array([str(each) for each in tiers_that_pay(policy, first)])
    tier = np.unique(names, return_inverse=True)[1]
    both = np.where(stage >= 0, stage * (tier.max() + 1) + tier, -1)
    alike = {axis: stage if axis == "tier" else both for axis in groups}
    reward = np.sum(course.given, axis=0)
    bound = policy.equal_terms.most_difference
    return {"bound": bound, "groups": [each._asdict() for each in fairness(reward, groups, alike, bound)]}


def refuse_broken(result: dict[str, Any]) -> None:
    """Raises Refused where a guarantee was broken."""
    if found := result["broken"]:
        raise Refused(f"{len(found)} guarantees were broken: {'; '.join(found)}")
