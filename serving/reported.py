"""Contacts that come back as events: counted against caps like those the service chose, each once."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.contact import HELD_BACK
from releases.counter import Contact
from serving.counter import Counter
from serving.event import Event, row_of
from serving.problem import Kind, Problem
from serving.served import Served
from tables.code import code
from tables.contract import OFFER_KINDS, Contacts
from tables.refusal import Refused

HELD = Contacts.kind.choices[HELD_BACK - 1]


def reported(served: Served, counter: Counter, events: Sequence[Event]) -> None:
    """Count the contacts among events that were taken; one that is named after a decision is the decision's,
    and counts already. Raises Problem: whoever sends them again has them counted then."""
    week, moment = served.published.week, served.week.moment
    for row in map(row_of, events):
        at = row.get("at", served.inbox.now())
        if row["table"] != "contacts" or row["kind"] == HELD or row.get("deleted") or at <= moment:
            continue
        contact = Contact(
            at=at,
            week=week,
            kind=_kind_of(served, row),
            channel=row.get("channel") or "",
            is_reserved=False,
            name=row["event_id"],
        )
        try:
            counter.note(week, served.remainder, row["customer_id"], contact)
        except Refused as error:
            detail = "the events were taken, but not counted; send them again: nothing counts twice"
            raise Problem(Kind.NOT_RECORDED, detail) from error


def _kind_of(served: Served, row: dict[str, Any]) -> str:
    """Of the offer, '' where the base does not know."""
    offers = served.histories.timelines.offers.rows
    (found,) = np.nonzero(offers["key"] == code(row["offer_id"]))
    place = int(offers["offer_kind"][found[-1]]) if len(found) else 0
    return OFFER_KINDS[place - 1] if place else ""
