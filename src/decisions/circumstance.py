"""The circumstances of customers: what bears on what they may be offered, beside scores and segments."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.contact_count import count_under
from decisions.holdout import is_held_out
from decisions.policy import Policy
from decisions.reach import Cap
from decisions.segment import measured_of
from decisions.standing import Standing
from features.anniversary import anniversary
from features.consent import consent, personal
from features.reader import FactTable, Readable, moments_of, names_of, read_facts, visible_rows
from models.contact import HELD_BACK
from tables.contract import CONTACT_CHANNELS, OFFER_KINDS
from tables.moment import DAY
from tables.once import once

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
AGREED = (consent, personal, anniversary)
DAYS_TO = {"birthday": "days_to_birthday", "joining": "days_to_joining_anniversary"}
EVER_SINCE = int(np.iinfo(np.int64).min)
# The one occasion that lies behind: the first days of who joined.
WELCOME, SINCE_JOINING = "welcome", "days_since_joined"


class Circumstances(NamedTuple):
    """Shape (customers,), nan where something is not known, but for: contacts, made so far under each cap of
    the policy, (customers, caps); days_to, until each of its occasions (since it, for the welcome),
    (customers, occasions); hours, the preference for each of its slots, (customers, slots). consents: bits
    in CONTACT_CHANNELS' order; stage: place of the life-cycle state."""

    ids: npt.NDArray[np.object_]
    consents: Floats
    is_personalised: Floats
    held_out: npt.NDArray[np.bool_]
    stage: npt.NDArray[np.int8]
    open_complaints: Floats
    unanswered: Floats
    days_since_contact: Floats
    contacts: Floats
    days_to: Floats
    hours: Floats

    def rows(self, rows: Int64s | slice) -> "Circumstances":
        return Circumstances._make(each[rows] for each in self)

    def also_contacted(self, contacts: Floats) -> "Circumstances":
        """The same customers with so many more contacts under each cap; shape (customers, caps)."""
        return self._replace(contacts=self.contacts + contacts)

    def nobody_held_out(self) -> "Circumstances":
        """The same customers as if there were no holdout."""
        return self._replace(held_out=np.zeros(len(self.ids), dtype=bool))


def circumstances(
    histories: Readable,
    places: Int64s,
    t: Int64s | int,
    facts: FactTable,
    standing: Standing,
    policy: Policy,
) -> Circumstances:
    """Of the customers at `places` as of t (one moment, or one each; the holdout is that of the last); facts,
    standing: theirs, read at t."""
    agreed = read_facts(histories, places, t, AGREED)
    days_to = [
        facts.column(SINCE_JOINING) if each.day == WELCOME else agreed.column(DAYS_TO[each.day])
        for each in policy.occasions
    ]
    ids = histories.ids_of(places)
    return Circumstances(
        ids=ids,
        consents=agreed.column(names_of((consent,))[0]),
        is_personalised=agreed.column(names_of((personal,))[0]),
        held_out=is_held_out(ids, policy.holdout.share, policy.holdout.salt_at(int(np.asarray(t).max()))),
        stage=standing.stage,
        open_complaints=facts.column("open_complaints"),
        unanswered=facts.column("contacts_since_last_response_364d"),
        days_since_contact=facts.column("days_since_last_contact"),
        contacts=contacts_under(histories, places, t, policy.caps),
        days_to=_columns(days_to, len(places)),
        hours=_hours(standing, policy),
    )


def contacts_under(
    histories: Readable, places: Int64s, t: Int64s | int, caps: tuple[Cap, ...], since: int | None = None
) -> Floats:
    """How many contacts count against each cap at t (since: of those made later than then); nan where the
    base tells of no contacts at all.

    A contact whose channel or offer is not known counts against every cap: a cap that cannot be checked is
    kept.
    """
    counts = np.full((len(places), len(caps)), np.nan)
    if not caps or "contacts" not in histories.present:
        return counts
    counts[:] = 0
    owner, rows = visible_rows(histories, "contacts", t, places)
    fields = (rows[name] for name in ("kind", "at", "channel", "offer_kind"))
    later = EVER_SINCE if since is None else since
    count_under(owner, *fields, moments_of(places, t), later, HELD_BACK, *_limits(caps), counts)
    return counts


@once
def _limits(caps: tuple[Cap, ...]) -> tuple[Int64s, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """How long each cap looks back (microseconds), and which channels and kinds it counts, by place; the
    first place is what is not known."""

    def counted(each: tuple[str, ...], order: tuple[str, ...]) -> list[bool]:
        return [True, *(not each or name in each for name in order)]

    return (
        np.array([cap.days * DAY for cap in caps], np.int64),
        np.array([counted(cap.channels, CONTACT_CHANNELS) for cap in caps]),
        np.array([counted(cap.kinds, OFFER_KINDS) for cap in caps]),
    )


def _hours(standing: Standing, policy: Policy) -> Floats:
    named, customers = [slot.preference for slot in policy.slots], len(standing.stage)
    nothing = np.full(customers, np.nan)
    measured = measured_of(policy, standing.known)
    return _columns([measured(each) if each else nothing for each in named], customers)


def _columns(columns: list[Floats], rows: int) -> Floats:
    whole = np.empty((rows, len(columns)))
    for k, column in enumerate(columns):
        whole[:, k] = column
    return whole
