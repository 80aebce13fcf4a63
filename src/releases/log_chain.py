"""One writer's chain of records: claimed by a process, mended after a crash, forced to disk, sealed."""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from releases.log_frame import NO_DIGEST, Damaged, Torn, framed, write_at
from releases.log_segment import (
    Seal,
    first_body,
    frames_of,
    numbers,
    previous_of,
    read_bytes,
    read_seal,
    segment_path,
    write_seal,
)
from tables.refusal import Refused
from tables.sealed import flush, sweep

SEGMENT_BYTES = 64 * 2**20
MOST_WRITERS = 1000
log = logging.getLogger(__name__)


class Chain:
    """The chain of one writer, which nobody else writes to. Not for several threads at once."""

    def __init__(self, folder: Path, lock: int, key: bytes, segment_bytes: int) -> None:
        self.folder = folder
        self._lock = lock
        self._key = key
        self._segment_bytes = segment_bytes
        self._file = -1
        self._number = 0
        self._end = NO_DIGEST
        self._begin(b"")
        self._suspect = False

    def append(self, records: Iterable[tuple[str, bytes]]) -> None:
        """Write (id, body) of each record and force all of them to disk; raises OSError, and then none of
        them is in the chain."""
        self._mend()
        if self._file < 0 or self._size >= self._segment_bytes:
            self._open_next()
        parts, end, ids = [], self._end, []
        for name, body in records:
            part, end = framed(end, body)
            parts.append(part)
            ids.append(name)
        data = b"".join(parts)
        self._suspect = True
        try:
            write_at(self._file, data, self._size)
            os.fdatasync(self._file)
        except OSError:
            with contextlib.suppress(OSError):  # else before the next record is written
                self._mend()
            raise
        self._suspect = False
        self._took(data, len(parts), end, ids)

    def close(self) -> None:
        for handle in (self._file, self._lock):
            if handle >= 0:
                os.close(handle)
        self._file = self._lock = -1

    def recover(self) -> None:
        """Stand at the end of what is whole: what a killed process left of its last records is cut off.

        Raises Damaged when anything else is wrong with the last segment.
        """
        sweep(self.folder)
        there = numbers(self.folder)
        if not there:
            return
        self._number = there[-1]
        path = segment_path(self.folder, self._number)
        seal = read_seal(self.folder, self._number, self._key)
        if seal is not None:
            self._end = bytes.fromhex(seal.end)
            return
        data = read_bytes(self.folder, self._number)
        end, digest, records, ids = 0, previous_of(data), 0, []
        try:
            for frame in frames_of(data, str(path)):
                end, digest, records = frame.end, frame.digest, records + 1
                ids += [json.loads(frame.body)["id"]] if frame.number else []
        except Torn as torn:
            log.warning("%s; cut off", torn)
        if records == 0:
            path.unlink()  # its first record was never whole; the next append writes it again
            self._number -= 1
            self._end = self._end_of_sealed(self._number)
            return
        self._file = os.open(path, os.O_RDWR)
        self._begin(data[:end])
        self._took(b"", records, digest, ids)
        self._suspect = end < len(data)
        self._mend()

    def _end_of_sealed(self, number: int) -> bytes:
        if number == 0:
            return NO_DIGEST
        seal = read_seal(self.folder, number, self._key)
        if seal is None:
            path = segment_path(self.folder, number)
            raise Damaged(f"{path}: another one follows, but it has no seal; restore that from a copy")
        return bytes.fromhex(seal.end)

    def _begin(self, data: bytes) -> None:
        self._size, self._records = len(data), 0
        self._sha256 = hashlib.sha256(data)
        self._first_id = self._last_id = ""

    def _took(self, data: bytes, records: int, end: bytes, ids: list[str]) -> None:
        self._sha256.update(data)
        self._size += len(data)
        self._records += records
        self._end = end
        if ids:
            self._first_id = min(ids) if not self._first_id else min(self._first_id, *ids)
            self._last_id = max(self._last_id, *ids)

    def _mend(self) -> None:
        """After a write that failed, take away what may have come of it: it was never acknowledged."""
        if self._suspect:
            os.ftruncate(self._file, self._size)
            os.fsync(self._file)
            self._suspect = False

    def _open_next(self) -> None:
        if self._file >= 0:
            sha256, last = self._sha256.hexdigest(), self._end.hex()
            seal = Seal(self._size, self._records, sha256, last, self._first_id, self._last_id)
            write_seal(self.folder, self._number, seal, self._key)
            os.close(self._file)
            self._file = -1
        number = self._number + 1
        path = segment_path(self.folder, number)
        data, end = framed(self._end, first_body(self.folder.name, number, self._end))
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            write_at(file, data, 0)
            os.fsync(file)
            flush(self.folder)
        except OSError:
            os.close(file)
            path.unlink()
            raise
        self._file, self._number = file, number
        self._begin(b"")
        self._took(data, 1, end, [])


def claim(shelf: Path, key: bytes, segment_bytes: int = SEGMENT_BYTES) -> Chain:
    """The first chain on the shelf that nobody writes to, mended; a new one where all are taken.

    A damaged chain is left as it is, for `holdfast log verify` to name, and the next one taken.
    """
    for k in range(1, MOST_WRITERS + 1):
        folder = shelf / f"writer-{k:03}"
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            flush(shelf)
            flush(shelf.parent)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        chain = Chain(folder, lock, key, segment_bytes)
        try:
            chain.recover()
        except Damaged as error:
            chain.close()
            log.error("%s; the chain is left as it is, and the next one written to", error)
            continue
        except BaseException:
            chain.close()
            raise
        return chain
    raise Refused(f"{shelf}: {MOST_WRITERS} chains are there, all damaged or being written to")
