"""Which journal of events a home has: a file of its own, or a list in Redis that several machines share."""

import hashlib
import hmac
import os

from releases.event_journal import FileJournal, Journal
from releases.home import Home
from tables.refusal import Refused
from tables.sealed import write_whole

# redis://HOST:PORT/DB for services on several machines; without it, the folder `events` of the home.
VARIABLE = "HOLDFAST_EVENTS"
NOTE = "shared"


def open_journal(home: Home, url: str | None = None) -> Journal:
    """The journal that this home began with; raises Refused where another one is found, or none."""
    url = os.environ.get(VARIABLE, "") if url is None else url
    note = home.events / NOTE
    try:
        expected = note.read_text(encoding="utf-8").strip() if note.exists() else ""
        if not url:
            if expected:
                raise Refused(f"{note}: this home's events are in Redis; name it in {VARIABLE}")
            return FileJournal(home.events)
        if (home.events / "journal").exists():
            raise Refused(f"{home.events}: holds events already; a journal cannot move to Redis")
        # Whoever shares no journal needs no Redis client.
        from releases.event_journal_redis import RedisJournal  # noqa: PLC0415

        journal = RedisJournal(url, space_of(home))
        found = journal.identity(make=not expected)
        if not expected:
            home.events.mkdir(parents=True, exist_ok=True)
            write_whole(note, found + "\n")
        elif found != expected:
            raise Refused(
                f"this journal is {found}, and the home began with {expected} ({note}): name that one"
            )
    except OSError as error:
        raise Refused(f"{home.events}: cannot be read or written ({error})") from error
    return journal


def space_of(home: Home) -> str:
    """What the keys of this home's events begin with in Redis."""
    return f"holdfast-{hmac.new(home.key(), b'events', hashlib.sha256).hexdigest()[:16]}"
