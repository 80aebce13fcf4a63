"""What comes online, taken: held against the contract and what is known, and on disk before it is told."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from features.reader import visible_rows
from releases.event_history import OPT_OUT, EventHistories
from releases.event_journal import Entry, Journal
from serving import answer
from serving.clock import Clock
from serving.event import SECONDS_AHEAD, Event, OptOut, row_of
from serving.problem import Kind, Problem, invalid
from serving.ruling import Ruling
from tables.code import code
from tables.contract import CUSTOMER_TABLES, TABLES
from tables.event_row import records_of, same_content
from tables.history import Histories
from tables.live import Snapshot
from tables.moment import DAY, from_micros
from tables.refusal import Refused

# How long a caller's idempotency key is remembered; longer than anybody tries again.
KEY_DAYS = 1
MOST_TRIES = 20
Row = dict[str, Any]


class _Answered(NamedTuple):
    """What an entry was asked as (a digest) and answered (JSON): its rows are among the histories."""

    known_at: int
    asked: str
    told: bytes


class _Judged(NamedTuple):
    """Of each row: as it would be kept, whether it says anything new, and when it says it happened, None for
    now. faults: what the base does not bear."""

    rows: list[Row]
    statuses: list[Literal["taken", "repeated"]]
    moments: list[int | None]
    faults: list[dict[str, str]]


class Inbox:
    """The histories of a base that go on with the journal of events, for any number of threads."""

    def __init__(self, histories: Histories, journal: Journal, clock: Clock) -> None:
        """Reads what the journal has; raises Refused."""
        self.stored = histories
        self._histories = EventHistories(histories, journal)
        self._journal = journal
        self._clock = clock
        # One appends at a time: else the threads of a process would overtake each other again and again.
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._ruling = Ruling()
        # By idempotency key, the oldest first.
        self._answers: OrderedDict[str, _Answered] = OrderedDict()
        self._products, self._offers = (
            frozenset(each.rows["key"].tolist())
            for each in (histories.timelines.products, histories.timelines.offers)
        )
        self.refresh()

    @property
    def position(self) -> int:
        return self._histories.live.position

    @property
    def last_known_at(self) -> int:
        """When the last of what was taken became known; 0 before the first."""
        return self._histories.known_at

    @property
    def is_sandbox(self) -> bool:
        return self._clock.is_sandbox

    def now(self) -> int:
        """This moment, but never before what was taken became known."""
        return max(self._clock.now(), self._histories.known_at)

    def snapshot(self, customer_ids: Sequence[str]) -> Snapshot:
        return self._histories.snapshot(customer_ids)

    def refresh(self) -> None:
        """Read what other processes took; raises Refused where the journal cannot be read."""
        with self._reading:
            self._refresh()

    def take(self, events: Sequence[Event], key: str, asked: bytes) -> answer.EventsTaken:
        """All of them or none; raises Problem. key: the caller's idempotency key, '' for none; asked: what
        must be the same whenever the key is."""
        return self._take([(row_of(each), each.correction) for each in events], key, asked)

    def opt_out(self, asked: OptOut, event_id: str, key: str, body: bytes) -> answer.EventsTaken:
        row: Row = {
            "table": "customers",
            "event_id": asked.event_id or event_id,
            "customer_id": asked.customer_id,
            OPT_OUT: list(dict.fromkeys(asked.channels)),
        }
        if asked.personalised is False:
            row["personalised"] = False
        if "customers.consents" not in self.stored.present:
            raise invalid(
                {
                    "field": "customer_id",
                    "expected": "a base that knows consents: deliver customers.consents with the feed",
                    "came": "one that cannot keep an opt-out",
                }
            )
        return self._take([(row, False)], key, body)

    def _take(self, rows: list[tuple[Row, bool]], key: str, asked: bytes) -> answer.EventsTaken:
        digest = hashlib.sha256(asked).hexdigest() if key else ""
        ruled: list[int | None] | None = None
        try:
            for _ in range(MOST_TRIES):
                if ruled is None:
                    with self._reading:
                        self._refresh()
                        if key in self._answers:
                            return _again(self._answers[key], digest)
                        judged = self._judged(rows, known_at := self._next())
                    # Nobody waits for the rules who asks or tells something else meanwhile.
                    faults = judged.faults + self._rules_broken(judged.rows, known_at)
                    if faults:
                        raise invalid(*faults)
                    ruled = judged.moments
                with self._writing:
                    told = self._appended(rows, ruled, key, digest)
                if told is not None:
                    return told
                ruled = None
        except Refused as error:
            raise Problem(Kind.NOT_RECORDED, f"the journal of events: {error}; nothing was taken") from error
        raise Problem(Kind.NOT_RECORDED, "others were quicker each time; nothing was taken, try again")

    def _appended(
        self, rows: list[tuple[Row, bool]], ruled: list[int | None], key: str, digest: str
    ) -> answer.EventsTaken | None:
        """What is told once the rows are in the journal; None where others were quicker, or where they no
        longer say when what they said when they were held against the rules."""
        with self._reading:
            self._refresh()
            if key in self._answers:
                return _again(self._answers[key], digest)
            known_at = self._next()
            judged = self._judged(rows, known_at)
            if judged.faults:
                raise invalid(*judged.faults)
            if judged.moments != ruled:
                return None
            # A caller's clock may be ahead: what was taken is visible from its own moment on.
            known_at = max([known_at, *(row["known_at"] for row in judged.rows)])
            position = self.position
        told = answer.EventsTaken(
            position=position + 1,
            known_at=from_micros(known_at),
            events=[
                answer.EventTaken(event_id=row["event_id"], status=status)
                for row, status in zip(judged.rows, judged.statuses, strict=True)
            ],
        )
        taken = tuple(row for row, s in zip(judged.rows, judged.statuses, strict=True) if s == "taken")
        if not taken and not key:
            return msgspec.structs.replace(told, position=position)
        entry = Entry(known_at, taken, key, digest, msgspec.to_builtins(told) if key else {})
        if not self._journal.append(position, entry):
            return None
        self.refresh()
        return told

    def _refresh(self) -> None:
        entries = self._histories.refresh()
        if not entries:
            return
        for each in entries:
            if each.key:
                told = msgspec.json.encode(each.answer)
                self._answers[each.key] = _Answered(each.known_at, each.asked, told)
        # From the oldest on, and no further: there may be millions of a day.
        oldest = self._histories.known_at - KEY_DAYS * DAY
        while self._answers and next(iter(self._answers.values())).known_at < oldest:
            self._answers.popitem(last=False)

    def _next(self) -> int:
        """When what is taken now becomes known: each entry later than the one before, whatever clocks say."""
        return max(self._clock.now(), self._histories.known_at + 1)

    def _judged(self, rows: list[tuple[Row, bool]], known_at: int) -> _Judged:
        """The rows as they would be kept, held against what is there already; raises Problem."""
        self._require_known([row for row, _ in rows], known_at)
        found = _Judged([], [], [], [])
        for k, (row, is_correction) in enumerate(rows):
            before = self._histories.versions(row["customer_id"], row["table"], code(row["event_id"]))
            stated = int(before["at"][-1]) if len(before) and "at" not in row else row.get("at")
            at = known_at if stated is None else stated
            kept = {**row, "at": at, "known_at": max(at, known_at)}
            if at > known_at + SECONDS_AHEAD * 1_000_000:
                expected = "a moment that is not in the future"
                found.faults.append(_fault(k, "at", expected, from_micros(at).isoformat()))
            found.rows.append(kept)
            found.moments.append(stated)
            if not len(before) or OPT_OUT in row:
                found.statuses.append("repeated" if len(before) else "taken")
                continue
            (record,) = records_of(row["table"], [kept], self.stored.time_zone)
            if same_content(before[-1:], record):
                found.statuses.append("repeated")
            elif is_correction:
                found.statuses.append("taken")
            else:
                raise Problem(
                    Kind.EVENT_CONFLICT,
                    f"events.{k}: {row['event_id']!r} of {row['table']} says something else already; name "
                    "another event, or say that it is a correction; nothing was taken",
                )
        found.faults.extend(self._references_broken(found.rows, known_at))
        return found

    def _require_known(self, rows: list[Row], known_at: int) -> None:
        """Whoever is not known yet is created by a row of customers, which may come in the same request."""
        ids = list(dict.fromkeys(row["customer_id"] for row in rows))
        places = self.snapshot(ids).places
        missing = {each for each, place in zip(ids, places, strict=True) if place < 0}
        new = {row["customer_id"] for row in rows if row["table"] == "customers" and OPT_OUT not in row}
        if unknown := sorted(missing - new):
            raise Problem(
                Kind.UNKNOWN_CUSTOMER,
                f"{', '.join(map(repr, unknown[:10]))}: not known; nothing was taken. An event of customers "
                "creates one",
                customer_ids=unknown,
            )
        for row in rows:
            if row["table"] == "customers" and row["customer_id"] in missing:
                row.setdefault("joined_at", row.get("at", known_at))

    def _rules_broken(self, rows: list[Row], known_at: int) -> list[dict[str, str]]:
        faults = []
        latest = from_micros(known_at) + timedelta(seconds=SECONDS_AHEAD)
        for table in CUSTOMER_TABLES:
            numbers = [k for k, row in enumerate(rows) if row["table"] == table and OPT_OUT not in row]
            if not numbers:
                continue
            if table not in self.stored.present:
                faults += [_fault(numbers[0], "table", "a table that the base has", table)]
                continue
            found = self._ruling.broken(table, [rows[k] for k in numbers], latest)
            faults += [
                _fault(k, "", rule, rows[k]["event_id"])
                for k, rules in zip(numbers, found, strict=True)
                for rule in rules
            ]
        return faults

    def _references_broken(self, rows: list[Row], known_at: int) -> list[dict[str, str]]:
        faults = []
        for k, row in enumerate(rows):
            for column, keys in (("product_id", self._products), ("offer_id", self._offers)):
                if row.get(column) is not None and code(row[column]) not in keys:
                    table = TABLES[row["table"]].columns[column].references
                    faults.append(_fault(k, column, f"a row of {table}", row[column]))
            if row["table"] == "responses" and not self._has_contact(row, rows, known_at):
                faults.append(_fault(k, "contact_id", "a contact of this customer", row["contact_id"]))
        return faults

    def _has_contact(self, row: Row, rows: list[Row], known_at: int) -> bool:
        sought = (row["contact_id"], row["customer_id"])
        if any((e["event_id"], e["customer_id"]) == sought for e in rows if e["table"] == "contacts"):
            return True
        seen = self.snapshot([row["customer_id"]])
        if seen.places[0] < 0:
            return False
        _, contacts = visible_rows(seen, "contacts", max(known_at, int(row["at"])), seen.places)
        return bool(np.isin(contacts["event_id"], code(row["contact_id"])).any())


def _fault(number: int, field: str, expected: str, came: str) -> dict[str, str]:
    name = f"events.{number}.{field}" if field else f"events.{number}"
    return {"field": name, "expected": expected, "came": repr(came)}


def _again(before: _Answered, digest: str) -> answer.EventsTaken:
    if before.asked != digest:
        raise Problem(
            Kind.KEY_REUSED, "this Idempotency-Key came before with another request; nothing was taken"
        )
    return msgspec.json.decode(before.told, type=answer.EventsTaken)
