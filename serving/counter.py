"""The counters as a process of the service holds them: opened when needed, and again after a failure."""

import hashlib
import hmac
import logging
import os
import threading
from collections.abc import Sequence

from releases.counter import (
    Contact,
    Counters,
    Floats,
    Seen,
    Take,
    give_back,
    millionths_left,
    note,
    take,
)
from releases.counter_file import FileCounters
from releases.counter_redis import RedisCounters
from releases.home import Home
from tables.refusal import Refused
from tables.sealed import write_whole

# Where the counters are: redis://HOST:PORT/DB for several machines; without it, a file in the home.
VARIABLE = "HOLDFAST_COUNTERS"
FILE = "counters.sqlite"
log = logging.getLogger("bentoml.holdfast")


class Counter:
    """For any number of threads. Customers stand in the store under pseudonyms of the home's key, so whoever
    shares a store shares the key."""

    def __init__(self, home: Home, url: str | None = None) -> None:
        self._home = home
        self._url = os.environ.get(VARIABLE, "") if url is None else url
        self._opening = threading.Lock()
        self._counters: Counters | None = None
        self._key = b""
        self._begun: set[str] = set()
        self._failed = False

    def look(self, week: str, remainder: Floats, customer_ids: Sequence[str]) -> Seen:
        """remainder: what the week left of each limit, as it begins; raises Refused."""
        try:
            counters = self._open()
            if week not in self._begun:
                counters.begin(week, millionths_left(remainder))
                self._begun.add(week)
            seen = counters.look(week, [self.pseudonym(each) for each in customer_ids])
        except Refused as error:
            self._fails(error)
            raise
        if self._failed:
            log.info("the counters can be used again")
            self._failed = False
        return seen

    def take(self, week: str, takes: Sequence[Take]) -> list[bool]:
        try:
            return take(self._open(), week, takes)
        except Refused as error:
            self._fails(error)
            raise

    def give_back(self, week: str, takes: Sequence[Take]) -> None:
        """Of an answer that is not given after all; what cannot be given back stays taken."""
        try:
            give_back(self._open(), week, takes)
        except Refused as error:
            self._fails(error)

    def note(self, week: str, remainder: Floats, customer_id: str, contact: Contact) -> None:
        """Count a contact that was made without us, once; raises Refused."""
        self.look(week, remainder, ())
        try:
            note(self._open(), week, self.pseudonym(customer_id), contact)
        except Refused as error:
            self._fails(error)
            raise

    def close(self) -> None:
        with self._opening:
            counters, self._counters = self._counters, None
            self._begun.clear()
        if counters is not None:
            counters.close()

    @property
    def is_down(self) -> bool:
        """Whether they could not be used when they were last asked."""
        return self._failed

    @property
    def space(self) -> str:
        """What all keys of this home begin with in Redis."""
        return f"holdfast-{self._key.hex()[:16]}"

    def pseudonym(self, customer_id: str) -> str:
        return hmac.new(self._key, customer_id.encode(), hashlib.sha256).hexdigest()[:32]

    def _open(self) -> Counters:
        """The store this home began with; a first one is made, a lost one is not."""
        with self._opening:
            if self._counters is None:
                try:
                    self._key = hmac.new(self._home.key(), b"counters", hashlib.sha256).digest()
                    self._counters = self._known(self._made())
                except OSError as error:
                    raise Refused(f"{self._home.counting}: cannot be read or written ({error})") from error
            return self._counters

    def _made(self) -> Counters:
        if self._url:
            return RedisCounters(self._url, self.space)
        return FileCounters(self._home.counters / FILE)

    def _known(self, counters: Counters) -> Counters:
        note = self._home.counting
        expected = note.read_text(encoding="utf-8").strip() if note.exists() else ""
        try:
            found = counters.identity(make=not expected)
            if expected and found != expected:
                raise Refused(
                    f"these counters are {found}, and the home began with {expected} ({note}): put those "
                    f"back, or remove {note.name} to begin anew with all the week left and no contact made"
                )
        except Refused:
            counters.close()
            raise
        if not expected:
            write_whole(note, found + "\n")
        return counters

    def _fails(self, error: Refused) -> None:
        """Said once a failure, not once a request; what was open is looked for again."""
        if not self._failed:
            log.error("no offer is made beyond the week's: %s", error)
        self._failed = True
        self.close()
