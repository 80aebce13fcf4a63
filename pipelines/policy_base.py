"""Everybody of a base as a policy sees them: what is known, the scores, and where they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from decisions.assess import IN_BASE, status_of
from decisions.freezing import inputs
from decisions.frozen import NOTHING_FROZEN, Frozen
from decisions.known import Known, known_of, together
from decisions.life_cycle import life_cycle
from decisions.policy import Policy
from decisions.stage_walk import NO_STATE
from features.consent import consent
from features.reader import FactTable, read_facts
from models.scorer import Scores
from pipelines.as_of import open_base
from pipelines.terminal import bar
from releases.bundle import Bundle
from releases.home import Home
from releases.policy import read_frozen_policy
from releases.week import read_week_about
from tables.history import Histories, Int64s, read_histories
from tables.offer import Offer
from tables.sealed import verify

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int8]
SPEND = "spend_364d"  # what benefits are paid as a share of


@dataclass(frozen=True)
class Everybody:
    """The customers of a base in its order. stages: one a policy, its life-cycle states; scores: None
    without a bundle, else nan outside the models' base."""

    known: Known
    stages: tuple[Places, ...]
    scores: Scores | None
    consents: Floats


def subject(home: Home) -> tuple[Path, Histories, int, str]:
    """Base, moment and bundle of the published week; without one, the current base at its last moment."""
    state = home.published()
    if not state.week:
        folder, histories = open_base(home)
        return folder, histories, histories.last_at, state.bundle
    about = read_week_about(home.weeks / state.week, home.key())
    folder = home.bases / about.base
    verify(folder)
    return folder, read_histories(folder / "histories"), about.moment, about.bundle


def published_statistics(home: Home) -> Frozen:
    """What was frozen with the published policy; nothing before one was published."""
    name = home.published().policy
    return read_frozen_policy(home.policies / name, home.key()).frozen if name else NOTHING_FROZEN


def read_everybody(
    histories: Histories, t: int, policies: Sequence[Policy], offers: tuple[Offer, ...], bundle: Bundle | None
) -> Everybody:
    """Bucket by bucket; of the facts only those stay that one of the policies reads. Takes 8 bytes for each
    of them and, with a bundle, 16 for each offer, a customer."""
    wanted = {SPEND, *(name for policy in policies for name in inputs(policy))}
    known: list[Known] = []
    stages: list[list[Places]] = [[] for _ in policies]
    scores: list[Scores] = []
    consents: list[Floats] = []
    with bar("reading customers") as progress:
        for begin, end in pairwise(histories.buckets.tolist()):
            places = np.arange(begin, end)
            facts = read_facts(histories, places, t)
            mine = _scores(facts, t, offers, bundle) if bundle else None
            if mine:
                scores.append(mine)
                known.append(known_of(facts, wanted, churn=mine.churn, value=mine.value))
            else:
                known.append(known_of(facts, wanted))
            for own, policy in zip(stages, policies, strict=True):
                own.append(_stages(histories, places, t, policy))
            consents.append(read_facts(histories, places, t, (consent,)).values[:, 0])
            progress(end, len(histories))
    return Everybody(
        known=together(known),
        stages=tuple(np.concatenate(own) for own in stages),
        scores=Scores(*(np.concatenate(part) for part in zip(*scores, strict=True))) if scores else None,
        consents=np.concatenate(consents),
    )


def _stages(histories: Histories, places: Int64s, t: int, policy: Policy) -> Places:
    if policy.life_cycle is None:
        return np.full(len(places), NO_STATE, np.int8)
    return life_cycle(histories, places, t, policy.life_cycle).state


def _scores(facts: FactTable, t: int, offers: tuple[Offer, ...], bundle: Bundle) -> Scores:
    inside = np.flatnonzero(status_of(facts, bundle.question) == IN_BASE)
    found = bundle.scorer.score(facts.values[inside], facts.names, offers, t)
    whole = []
    for part in found:
        spread = np.full((len(facts.places), *part.shape[1:]), np.nan)
        spread[inside] = part
        whole.append(spread)
    return Scores(*whole)
