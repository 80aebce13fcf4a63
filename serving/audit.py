"""Who asked for whom: one line of JSON a request, in a log of its own, without a plain customer id."""

import hmac
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

import msgspec
from starlette.requests import Request

from releases.access import Key
from releases.home import Home, Published
from serving.served import log
from serving.variable import AUDIT

STANDARD_ERROR = 2
NOTED = "holdfast.noted"
SECONDS_BETWEEN_LOOKS = 1.0


class Noted(TypedDict, total=False):
    """What a route says of its answer: for whom, which decisions, by what."""

    customers: Sequence[str]
    decisions: Sequence[str]
    published: Published


def note(
    request: Request,
    published: Published | None = None,
    customers: Sequence[str] | None = None,
    decisions: Sequence[str] | None = None,
) -> None:
    """Leave with the request what its line shall say; later notes add to earlier ones."""
    noted: Noted = request.scope.setdefault(NOTED, Noted())
    if published is not None:
        noted["published"] = published
    if customers is not None:
        noted["customers"] = customers
    if decisions is not None:
        noted["decisions"] = decisions


class Audit:
    """Customers stand in it under pseudonyms of the home's key. path: '' for standard error."""

    def __init__(self, home: Home, path: str | None = None) -> None:
        self._home = home
        self._key = b""
        self._lines = Lines(os.environ.get(AUDIT, "") if path is None else path)

    def write(self, key: Key, method: str, route: str, status: int, noted: Noted) -> None:
        now = noted.get("published")
        said = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "key": key.id,
            "name": key.name,
            "method": method,
            "route": route,
            "status": status,
            "customers": [self.pseudonym(each) for each in noted.get("customers", ())],
            "decisions": list(noted.get("decisions", ())),
            "bundle": now.bundle if now else None,
            "policy": now.policy if now else None,
            "week": now.week if now else None,
        }
        self._lines.write(msgspec.json.encode(said) + b"\n")

    def pseudonym(self, customer_id: str) -> str:
        if not self._key:
            self._key = hmac.digest(self._home.key(), b"audit", "sha256")
        return hmac.digest(self._key, customer_id.encode(errors="surrogatepass"), "sha256").hex()[:32]


class Lines:
    """Appends each line with one write, so that lines of several processes do not mix; a file that was moved
    away is made anew. What cannot be written is said once, in the service's log: the log of decisions is
    the record that an answer depends on."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = -1 if path else STANDARD_ERROR
        self._has_failed = False
        self._looked = 0.0

    def write(self, line: bytes) -> None:
        try:
            if self._path:
                self._open()
            while line:
                line = line[os.write(self._file, line) :]
            self._has_failed = False
        except OSError as error:
            if not self._has_failed:
                log.error(
                    "audit lines are being lost: %s: %s", self._path or "standard error", error.strerror
                )
            self._has_failed = True

    def _open(self) -> None:
        now = time.monotonic()
        if self._file != -1:
            if now - self._looked < SECONDS_BETWEEN_LOOKS:
                return
            self._looked = now
            try:
                if os.path.samestat(os.fstat(self._file), Path(self._path).stat()):
                    return
            except FileNotFoundError:
                pass
            os.close(self._file)
            self._file = -1
        self._looked = now
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
