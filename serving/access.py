"""The keys as a process of the service knows them, and how much each may still ask."""

import hmac
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime

from releases.access import FILE, Key, base_id, presented, read_keys
from releases.home import Home
from serving.problem import Kind, Problem
from serving.served import log
from tables.refusal import Refused

SECONDS_BETWEEN_LOOKS = 1.0
SCHEME = "bearer "
# Compared with where there is no such key, so that a wrong id takes as long as a wrong secret.
NO_DIGEST = "0" * 64


class Access:
    """For one event loop. A changed file is taken up within a second; one that is damaged changes nothing:
    the keys that were known stay as good as they were, and no other is taken for good. A file that is gone
    lets nobody in."""

    def __init__(self, home: Home, clock: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._clock = clock
        self._path = home.access / FILE
        self._base = ""
        self._keys: dict[str, Key] = {}
        self._buckets: dict[str, tuple[float, float]] = {}
        self._seen: object = None
        self._damage = ""
        self._looked = -math.inf

    def key(self, authorization: str | None) -> Key:
        """The good key that the header presents; raises Problem."""
        self._look()
        if authorization is None:
            raise Problem(Kind.NO_KEY, "expected the header `Authorization: Bearer <key>`; none came")
        is_bearer = authorization[: len(SCHEME)].lower() == SCHEME
        shown = presented(authorization[len(SCHEME) :].strip()) if is_bearer else None
        if shown is None:
            raise Problem(Kind.WRONG_KEY, "expected `Bearer ` and a key as `holdfast keys create` prints it")
        if self._base and shown.base != self._base:
            raise Problem(Kind.OTHER_BASE, "the key is one of another customer base")
        key = self._keys.get(shown.id)
        if not hmac.compare_digest(key.digest if key else NO_DIGEST, shown.digest) or key is None:
            if self._damage:
                raise Problem(Kind.KEYS_DAMAGED, "only keys known before can be used (see the service's log)")
            raise Problem(Kind.WRONG_KEY, "there is no such key")
        if not key.is_good(datetime.now(UTC)):
            was = "revoked" if key.revoked else "good until " + (key.expires or key.created).isoformat()
            raise Problem(Kind.WRONG_KEY, f"the key {key.name!r} was {was}")
        return key

    def spend(self, key: Key) -> None:
        """Count a request against the key's rate; raises Problem where nothing is left."""
        now = self._clock()
        left, at = self._buckets.get(key.id, (float(key.burst), now))
        left = min(float(key.burst), left + (now - at) * key.rate)
        if left < 1:
            self._buckets[key.id] = (left, now)
            seconds = max(1, math.ceil((1 - left) / key.rate))
            detail = f"the key {key.name!r} may ask {key.rate:g} times a second and {key.burst} times at once"
            raise Problem(Kind.RATE_LIMITED, detail, retry_after=seconds)
        self._buckets[key.id] = (left - 1, now)

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked < SECONDS_BETWEEN_LOOKS:
            return
        self._looked = now
        try:
            seen = self._state()
            if seen == self._seen:
                self._damage = ""
                return
            self._base = base_id(self._home)
            self._keys = {key.id: key for key in read_keys(self._home)}
        except (Refused, OSError) as error:
            if self._damage != str(error):
                log.error("no new key is taken: %s", error)
            self._damage = str(error)
            return
        self._seen, self._damage = seen, ""
        self._buckets = {each: left for each, left in self._buckets.items() if each in self._keys}
        log.info("%d keys are known", len(self._keys))

    def _state(self) -> object:
        """Changes whenever the file does."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return "gone"
        return found.st_mtime_ns, found.st_size, found.st_ino
