"""Histories of a base that go on with the journal of events."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from features.hypothesis import current_rows
from releases.event_journal import Entry, Journal
from tables.contract import CONTACT_CHANNELS, TABLES
from tables.event_row import records_of, same_content
from tables.history import Histories
from tables.live import LiveHistories, Snapshot
from tables.record import MISSING_DAY, STORED_TYPES, Records, known_at, missing_of, own_columns

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
        at, known = int(row["at"]), int(row["known_at"])
        seen = self.snapshot([str(row["customer_id"])])
        last = current_rows(seen.rows(int(seen.places[0]), "customers"), known)[-1:].copy()
        if not len(last):
            last = np.zeros(1, STORED_TYPES["customers"])
            for name, column in own_columns(TABLES["customers"]).items():
                last[name] = missing_of(column)
        (empty,) = records_of(
            "customers",
            [{"event_id": row["event_id"], "customer_id": row["customer_id"], "at": at, "known_at": known}],
            self.live.stored.time_zone,
        )
        for name in ("at", "seen_at", "known_at", "event_id", "zone_minutes", "mark"):
            last[name] = empty[name]
        unwanted = sum(1 << CONTACT_CHANNELS.index(channel) for channel in row[OPT_OUT])
        agreed = np.where(last["consents"] == MISSING_DAY, 0, last["consents"])
        last["consents"] = agreed & ~unwanted
        if row.get("personalised") is False:
            last["personalised"] = 0
        return last


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
