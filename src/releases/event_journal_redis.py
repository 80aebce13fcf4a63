"""The journal of events in Redis, for services on several machines: a list, and a script that appends.

What Redis acknowledges must be on its disk: without an append-only file that is forced at every write
(`appendonly yes`, `appendfsync always`) no event is taken.
"""

import secrets
from collections.abc import Sequence
from typing import Any

import redis

from releases.event_journal import Entry, body_of, entry_of
from releases.redis_client import reached
from tables.refusal import Refused

APPEND = """
if redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[2])
return 1
"""
DURABLE = {"appendonly": "yes", "appendfsync": "always"}


class RedisJournal:
    """url: as redis-py reads it; space: what all keys of a home begin with."""

    def __init__(self, url: str, space: str) -> None:
        self._redis = reached(url, "HOLDFAST_EVENTS")
        self._name = f"{{{space}}}:events"
        self._append = self._redis.register_script(APPEND)
        self._is_durable = False

    def identity(self, *, make: bool) -> str:
        """Which journal this is, drawn when it was made; Refused where it is gone."""
        name = f"{self._name}:identity"
        if make:
            self._asked("set", name, secrets.token_hex(16), nx=True)
        found = self._asked("get", name)
        if found is None:
            raise Refused("Redis does not hold this home's journal of events, or lost it")
        return str(found.decode())

    def since(self, position: int) -> Sequence[Entry]:
        # The last entry read comes again, so that a list that was cut short is noticed.
        found = self._asked("lrange", self._name, max(position - 1, 0), -1)
        if position and not found:
            raise Refused(f"Redis: the journal of events is shorter than the {position} entries read from it")
        return [entry_of(body) for body in (found[1:] if position else found)]

    def append(self, position: int, entry: Entry) -> bool:
        self._require_durable()
        try:
            return bool(self._append(keys=[self._name], args=[position, body_of(entry)]))
        except redis.RedisError as error:
            # It may have been taken: whoever asks again under the same key or event ids finds out.
            raise _failed(error) from error

    def close(self) -> None:
        self._redis.close()

    def _require_durable(self) -> None:
        if self._is_durable:
            return
        for name, wanted in DURABLE.items():
            found = self._asked("config_get", name).get(name, "")
            if found != wanted:
                raise Refused(
                    f"Redis: {name} is {found!r}; an acknowledged event must be on disk: set it to {wanted!r}"
                )
        self._is_durable = True

    def _asked(self, command: str, *arguments: Any, **options: Any) -> Any:
        try:
            return getattr(self._redis, command)(*arguments, **options)
        except redis.RedisError as error:
            self._is_durable = False  # it may be another server when it comes back
            raise _failed(error) from error


def _failed(error: redis.RedisError) -> Refused:
    return Refused(f"Redis: the journal of events cannot be used ({type(error).__name__}: {error})")
