"""Counters: what is left of a week's limits beside its reservations, and whom the service told what since.

One store is shared by every process that decides. Its one way to write is a swap: a customer's contacts are
what they were when they were read, every limit still reaches, or nothing is written. So whatever was decided
from what was read still holds when it is written, and the store need not know what a cap is.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from decisions.reach import Cap
from tables.moment import DAY
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
# Integers, so that sums are exact: millionths of a minor unit, a contact or a redemption.
MICRO = 1_000_000
# Scripts of Redis count in doubles, which are exact up to here; more is never left.
MOST = 2**53 - 1
# The longest cap that a policy may state; contacts of before are forgotten.
DAYS_KEPT = 728
MOST_TRIES = 20


class Contact(NamedTuple):
    """at: when it was decided, microseconds by the deciding machine's clock; week: that was published then;
    kind, channel: in the contract's words, '' where not known; is_reserved: whether the week had set it
    aside; name: of the decision, or of the event of a contact that was made without one."""

    at: int
    week: str
    kind: str
    channel: str
    is_reserved: bool
    name: str = ""


class Seen(NamedTuple):
    """left: of each limit, in millionths; contacts: a text a customer (contacts_of), in the order asked."""

    left: tuple[int, ...]
    contacts: tuple[str, ...]


class Swap(NamedTuple):
    """before, after: a customer's contacts, as texts; uses: of each limit, in millionths (below 0: gives)."""

    customer: str
    before: str
    after: str
    uses: tuple[int, ...]


class Take(NamedTuple):
    """One contact that is to be made; seen: the customer's contacts as they were read."""

    customer: str
    seen: str
    contact: Contact
    uses: tuple[int, ...]


class Counters(Protocol):
    """A store of counters. Every method raises Refused when the store cannot be used; whether anything was
    written then is not known."""

    def identity(self, *, make: bool) -> str:
        """Which store this is, drawn when it was made; make: make one where there is none."""

    def begin(self, week: str, left: Sequence[int]) -> None:
        """Let a week begin with so much left of each limit; nothing changes if it began before."""

    def look(self, week: str, customers: Sequence[str]) -> Seen:
        """What is left, and the contacts of these customers, all at one moment."""

    def swap(self, week: str, swaps: Sequence[Swap], *, forced: bool = False) -> list[bool]:
        """Each swap in turn, whole or not at all; forced: whatever is left of the limits."""

    def close(self) -> None: ...


def take(counters: Counters, week: str, takes: Sequence[Take]) -> list[bool]:
    """Whether each was taken: all limits reached, and the customer was told nothing since they were read."""
    return counters.swap(
        week, [Swap(each.customer, each.seen, _with(each.seen, each.contact), each.uses) for each in takes]
    )


def give_back(counters: Counters, week: str, takes: Sequence[Take]) -> None:
    """Undo takes that were not given out after all; Refused where others were always quicker."""
    waiting = list(takes)
    for _ in range(MOST_TRIES):
        seen = counters.look(week, [each.customer for each in waiting])
        swaps = [
            Swap(each.customer, text, _without(text, each.contact), tuple(-use for use in each.uses))
            for each, text in zip(waiting, seen.contacts, strict=True)
        ]
        done = counters.swap(week, swaps, forced=True)
        waiting = [each for each, is_done in zip(waiting, done, strict=True) if not is_done]
        if not waiting:
            return
    raise Refused(f"{len(waiting)} takes of week {week} could not be given back: their customers change")


def note(counters: Counters, week: str, customer: str, contact: Contact) -> None:
    """Count a contact that somebody else made, once; Refused where others were always quicker."""
    for _ in range(MOST_TRIES):
        seen = counters.look(week, [customer])
        (text,) = seen.contacts
        if any(each.name == contact.name for each in contacts_of(text)):
            return
        swap = Swap(customer, text, _with(text, contact), (0,) * len(seen.left))
        if all(counters.swap(week, [swap], forced=True)):
            return
    raise Refused(f"a contact of week {week} could not be counted: its customer changes")


def after(left: Sequence[int], uses: Sequence[int], *, forced: bool) -> list[int] | None:
    """What is left then, None where a limit does not reach; what gives to a limit is not held up by it."""
    if not forced and any(use > max(rest, 0) for use, rest in zip(uses, left, strict=True)):
        return None
    return [min(rest - use, MOST) for use, rest in zip(uses, left, strict=True)]


def contacts_of(text: str) -> list[Contact]:
    """The contacts that a text says; Refused where it says none."""
    try:
        return [Contact(*each) for each in json.loads(text)] if text else []
    except (ValueError, TypeError) as error:
        raise Refused(
            f"a customer's contacts in the counters are damaged ({error}): {text[:60]!r}"
        ) from error


def contacts_under(contacts: Sequence[Contact], caps: Sequence[Cap], since: int, t: int) -> Floats:
    """How many count against each cap of a decision as of t, beside what the histories know: made after
    `since`, the week's moment, and not too long before t; shape (caps,). One whose channel or kind is not
    known counts against all."""
    counts = np.zeros(len(caps))
    for k, cap in enumerate(caps):
        begin = max(since, t - cap.days * DAY)
        counts[k] = sum(
            each.at > begin
            and (not cap.channels or each.channel in ("", *cap.channels))
            and (not cap.kinds or each.kind in ("", *cap.kinds))
            for each in contacts
        )
    return counts


def millionths_of_uses(uses: Floats) -> tuple[int, ...]:
    """Rounded up, so that a sum of them is never less than what was used."""
    return tuple(int(each) for each in np.ceil(uses * MICRO))


def millionths_left(left: Floats) -> tuple[int, ...]:
    """Rounded down, and never more than MOST."""
    return tuple(int(each) for each in np.minimum(np.floor(left * MICRO), float(MOST)))


def left_of(millionths: Sequence[int]) -> Floats:
    return np.array(millionths, dtype=np.float64) / MICRO


def _with(text: str, contact: Contact) -> str:
    since = contact.at - DAYS_KEPT * DAY
    return _text([*(each for each in contacts_of(text) if each.at > since), contact])


def _without(text: str, contact: Contact) -> str:
    contacts = contacts_of(text)
    if contact not in contacts:
        raise Refused(f"a contact of week {contact.week} cannot be given back: the counters do not have it")
    contacts.remove(contact)
    return _text(contacts)


def _text(contacts: list[Contact]) -> str:
    return json.dumps(contacts, separators=(",", ":")) if contacts else ""
