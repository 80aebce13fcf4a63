"""Decisions that count: chosen at what is left now, taken from the counters, or chosen again."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.assess import Assessment
from decisions.choice import NOTHING, Choices, Market, decide
from decisions.circumstance import Circumstances
from decisions.circumstance import contacts_under as contacts_made
from decisions.limit import ROUNDING, takes_of
from decisions.option import Options, options
from decisions.segment import Segments
from releases.counter import (
    MICRO,
    Contact,
    Floats,
    Seen,
    Take,
    contacts_of,
    contacts_under,
    left_of,
    millionths_of_uses,
)
from releases.decision import circumstances_of, counted_of, new_id
from serving.counter import Counter
from serving.served import Served
from tables.contract import CONTACT_CHANNELS
from tables.live import Snapshot
from tables.refusal import Refused

# Each time with what is left then; the last time with nothing, so that it needs nothing of any limit.
MOST_TRIES = 5


class Live(NamedTuple):
    """decision_ids: a new one each; circumstances: a customer's, as they were chosen at; takes: what was
    taken for all of them."""

    decision_ids: list[str]
    choices: Choices
    circumstances: list[dict[str, float]]
    takes: list[Take]


class _Known(NamedTuple):
    """What the counters said: texts of contacts, a customer each; contacts under each cap, (customers, caps);
    is_given: whether their reservation was, (customers,)."""

    texts: list[str]
    contacts: Floats
    is_given: npt.NDArray[np.bool_]


def decide_live(
    served: Served,
    counter: Counter,
    histories: Snapshot,
    assessed: Assessment,
    segments: Segments | None,
    t: int,
) -> Live:
    """Choices of which every one was taken from the counters. Where they cannot be used, nobody is offered
    anything (Why.COUNTERS_DOWN)."""
    frozen, week = served.policy, served.published.week
    ids = [str(each) for each in assessed.who.ids]
    waiting = np.arange(len(ids))
    decision_ids = [new_id() for _ in ids]
    known = _nothing_known(len(ids), len(frozen.policy.caps))
    reported = _reported(served, histories, assessed.facts.places, t)
    choices: Choices | None = None
    circumstances: list[dict[str, float]] = [{}] * len(ids)
    taken: list[Take] = []
    for trial in range(MOST_TRIES + 1):
        seen: Seen | None = None
        if trial < MOST_TRIES:
            try:
                seen = counter.look(week, served.remainder, [ids[row] for row in waiting])
                _learn(served, known, waiting, seen, reported, t)
            except Refused:
                seen = None
        market = _market(served, seen, trial)
        may, found = _choose(served, assessed, segments, known, market, t)
        choices = found if choices is None else _merged(choices, found, waiting)
        for row in waiting:
            own = counted_of(known.contacts[row], bool(known.is_given[row]), frozen.policy)
            circumstances[row] = {**circumstances_of(market), **own}
        if seen is None:
            break
        takes = _takes(served, counter, ids, decision_ids, known, may, found, waiting, t)
        try:
            done = counter.take(week, [take for _, take in takes])
        except Refused:
            done = [False] * len(takes)
        taken += [take for (_, take), is_done in zip(takes, done, strict=True) if is_done]
        waiting = np.array(
            [row for (row, _), is_done in zip(takes, done, strict=True) if not is_done], np.int64
        )
        if not len(waiting):
            break
    assert choices is not None
    return Live(decision_ids, choices, circumstances, taken)


def _nothing_known(customers: int, caps: int) -> _Known:
    return _Known([""] * customers, np.zeros((customers, caps)), np.zeros(customers, dtype=bool))


def _reported(served: Served, histories: Snapshot, places: npt.NDArray[np.int64], t: int) -> Floats:
    """Contacts since the week that came back as events: the counters know of them, and each counts once."""
    caps = served.policy.policy.caps
    if not histories.has_news:
        return np.zeros((len(places), len(caps)))
    return contacts_made(histories, places, t, caps, since=served.week.moment)


def _learn(
    served: Served,
    known: _Known,
    waiting: npt.NDArray[np.int64],
    seen: Seen,
    reported: Floats,
    t: int,
) -> None:
    """Raises Refused where a customer's contacts are damaged."""
    caps, since, week = served.policy.policy.caps, served.week.moment, served.published.week
    for row, text in zip(waiting, seen.contacts, strict=True):
        contacts = contacts_of(text)
        known.texts[row] = text
        known.contacts[row] = contacts_under(contacts, caps, since, t) - reported[row]
        known.is_given[row] = any(each.is_reserved and each.week == week for each in contacts)


def _market(served: Served, seen: Seen | None, trial: int) -> Market:
    """At what is left; nan where that is not known. Each trial leaves a little more aside, since the choice
    allows for rounding and the counters do not."""
    prices = served.market.prices
    if seen is None:
        return served.market.at(prices, np.full(len(prices), np.nan))
    if trial == MOST_TRIES - 1:
        return served.market.at(prices, np.zeros(len(prices)))
    left = left_of(seen.left)
    return served.market.at(prices, left - 2 * trial * (ROUNDING * np.maximum(np.abs(left), 1) + 1 / MICRO))


def _choose(
    served: Served, assessed: Assessment, segments: Segments | None, known: _Known, market: Market, t: int
) -> tuple[Options, Choices]:
    policy, offers = served.policy.policy, served.policy.offers
    who: Circumstances = assessed.who.also_contacted(known.contacts)
    reserved = served.reserved.at(assessed.facts.places).without(known.is_given)
    may = options(assessed.scores, offers, who, segments, policy, t)
    return may, decide(may, who, policy, t, market, reserved)


def _takes(
    served: Served,
    counter: Counter,
    ids: list[str],
    decision_ids: list[str],
    known: _Known,
    may: Options,
    choices: Choices,
    waiting: npt.NDArray[np.int64],
    t: int,
) -> list[tuple[int, Take]]:
    """What those who wait and got something take; what was reserved takes nothing more of the limits."""
    limits, offers = served.market.limits, served.policy.offers
    fixed, by_response = takes_of(limits, served.market.terms)
    nothing = (0,) * len(limits.names)
    # After the week: what is before, the histories know.
    now = max(t, served.week.moment + 1)
    takes = []
    for row in waiting[choices.chosen[waiting] != NOTHING]:
        offer = int(choices.chosen[row])
        channel, is_reserved = int(choices.channel[row, offer]), bool(choices.is_reserved[row])
        contact = Contact(
            now,
            served.published.week,
            offers[offer].kind,
            CONTACT_CHANNELS[channel],
            is_reserved,
            decision_ids[row],
        )
        uses = fixed[:, offer, channel] + by_response[:, offer, channel] * may.response[row, offer]
        taking = nothing if is_reserved else millionths_of_uses(uses)
        takes.append((int(row), Take(counter.pseudonym(ids[row]), known.texts[row], contact, taking)))
    return takes


def _merged(before: Choices, again: Choices, rows: npt.NDArray[np.int64]) -> Choices:
    """What was chosen before, and for these rows what was chosen again."""
    merged = [each.copy() for each in before]
    for place, part in enumerate(again):
        merged[place][rows] = part[rows]
    return Choices._make(merged)
