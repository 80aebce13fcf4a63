"""A challenger's answer to decisions of the service: what it would have said and chosen, with what they were
made with."""

from collections import Counter
from datetime import datetime
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.assess import IN_BASE, Assessment, assess
from decisions.choice import NOTHING, choose, free_market
from pipelines.shadow import Shadow
from releases.bundle import Bundle, read_bundle
from releases.decision import Decision, counted_at, facts_hash, market_at
from releases.event_history import EventHistories, read_event_histories
from releases.home import Home
from releases.policy import FrozenPolicy, read_frozen_policy
from tables.live import Snapshot
from tables.moment import to_micros

# Why a decision is not compared.
ERASED = "their customer was erased"
REPEATED = "the same customer was decided for again at the same moment; the last one counts"
PRUNED = "what they were made with is not kept any more"
QUESTION = "they answer another question than the version"
HINDSIGHT = "one of the two models has learnt from later than their moment"
FACTS = "base and events do not tell the facts they were made from"
OUTSIDE = "the models do not speak of their customer"


class Compared(NamedTuple):
    """A decision of the service beside what the challenger says. given: by the service; chosen,
    shadow_chosen: by the two models where no limit ends and nothing is reserved; an offer, '' for none."""

    customer_id: str
    moment: int
    churn: float
    shadow_churn: float
    given: str
    chosen: str
    shadow_chosen: str


class Opened:
    """What decisions were made with, each verified and read once; None where it is not kept any more."""

    def __init__(self, home: Home) -> None:
        self._key = home.key()
        self._home = home
        self.bundle = cache(self._bundle)
        self.policy = cache(self._policy)
        self.base = cache(self._base)

    def _bundle(self, name: str) -> Bundle | None:
        folder = self._home.bundles / name
        return read_bundle(folder, self._key) if folder.is_dir() else None

    def _policy(self, name: str) -> FrozenPolicy | None:
        folder = self._home.policies / name
        return read_frozen_policy(folder, self._key) if folder.is_dir() else None

    def _base(self, name: str) -> EventHistories | None:
        """With the events that the service was told since."""
        folder = self._home.bases / name
        return read_event_histories(self._home, folder) if folder.is_dir() else None

    def seen(self, group: list[Decision]) -> Snapshot:
        """The customers of decisions with one setting, as far as was known when they were made."""
        what = group[0].setting
        events = self.base(what.base)
        assert events is not None
        return events.snapshot([made.customer_id for made in group], what.events)


def why_not(opened: Opened, shadow: Shadow, made: Decision) -> str:
    """Why decisions with this setting cannot be compared, '' where they can."""
    what = made.setting
    bundle = opened.bundle(what.bundle)
    if bundle is None or opened.policy(what.policy) is None or opened.base(what.base) is None:
        return PRUNED
    if bundle.question != shadow.bundle.question:
        return QUESTION
    # Otherwise what came of the decision may have taught the one that it is to judge.
    if max(_learnt_until(each) for each in (bundle, shadow.bundle)) > what.moment:
        return HINDSIGHT
    return ""


def _learnt_until(bundle: Bundle) -> int:
    return to_micros(datetime.fromisoformat(bundle.about["as_of"]))


def answers(
    opened: Opened, shadow: Shadow, group: list[Decision], left_out: "Counter[str]"
) -> list[Compared]:
    """Both models at the prices and contacts that the service knew."""
    champion = opened.bundle(group[0].setting.bundle)
    assert champion is not None
    seen = opened.seen(group)
    there = seen.places >= 0
    left_out[FACTS] += int((~there).sum())
    group = [made for made, is_there in zip(group, there, strict=True) if is_there]
    if not group:
        return []
    places = seen.places[there]
    theirs, chosen = _free(opened, champion, group, seen, places)
    ours, shadow_chosen = _free(opened, shadow.bundle, group, seen, places)
    rows = []
    for row, made in enumerate(group):
        if facts_hash(theirs.facts, row) != made.facts:
            left_out[FACTS] += 1
        elif theirs.status[row] != IN_BASE:
            left_out[OUTSIDE] += 1
        else:
            rows.append(
                Compared(
                    made.customer_id,
                    made.setting.moment,
                    made.scores["churn"][0],
                    float(ours.scores.churn[row]),
                    made.chosen,
                    chosen[row],
                    shadow_chosen[row],
                )
            )
    return rows


def _free(
    opened: Opened, bundle: Bundle, group: list[Decision], seen: Snapshot, places: npt.NDArray[np.int64]
) -> tuple[Assessment, list[str]]:
    """What a model says of these customers, and the offers it chooses with no end of any limit and nothing
    set aside: what was left, and what the week reserved, are the champion's doing, in the past of both."""
    what = group[0].setting
    frozen = opened.policy(what.policy)
    assert frozen is not None
    policy, offers, t = frozen.policy, frozen.offers, what.moment
    told = assess(seen, places, t, bundle.scorer, bundle.question, offers, policy)
    contacts = np.concatenate([counted_at(made.setting.circumstances, policy)[0] for made in group])
    market = market_at(what.circumstances, free_market(policy, offers))
    choices = choose(
        told.scores,
        offers,
        told.who.also_contacted(contacts),
        told.standing.segments(policy, frozen.frozen),
        policy,
        t,
        market.at(market.prices, np.full(len(market.prices), np.inf)),
    )
    return told, ["" if k == NOTHING else offers[k].offer_id for k in choices.chosen.tolist()]
