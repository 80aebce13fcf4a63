"""The journal of events: what came online, in the order in which it was taken, on disk before it counts.

All processes that serve one home append to one journal, each at the position it has read up to, so that what
is taken was held against everything that came before. An entry is one request: whole, or not at all.
"""

import contextlib
import json
import mmap
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from releases.lock import alone
from releases.log_frame import NO_DIGEST, Damaged, Frame, Torn, framed, frames, write_at
from tables.refusal import Refused
from tables.sealed import flush

FORMAT = 1
HEADER = json.dumps({"kind": "events", "format": FORMAT}).encode() + b"\n"
HEADER_END = len(framed(NO_DIGEST, HEADER)[0])
# What was forced to disk: entries, the byte after the last, its digest.
STATE = struct.Struct("<QQ32s")
COUNT = struct.Struct("<Q")


@dataclass(frozen=True)
class Entry:
    """known_at: microseconds; rows: tables.event_row, each with its `table`; key, asked: the caller's
    idempotency key ('' for none) and the SHA-256 of what was asked under it; answer: what it was told."""

    known_at: int
    rows: tuple[Mapping[str, Any], ...]
    key: str = ""
    asked: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict)


class Journal(Protocol):
    """Every method raises Refused when the journal cannot be used."""

    def since(self, position: int) -> Sequence[Entry]:
        """What came after the first `position` entries."""

    def append(self, position: int, entry: Entry) -> bool:
        """Take the entry as number `position` + 1, for good; False where another came first."""

    def close(self) -> None: ...


def body_of(entry: Entry) -> bytes:
    text = json.dumps(asdict(entry), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode() + b"\n"


def entry_of(body: bytes) -> Entry:
    said = json.loads(body)
    return Entry(**{**said, "rows": tuple(said["rows"])})


class FileJournal:
    """In the folder `events` of the home. `append` may be called beside `since`, neither twice at once."""

    def __init__(self, folder: Path) -> None:
        """Stands at the beginning; what a killed process left of an entry is cut off."""
        self._path, self._lock = folder / "journal", folder / "lock"
        self._read, self._offset, self._digest = 0, 0, NO_DIGEST
        self._file = -1
        self._shared: mmap.mmap | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with alone(self._lock):
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
                state = os.open(folder / "state", os.O_RDWR | os.O_CREAT, 0o600)
                try:
                    os.ftruncate(state, STATE.size)
                    self._shared = mmap.mmap(state, STATE.size)
                finally:
                    os.close(state)
                self._recover()
                flush(folder)
        except OSError as error:
            self.close()
            raise Refused(f"{folder}: the journal of events cannot be opened ({error})") from error
        except Refused:
            self.close()
            raise

    def since(self, position: int) -> list[Entry]:
        if position == self._read == self._count():
            return []
        with alone(self._lock):
            count, end, _ = self._state()
        if position > count:
            raise Refused(f"{self._path}: holds {count} entries, and {position} were read from it before")
        if position < self._read:  # from the beginning
            self._read, self._offset, self._digest = 0, 0, NO_DIGEST
        data = self._bytes(self._offset, end - self._offset)
        found: list[Entry] = []
        begin = self._offset
        for frame in self._frames(data):
            self._digest, self._offset = frame.digest, begin + frame.end
            if self._offset > HEADER_END:
                self._read += 1
                if self._read > position:
                    found.append(entry_of(frame.body))
        return found

    def append(self, position: int, entry: Entry) -> bool:
        body = body_of(entry)
        with alone(self._lock):
            count, end, digest = self._state()
            if count != position:
                return False
            part, digest = framed(digest, body)
            try:
                os.ftruncate(self._file, end)  # what was never acknowledged
                write_at(self._file, part, end)
                os.fdatasync(self._file)
            except OSError as error:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, end)
                raise Refused(f"{self._path}: cannot be written ({error}); nothing was taken") from error
            self._publish(count + 1, end + len(part), digest)
        return True

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._shared is not None:
            self._shared.close()
            self._shared = None

    __del__ = close

    def _recover(self) -> None:
        """Count what is whole, and begin a journal that is empty. After the machine lost its power the count
        may lag behind the entries, never run ahead."""
        promised, promised_end, _ = self._state()
        data = self._bytes(0, os.fstat(self._file).st_size)
        end, digest, count = 0, NO_DIGEST, -1
        with contextlib.suppress(Torn):  # its request was never answered
            for frame in frames(data, NO_DIGEST, str(self._path)):
                if frame.number == 0 and frame.body != HEADER:
                    raise Refused(
                        f"{self._path}: expected {HEADER!r}, came {frame.body!r}: another version's"
                    )
                end, digest, count = frame.end, frame.digest, frame.number
        if promised_end > end or promised > max(count, 0):
            raise Damaged(
                f"{self._path}: ends after {max(count, 0)} entries, and {promised} were acknowledged; "
                "restore it from a copy"
            )
        if count < 0:
            part, digest = framed(NO_DIGEST, HEADER)
            write_at(self._file, part, 0)
            os.fsync(self._file)
            count, end = 0, len(part)
        self._publish(count, end, digest)

    def _frames(self, data: bytes) -> Iterator[Frame]:
        try:
            yield from frames(data, self._digest, str(self._path))
        except Torn as error:
            raise Damaged(f"{error}; it was acknowledged: restore the journal from a copy") from error

    def _bytes(self, begin: int, length: int) -> bytes:
        try:
            data = os.pread(self._file, length, begin)
            while len(data) < length and (
                more := os.pread(self._file, length - len(data), begin + len(data))
            ):
                data += more
        except OSError as error:
            raise Refused(f"{self._path}: cannot be read ({error})") from error
        return data

    def _state(self) -> tuple[int, int, bytes]:
        if self._shared is None:
            raise Refused(f"{self._path}: the journal is closed")
        return STATE.unpack(self._shared[:])

    def _count(self) -> int:
        """One word, so that it can be read while another process writes."""
        if self._shared is None:
            raise Refused(f"{self._path}: the journal is closed")
        return int(COUNT.unpack_from(self._shared)[0])

    def _publish(self, count: int, end: int, digest: bytes) -> None:
        assert self._shared is not None
        self._shared[:] = STATE.pack(count, end, digest)
