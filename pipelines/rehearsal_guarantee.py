"""What no policy may break, checked on what was sent, by other means than the choice itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

from decisions.choice import free_market
from decisions.holdout import is_held_out
from decisions.policy import Policy
from decisions.reach import Cap
from pipelines.rehearsal import Course
from simulator.past import Past
from simulator.population import CONSENTS
from simulator.world import microseconds
from tables.contract import CONTACT_CHANNELS, OFFER_KINDS
from tables.moment import DAY
from tables.offer import Offer
from tables.small_table import parts_of, relation

Int64s = npt.NDArray[np.int64]
LONGEST = 728 * DAY


class Ledger(NamedTuple):
    """Contacts that were made: whose, microseconds, places in CONTACT_CHANNELS and OFFER_KINDS."""

    customer: Int64s
    at: Int64s
    channel: Int64s
    kind: Int64s


def ledger_of(tables: Path, past: Past) -> Ledger:
    """What the checked tables tell of the past; a second account's contacts are its person's."""
    kinds = {offer.offer_id: OFFER_KINDS.index(offer.kind) for offer in past.calendar.offers}
    found = duckdb.connect().execute(
        'select cast(customer_id[3:] as bigint), epoch_us("at"), channel, offer_id '
        f"from {relation(parts_of(tables, 'contacts'))} where kind <> 'held_back'"
    )
    rows = found.fetchnumpy()
    names = list(rows.values())
    return Ledger(
        np.searchsorted(past.people.number, np.asarray(names[0], np.int64)),
        np.asarray(names[1], np.int64),
        np.array([CONTACT_CHANNELS.index(str(each)) for each in names[2]], np.int64),
        np.array([kinds[str(each)] for each in names[3]], np.int64),
    )


def broken(
    name: str, policy: Policy, offers: tuple[Offer, ...], past: Past, before: Ledger, course: Course
) -> list[str]:
    """A sentence for every guarantee that the arm broke: limits, caps, consents, the holdout."""
    return [
        f"{name}: {said}"
        for said in (
            *_limits(policy, offers, course),
            *_caps(policy, past, before, course),
            *_consents(past, course),
            *_holdout(policy, past, course),
        )
    ]


def _limits(policy: Policy, offers: tuple[Offer, ...], course: Course) -> Iterator[str]:
    limits = free_market(policy, offers).limits
    for week, used in enumerate(course.used):
        for k in np.flatnonzero(used > limits.room()).tolist():
            yield (
                f"week {week + 1}: {limits.names[k]} allows {limits.bounds[k]:,.0f}, {used[k]:,.2f} was taken"
            )


def _caps(policy: Policy, past: Past, before: Ledger, course: Course) -> Iterator[str]:
    own = made(past, course)
    every = Ledger(*(np.concatenate(pair) for pair in zip(before, own, strict=True)))
    for cap in policy.caps:
        most = most_in_days(every, cap, since=len(before.at))
        if most > cap.contacts:
            yield f"cap {cap.name}: {most} contacts in {cap.days} days, {cap.contacts} are allowed"


def made(past: Past, course: Course) -> Ledger:
    """The contacts of an arm's weeks."""
    kinds = np.array([OFFER_KINDS.index(offer.kind) for offer in past.calendar.offers])
    parts = [
        (each.customer[each.is_sent], each.at[each.is_sent], each.channel[each.is_sent],
         kinds[each.offer[each.is_sent]])
        for each in course.sent
    ]  # fmt: skip
    return Ledger(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def most_in_days(ledger: Ledger, cap: Cap, since: int = 0) -> int:
    """The most contacts that any customer had within the cap's days, up to one of the contacts from place
    `since` on."""
    counted = np.ones(len(ledger.at), dtype=bool)
    if cap.channels:
        counted &= np.isin(ledger.channel, [CONTACT_CHANNELS.index(name) for name in cap.channels])
    if cap.kinds:
        counted &= np.isin(ledger.kind, [OFFER_KINDS.index(name) for name in cap.kinds])
    own = np.flatnonzero(counted & (np.arange(len(counted)) >= since))
    if not len(own):
        return 0
    begin = int(ledger.at.min())
    # One number a contact that orders by customer, then by time, with more than any cap's days between two.
    apart = int(ledger.at.max()) - begin + 2 * LONGEST
    key = ledger.customer * apart + (ledger.at - begin)
    order = np.sort(key[counted])
    upto = np.searchsorted(order, key[own], side="right")
    return int((upto - np.searchsorted(order, key[own] - cap.days * DAY, side="right")).max())


def _consents(past: Past, course: Course) -> Iterator[str]:
    """By what the world knows of its people, not by what was read from the base."""
    people = past.people
    agreed = np.array([[name in each.split(",") for name in CONTACT_CHANNELS] for each in CONSENTS])
    withdrawn = people.withdrawal_week < past.week
    for week, sent in enumerate(course.sent):
        told, channel = sent.customer[sent.is_sent], sent.channel[sent.is_sent]
        wrong = ~agreed[people.consent[told], channel] | withdrawn[told]
        if wrong.any():
            yield f"week {week + 1}: {int(wrong.sum())} were contacted who had not agreed to the channel"
        withdrawn = withdrawn.copy()
        withdrawn[course.withdrew[week]] = True


def _holdout(policy: Policy, past: Past, course: Course) -> Iterator[str]:
    ids = np.array([f"c-{number:07d}" for number in past.people.number.tolist()], dtype=object)
    for week, sent in enumerate(course.sent):
        t = microseconds(past.calendar.moment(past.week + week))
        held = is_held_out(ids, policy.holdout.share, policy.holdout.salt_at(t))
        if held[sent.customer[sent.is_sent]].any():
            yield f"week {week + 1}: customers of the holdout were contacted"
