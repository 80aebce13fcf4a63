"""Everybody of a base as a policy sees them: what is known, the scores, and where they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from decisions.assess import IN_BASE, spread, status_of
from decisions.circumstance import Circumstances, circumstances
from decisions.frozen import NOTHING_FROZEN, Frozen
from decisions.known import together
from decisions.policy import Policy
from decisions.standing import Standing, standing_of
from features.reader import FactTable, read_facts
from models.scorer import Scores
from pipelines.as_of import open_base
from pipelines.terminal import bar
from releases.bundle import Bundle
from releases.home import Home
from releases.policy import read_frozen_policy
from releases.week import read_week_about
from tables.history import Histories, read_histories
from tables.offer import Offer
from tables.sealed import verify

SPEND = "spend_364d"  # what benefits are paid as a share of


@dataclass(frozen=True)
class Everybody:
    """The customers of a base in its order. standings, circumstances: one a policy; scores: nan outside the
    models' base and, without a bundle, None."""

    standings: tuple[Standing, ...]
    circumstances: tuple[Circumstances, ...]
    scores: Scores | None


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
    standings: list[list[Standing]] = [[] for _ in policies]
    whose: list[list[Circumstances]] = [[] for _ in policies]
    scores: list[Scores] = []
    with bar("reading customers") as progress:
        for begin, end in pairwise(histories.buckets.tolist()):
            places = np.arange(begin, end)
            facts = read_facts(histories, places, t)
            mine = _scores(facts, t, offers, bundle)
            scores.append(mine)
            for k, policy in enumerate(policies):
                standing = standing_of(histories, places, t, policy, facts, mine, also=(SPEND,))
                standings[k].append(standing)
                whose[k].append(circumstances(histories, places, t, facts, standing, policy))
            progress(end, len(histories))
    return Everybody(
        standings=tuple(_together(each) for each in standings),
        circumstances=tuple(
            Circumstances(*(np.concatenate(part) for part in zip(*each, strict=True))) for each in whose
        ),
        scores=Scores(*(np.concatenate(part) for part in zip(*scores, strict=True))) if bundle else None,
    )


def _together(parts: list[Standing]) -> Standing:
    return Standing(
        together(part.known for part in parts),
        np.concatenate([part.stage for part in parts]),
        np.concatenate([part.since for part in parts]),
    )


def _scores(facts: FactTable, t: int, offers: tuple[Offer, ...], bundle: Bundle | None) -> Scores:
    """nan of everybody without a bundle."""
    rows = len(facts.places)
    if bundle is None:
        nothing = np.full(rows, np.nan)
        unknown = np.full((rows, len(offers)), np.nan)
        return Scores(nothing, nothing, unknown, unknown)
    inside = np.flatnonzero(status_of(facts, bundle.question) == IN_BASE)
    found = bundle.scorer.score(facts.values[inside], facts.names, offers, t)
    return Scores(*(spread(part, inside, rows, np.nan) for part in found))
