"""Whom the gate asks about: segments of the base, protected groups, and what a model would do to them."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.circumstance import circumstances
from decisions.equal_terms import Offered, TermsReport, Tiers, judge_terms, offered_by
from decisions.known import Measured
from decisions.policy import Policy
from decisions.reach import EqualTerms
from decisions.segment import measured_of
from decisions.standing import standing_of
from decisions.tier import tiers_of
from features.profile import age
from features.reader import read_facts
from models.evaluation import slices
from models.frame import Frame
from models.lift import riskiest
from models.question import Question
from models.scorer import Scorer, Scores
from models.treatment import Fare
from pipelines.as_of import offers_of
from pipelines.gate_offers import choices_at
from tables.attribute import attributes_at
from tables.history import Histories
from tables.moment import local_day

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Groups = dict[str, npt.NDArray[np.object_]]
COLUMNS = {"age": "birth_on", "gender": "gender", "region": "region"}


def segments_of(
    frame: Frame, promised: Floats, question: Question, policy: Policy, zone: str
) -> dict[str, Flags]:
    """Parts of the base that somebody will ask about: by history, by promise, by month, by level."""
    facts = frame.facts
    band = np.searchsorted([each.below for each in policy.risk_bands], promised, side="right")
    by_band = {f"risk {each.name}": band == k for k, each in enumerate(policy.risk_bands)}
    by_month = {f"as of {local_day(int(t), zone)}": facts.moments == t for t in np.unique(facts.moments)}
    level = facts.column("level")
    by_level = {f"level {each:.0f}": level == each for each in np.unique(level[~np.isnan(level)])}
    company = facts.column("is_b2b")
    kinds = {"companies": company == 1, "private persons": company == 0}
    return slices(frame, question) | by_band | by_month | by_level | kinds


def as_segments(groups: Groups, latest: Flags) -> dict[str, Flags]:
    """Protected groups of the rows `latest`, as segments of all rows."""
    found = {}
    rows = np.flatnonzero(latest)
    for axis, labels in groups.items():
        for group in sorted({each for each in labels.tolist() if each is not None}):
            member = np.zeros(len(latest), dtype=bool)
            member[rows[labels == group]] = True
            found[f"{axis} {group}"] = member
    return found


def protected_groups(
    base: Path,
    histories: Histories,
    places: npt.NDArray[np.int64],
    t: int,
    axes: Sequence[str],
    edges: tuple[int, ...],
) -> Groups:
    """Age band (one begins at each of `edges`), gender and region, as far as they are asked for, of the
    customers at `places` as known at t; None where one is not known, left out where the base does not say.

    Read from the base's table of customers: histories keep such texts as codes, and no model sees them.
    """
    asked = [axis for axis in axes if axis in COLUMNS]
    ids = histories.ids[places].tolist()
    found = attributes_at(base / "tables", t, ids, [COLUMNS[axis] for axis in asked])
    groups: Groups = {axis: found[COLUMNS[axis]] for axis in asked if COLUMNS[axis] in found}
    if "age" in groups:
        groups["age"] = _age_bands(read_facts(histories, places, t, (age,)).values[:, 0], edges)
    return groups


def _age_bands(years: Floats, edges: tuple[int, ...]) -> npt.NDArray[np.object_]:
    names = [f"under {edges[0]}", *(f"{a} to {b - 1}" for a, b in pairwise(edges)), f"{edges[-1]} and over"]
    band = np.array(names, dtype=object)[np.searchsorted(edges, np.nan_to_num(years), side="right")]
    band[np.isnan(years)] = None
    return band


class Treated(NamedTuple):
    """What a model would do to customers, and what bears on whether they are treated alike."""

    fare: Fare
    offered: Offered
    scores: Scores
    tiers: tuple[Tiers, ...]

    def terms(self, asked: EqualTerms, groups: Groups) -> TermsReport:
        return judge_terms(asked, self.offered, self.scores.value, self.scores.churn, groups, self.tiers)


def treated_by(
    histories: Histories,
    base: Path,
    scorer: Scorer,
    frame: Frame,
    promised: Floats,
    policy: Policy,
    depth: float,
) -> Treated:
    """What a model would do to the customers of the frame's one moment; depth: the share contacted."""
    facts, t = frame.facts, int(frame.facts.moments[0])
    offers = offers_of(base, t, histories.time_zone)
    scores = scorer.score(facts.values, facts.names, offers, t)
    standing = standing_of(histories, facts.places, t, policy, facts, scores)
    who = circumstances(histories, facts.places, t, facts, standing, policy)
    choices = choices_at(scores, offers, who, policy, t, 1.0)
    rewards = np.array([*(offer.reward for offer in offers), 0], dtype=np.float64)
    reached = riskiest(promised, np.ones(len(promised)), depth)
    fare = Fare(
        offered=(choices.chosen >= 0).astype(np.float64),
        reward=rewards[choices.chosen],
        missed=np.where(frame.churned == 1, 1 - reached, np.nan),
    )
    measured = measured_of(policy, standing.known)
    return Treated(fare, offered_by(choices, offers), scores, driving_tiers(policy, measured))


def driving_tiers(policy: Policy, measured: Measured) -> tuple[Tiers, ...]:
    """Of the schemes that decide benefits."""
    return tuple(
        Tiers(scheme.name, tuple(tier.name for tier in scheme.tiers), tiers_of(scheme, measured).place)
        for scheme in policy.tiers
        if scheme.drives_benefits
    )
