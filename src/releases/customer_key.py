"""The customers' keys: one random key each, under which the log hides what it says of them.

An SQLite file, since it must be changed in place by several processes and forget for good. Keys stand in it
encrypted under the home's key. To erase a customer, their key is overwritten with zeros of the same length:
SQLite then writes over the very bytes, and a row that is only ever appended was never copied elsewhere when
the file grew. The log's file is emptied as well.
"""

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tables.refusal import Refused

FILE = "keys.sqlite"
KEY_BYTES, NONCE_BYTES, TAG_BYTES = 32, 12, 16
WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES
SECONDS_TO_WAIT = 5
TABLES = """
create table if not exists key (
    number integer primary key autoincrement,
    customer text not null,
    forgotten integer not null,
    wrapped blob not null
);
create unique index if not exists key_in_use on key (customer) where forgotten = 0;
"""


class CustomerKey(NamedTuple):
    """number: of the key (who was forgotten may get another one); customer: the pseudonym."""

    number: int
    customer: str
    secret: bytes


class CustomerKeys:
    """The store of one home. Not for several threads at once; several processes may have it open."""

    def __init__(self, shelf: Path, home_key: bytes) -> None:
        """shelf: the folder of the log. Raises Refused when the file is no store of keys, OSError when it
        cannot be written."""
        shelf.mkdir(parents=True, exist_ok=True)
        self._path = shelf / FILE
        self._pseudonyms = _derived(home_key, "pseudonyms")
        self._wrapping = AESGCM(_derived(home_key, "customers' keys"))
        self._path.touch(mode=0o600)
        # Transactions are ours to begin; whoever opened the store may hand it to the thread that writes.
        self._file = sqlite3.connect(
            self._path, timeout=SECONDS_TO_WAIT, isolation_level=None, check_same_thread=False
        )
        try:
            for setting in ("journal_mode = wal", "synchronous = full", "secure_delete = on"):
                self._file.execute(f"pragma {setting}")
            self._file.executescript(TABLES)
        except sqlite3.DatabaseError as error:
            self._file.close()
            raise _failed(self._path, error) from error

    def pseudonym(self, customer_id: str) -> str:
        """What stands for a customer in the log; only who has the home's key can try whose it is."""
        return hmac.new(self._pseudonyms, customer_id.encode(), hashlib.sha256).hexdigest()[:32]

    def in_use(self, customer_ids: Iterable[str]) -> dict[str, CustomerKey]:
        """The key of each customer; new ones are made, and on disk, when this returns."""
        names = {each: self.pseudonym(each) for each in customer_ids}
        try:
            found = {each: self._found(name) for each, name in names.items()}
            if missing := [each for each, key in found.items() if key is None]:
                self._make([names[each] for each in missing])
                found |= {each: self._found(names[each]) for each in missing}
        except sqlite3.DatabaseError as error:
            raise _failed(self._path, error) from error
        return {each: key for each, key in found.items() if key is not None}

    def secret(self, customer: str, number: int) -> bytes | None:
        """The key of a record; None when its customer (a pseudonym) was forgotten."""
        try:
            row = self._file.execute(
                "select wrapped, forgotten from key where number = ? and customer = ?", (number, customer)
            ).fetchone()
        except sqlite3.DatabaseError as error:
            raise _failed(self._path, error) from error
        if row is None:
            raise Refused(f"{self._path}: has no key {number} of customer {customer}; restore it from a copy")
        return None if row[1] else self._unwrapped(customer, row[0])

    def forget(self, customer_id: str) -> bool:
        """Erase a customer's key, so that nothing the log says of them can be read again; False when they had
        none. Raises Refused when its bytes could not be removed yet: call again."""
        customer = self.pseudonym(customer_id)
        zeros = bytes(WRAPPED_BYTES)
        try:
            with self._file:
                self._file.execute("begin immediate")
                erased = self._file.execute(
                    "update key set wrapped = ?, forgotten = 1 where customer = ? and forgotten = 0",
                    (zeros, customer),
                ).rowcount
            busy, _, _ = self._file.execute("pragma wal_checkpoint(truncate)").fetchone()
        except sqlite3.DatabaseError as error:
            raise _failed(self._path, error) from error
        if busy:
            raise Refused(
                f"{self._path}: the key is erased, but its bytes are still in the file's log, which another "
                "process reads; try again"
            )
        return bool(erased)

    def close(self) -> None:
        self._file.close()

    def _found(self, customer: str) -> CustomerKey | None:
        row = self._file.execute(
            "select number, wrapped from key where customer = ? and forgotten = 0", (customer,)
        ).fetchone()
        return CustomerKey(row[0], customer, self._unwrapped(customer, row[1])) if row else None

    def _make(self, customers: list[str]) -> None:
        with self._file:
            self._file.execute("begin immediate")
            self._file.executemany(
                # Another process may have been quicker.
                "insert or ignore into key (customer, forgotten, wrapped) values (?, 0, ?)",
                [(customer, self._wrapped(customer)) for customer in customers],
            )

    def _wrapped(self, customer: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._wrapping.encrypt(nonce, secrets.token_bytes(KEY_BYTES), customer.encode())

    def _unwrapped(self, customer: str, wrapped: bytes) -> bytes:
        try:
            return self._wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], customer.encode())
        except (InvalidTag, ValueError) as error:
            raise Refused(
                f"{self._path}: the key of customer {customer} is damaged or of another home's key; restore "
                "it from a copy"
            ) from error


def _derived(home_key: bytes, purpose: str) -> bytes:
    return hmac.new(home_key, f"decision log: {purpose}".encode(), hashlib.sha256).digest()


def _failed(path: Path, error: Exception) -> Refused:
    return Refused(f"{path}: the store of customers' keys cannot be used ({error})")
