"""Who may ask the service: the keys of a home, `access/keys.json`.

A key's secret is 32 random bytes, of which only the SHA-256 is kept: nobody guesses 256 bits, so a slow hash
would protect nothing and cost every request. A key's text names its home, so that another base's key is told
apart from a wrong one. The file carries an HMAC under the home's key: a changed bit lets nobody in.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from releases.home import Home
from releases.lock import alone
from tables.refusal import Refused
from tables.sealed import canonical_json, write_whole

SCOPES = ("score", "decide", "read", "events", "operate")
FILE, LOCK = "keys.json", "lock"
# Requests a second and at once, for each process of the service: far more than people and pages ask for, and
# few enough that a loop gone wild leaves room for others.
RATE, BURST = 500.0, 1000
MOST_A_SECOND = 1_000_000
LONGEST_NAME = 100
MENDED = "restore it, or remove it and make new keys with `holdfast keys create`"
TEXT = re.compile(r"holdfast_(?P<base>[0-9a-f]{12})_(?P<id>[0-9a-f]{8})_(?P<secret>[A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class Key:
    """digest: SHA-256 of the secret, in hex. rate: requests a second, in the long run; burst: at once; both
    for each process of the service. Moments have a zone."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created: datetime
    digest: str
    expires: datetime | None = None
    revoked: datetime | None = None
    rate: float = RATE
    burst: int = BURST

    def is_good(self, now: datetime) -> bool:
        return self.revoked is None and (self.expires is None or now < self.expires)


class Presented(NamedTuple):
    """What a caller shows: the home it is for, which key it is, and the secret's digest."""

    base: str
    id: str
    digest: str


def base_id(home: Home) -> str:
    """What keys of this home name it by: nothing that tells the home's own key."""
    return _derived(home, "base").hex()[:12]


def presented(text: str) -> Presented | None:
    """None for what is no key of any home."""
    parts = TEXT.fullmatch(text)
    return Presented(parts["base"], parts["id"], _digest(parts["secret"])) if parts else None


def read_keys(home: Home) -> tuple[Key, ...]:
    """In the order they were made in; none before the first. Raises Refused where the file is damaged."""
    path = home.access / FILE
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        rows, seal = said["keys"], said["seal"]
        if hmac.compare_digest(str(seal).encode(), _seal(home, rows).encode()):
            return tuple(_key(row) for row in rows)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{path}: cannot be read ({error}); {MENDED}") from error
    raise Refused(f"{path}: its seal is not this home's, so it was changed by hand or damaged; {MENDED}")


def create(
    home: Home,
    name: str,
    scopes: tuple[str, ...] = SCOPES,
    expires: datetime | None = None,
    rate: float = RATE,
    burst: int = BURST,
) -> tuple[Key, str]:
    """A new key and its text, which nobody can read again; raises Refused."""
    _check(name, scopes, expires, rate, burst)
    with _changing(home):
        keys = read_keys(home)
        if any(key.name == name and key.is_good(datetime.now(UTC)) for key in keys):
            raise Refused(f"there is a key {name!r}; choose another name, or `holdfast keys rotate {name}`")
        key, text = _made(home, name, scopes, expires, rate, burst)
        _write(home, (*keys, key))
    return key, text


def create_first(home: Home) -> str | None:
    """The text of a key named `first` that may do everything, where the home never had one; else None."""
    with _changing(home):
        if read_keys(home):
            return None
        key, text = _made(home, "first", SCOPES, None, RATE, BURST)
        _write(home, (key,))
    return text


def revoke(home: Home, named: str) -> tuple[Key, ...]:
    """All keys of this name or id, which end now; raises Refused where none of them was good."""
    now = _now()
    with _changing(home):
        keys = read_keys(home)
        ended = {key.id: replace(key, revoked=now) for key in _good(home, keys, named, now)}
        _write(home, tuple(ended.get(key.id, key) for key in keys))
    return tuple(ended.values())


def rotate(home: Home, named: str, grace: timedelta) -> tuple[Key, str, tuple[Key, ...]]:
    """A new key like the newest of this name or id, its text, and the old ones, which end after `grace`."""
    now = _now()
    with _changing(home):
        keys = read_keys(home)
        old = _good(home, keys, named, now)
        like = old[-1]
        new, text = _made(home, like.name, like.scopes, like.expires, like.rate, like.burst)
        until = now + grace
        ending = {key.id: replace(key, expires=min(key.expires or until, until)) for key in old}
        _write(home, (*(ending.get(key.id, key) for key in keys), new))
    return new, text, tuple(ending.values())


def _good(home: Home, keys: tuple[Key, ...], named: str, now: datetime) -> list[Key]:
    found = [key for key in keys if named in (key.id, key.name) and key.is_good(now)]
    if not found:
        known = ", ".join(dict.fromkeys(key.name for key in keys if key.is_good(now)))
        raise Refused(f"{home.access / FILE}: no key {named!r} that is good; there are {known or 'none'}")
    return found


def _check(name: str, scopes: tuple[str, ...], expires: datetime | None, rate: float, burst: int) -> None:
    if not (0 < len(name) <= LONGEST_NAME and name.isprintable() and name.strip() == name):
        raise Refused(f"a key's name has 1 to {LONGEST_NAME} printable characters; came {name!r}")
    if not scopes or not set(scopes) <= set(SCOPES):
        raise Refused(f"a key's scopes are of {', '.join(SCOPES)}; came {', '.join(scopes) or 'none'}")
    if expires is not None and expires <= datetime.now(UTC):
        raise Refused(f"a key expires in the future; came {expires.isoformat()}")
    if not (0 < rate <= MOST_A_SECOND and 1 <= burst <= MOST_A_SECOND):
        raise Refused(f"a rate is above 0, a burst at least 1, both at most {MOST_A_SECOND}")


def _made(
    home: Home, name: str, scopes: tuple[str, ...], expires: datetime | None, rate: float, burst: int
) -> tuple[Key, str]:
    number, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    in_order = tuple(each for each in SCOPES if each in scopes)
    key = Key(number, name, in_order, _now(), _digest(secret), expires, None, rate, burst)
    return key, f"holdfast_{base_id(home)}_{number}_{secret}"


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _derived(home: Home, purpose: str) -> bytes:
    return hmac.digest(home.key(), f"access: {purpose}".encode(), "sha256")


def _seal(home: Home, rows: Any) -> str:
    return hmac.digest(_derived(home, "keys"), canonical_json(rows).encode(), "sha256").hex()


def _key(row: dict[str, Any]) -> Key:
    moments = {
        each: row[each] and datetime.fromisoformat(row[each]) for each in ("created", "expires", "revoked")
    }
    return Key(**{**row, **moments, "scopes": tuple(row["scopes"])})


def _row(key: Key) -> dict[str, Any]:
    said = asdict(key) | {"scopes": list(key.scopes)}
    return {name: each.isoformat() if isinstance(each, datetime) else each for name, each in said.items()}


def _write(home: Home, keys: tuple[Key, ...]) -> None:
    rows = [_row(key) for key in keys]
    write_whole(home.access / FILE, canonical_json({"keys": rows, "seal": _seal(home, rows)}))
    (home.access / FILE).chmod(0o600)


@contextmanager
def _changing(home: Home) -> Iterator[None]:
    """One at a time, and never behind a job that holds the home's lock: a key must be revocable at once."""
    home.access.mkdir(parents=True, exist_ok=True)
    with alone(home.access / LOCK):
        yield
