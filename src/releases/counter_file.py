"""Counters in a file, for all processes of one machine: SQLite, so that a killed process leaves no half."""

import contextlib
import json
import random
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from releases.counter import Seen, Swap, after
from tables.refusal import Refused

TABLES = """
create table if not exists store (identity text not null);
create table if not exists week (name text primary key, remaining text not null) without rowid;
create table if not exists customer (name text primary key, contacts text not null) without rowid;
"""
# How long a process waits for others to write; then it does not know what is left.
SECONDS_TO_WAIT = 2.0
# SQLite itself soon sleeps a tenth of a second between tries; among eight writers some then starve.
SECONDS_OF_SQLITE = 0.005


class FileCounters:
    """forced: a swap is on disk when it returns, so that a power cut forgets nothing either; without it, only
    the death of processes is survived."""

    def __init__(self, path: Path, *, forced: bool = True) -> None:
        self._path = path
        self._synchronous = "full" if forced else "normal"
        self._using = threading.Lock()
        self._file: sqlite3.Connection | None = None
        self._opened = (0, 0)
        self._identity = ""

    def identity(self, *, make: bool) -> str:
        with self._failing():
            if make:
                self._make()
            self._connection()
        return self._identity

    def begin(self, week: str, left: Sequence[int]) -> None:
        with self._writing() as file:
            text = json.dumps(list(left))
            file.execute("insert or ignore into week values (?, ?)", (week, text))

    def look(self, week: str, customers: Sequence[str]) -> Seen:
        with self._failing():
            file = self._connection()
            _patiently(file, "begin")
            try:
                left = self._left(file, week)
                return Seen(tuple(left), tuple(self._contacts(file, each) for each in customers))
            finally:
                file.rollback()

    def swap(self, week: str, swaps: Sequence[Swap], *, forced: bool = False) -> list[bool]:
        done: list[bool] = []
        with self._writing() as file:
            left = self._left(file, week)
            for each in swaps:
                then = after(left, each.uses, forced=forced)
                fits = then is not None and self._contacts(file, each.customer) == each.before
                done.append(fits)
                if then is None or not fits:
                    continue
                left = then
                file.execute("insert or replace into customer values (?, ?)", (each.customer, each.after))
            if any(done):
                file.execute("update week set remaining = ? where name = ?", (json.dumps(left), week))
        return done

    def close(self) -> None:
        with self._using:
            self._let_go()

    def _make(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self._path, timeout=SECONDS_TO_WAIT)) as file:
            file.execute("pragma journal_mode = wal")
            file.executescript(TABLES)
            with file:
                file.execute("begin immediate")
                file.execute(
                    "insert into store select ? where not exists (select 1 from store)",
                    (secrets.token_hex(16),),
                )

    def _connection(self) -> sqlite3.Connection:
        """Of the file that was there at first. As long as it is open, its number is no other file's."""
        there = self._there()
        if self._file is not None and self._opened != there:
            raise self._replaced()
        if self._file is None:
            self._file = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=SECONDS_OF_SQLITE,
                isolation_level=None,
                check_same_thread=False,
            )
            self._opened = there
            self._file.execute(f"pragma synchronous = {self._synchronous}")
            row = _patiently(self._file, "select identity from store").fetchone()
            if row is None or self._identity not in ("", row[0]):
                raise self._replaced()
            self._identity = str(row[0])
        return self._file

    def _replaced(self) -> Refused:
        return Refused(f"{self._path}: the counters were removed or replaced while they were in use")

    def _there(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_dev, found.st_ino

    def _left(self, file: sqlite3.Connection, week: str) -> list[int]:
        row = file.execute("select remaining from week where name = ?", (week,)).fetchone()
        if row is None:
            raise Refused(f"{self._path}: knows nothing of week {week}")
        return [int(each) for each in json.loads(row[0])]

    def _contacts(self, file: sqlite3.Connection, customer: str) -> str:
        row = file.execute("select contacts from customer where name = ?", (customer,)).fetchone()
        return str(row[0]) if row else ""

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """All that is done within is written together, or nothing."""
        with self._failing():
            file = self._connection()
            _patiently(file, "begin immediate")
            try:
                yield file
                self._connection()  # still the file that others see
                file.execute("commit")
            except BaseException:
                if file.in_transaction:
                    file.rollback()
                raise

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """One thread at a time; whatever SQLite or the disk say becomes Refused, and the file is let go."""
        with self._using:
            try:
                yield
            except (sqlite3.Error, OSError, ValueError) as error:
                self._let_go()
                raise Refused(f"{self._path}: the counters cannot be used ({error})") from error
            except Refused:
                self._let_go()
                raise

    def _let_go(self) -> None:
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._file.close()
        self._file = None


def _patiently(file: sqlite3.Connection, statement: str) -> sqlite3.Cursor:
    until = time.monotonic() + SECONDS_TO_WAIT
    while True:
        try:
            return file.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(random.uniform(0.0005, 0.003))
