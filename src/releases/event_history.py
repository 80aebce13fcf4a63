"""Histories of a base that go on with the journal of events."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from features.hypothesis import current_rows
from releases.event_journal import Entry, Journal
from releases.event_store import open_journal
from releases.home import Home
from tables.contract import CONTACT_CHANNELS, TABLES
from tables.event_row import records_of, same_content
from tables.history import NEARLY_ALL, Histories, read_histories
from tables.live import LiveHistories, Snapshot
from tables.record import MISSING_DAY, STORED_TYPES, Records, known_at, own_columns
from tables.sealed import verify

# In the place of columns: the channels that the customer no longer wants to be contacted on. The row is the
# customer's last one without them.
OPT_OUT = "opt_out"
Row = Mapping[str, Any]


class EventHistories:
    """Not for several threads at once, but for `snapshot`."""

    def __init__(self, histories: Histories, journal: Journal) -> None:
        """Nothing is read from the journal before the first `refresh`."""
        self.live = LiveHistories(histories)
        self.journal = journal
        self.known_at = 0

    def refresh(self) -> Sequence[Entry]:
        """Read on; returns what is new. Raises Refused where the journal cannot be read."""
        entries = self.journal.since(self.live.position)
        records = _records([row for entry in entries for row in entry.rows], self.live.stored.time_zone)
        begin = 0
        for entry in entries:
            rows, begin = records[begin : begin + len(entry.rows)], begin + len(entry.rows)
            coming = []
            for row, made in zip(entry.rows, rows, strict=True):
                record = self._opted_out(row) if made is None else made
                if not self._has(row, record):
                    coming.append((str(row["customer_id"]), str(row["table"]), record))
            self.live.add(self.live.position + 1, coming)
            self.known_at = max(self.known_at, entry.known_at)
        return entries

    def snapshot(self, customer_ids: Sequence[str], position: int | None = None) -> Snapshot:
        return self.live.snapshot(customer_ids, position)

    def versions(self, customer_id: str, table: str, event: int) -> Records:
        """The rows there are of a customer's event, the one known last at the end; event: its code."""
        seen = self.snapshot([customer_id])
        if seen.places[0] < 0:
            return np.empty(0, STORED_TYPES[table])
        rows = seen.rows(int(seen.places[0]), table)
        rows = rows[rows["event_id"] == event]
        found: Records = rows[np.argsort(known_at(rows), kind="stable")]
        return found

    def _has(self, row: Row, record: Records) -> bool:
        """Whether the base brought the same: then it needs no second row."""
        before = self.versions(str(row["customer_id"]), str(row["table"]), int(record["event_id"][0]))
        return len(before) > 0 and same_content(before[-1:], record)

    def _opted_out(self, row: Row) -> Records:
        said = {name: row[name] for name in ("event_id", "customer_id", "at", "known_at")}
        (own,) = records_of("customers", [said], self.live.stored.time_zone)
        seen = self.snapshot([str(row["customer_id"])])
        last = current_rows(seen.rows(int(seen.places[0]), "customers"), int(row["known_at"]))[-1:]
        if len(last):
            for name in own_columns(TABLES["customers"]):
                own[name] = last[name]
        unwanted = sum(1 << CONTACT_CHANNELS.index(channel) for channel in row[OPT_OUT])
        agreed = np.where(own["consents"] == MISSING_DAY, 0, own["consents"])
        own["consents"] = agreed & ~unwanted
        if row.get("personalised") is False:
            own["personalised"] = 0
        return own


def read_event_histories(home: Home, base: Path) -> EventHistories:
    """A sealed base, verified, with all that came online; raises Refused."""
    verify(base)
    events = EventHistories(read_histories(base / "histories", NEARLY_ALL), open_journal(home))
    events.refresh()
    return events


def _records(rows: Sequence[Row], zone: str) -> list[Records | None]:
    """Each row's record, made table by table; None of an opt-out, which goes on from what was before."""
    places = defaultdict(list)
    for k, row in enumerate(rows):
        if OPT_OUT not in row:
            places[row["table"]].append(k)
    found: list[Records | None] = [None] * len(rows)
    for table, some in places.items():
        for k, record in zip(some, records_of(table, [rows[k] for k in some], zone), strict=True):
            found[k] = record
    return found
