"""Frames: records one after the other in a file, each chained by its hash to the one before.

A frame is a head (length of the body, a check of the head itself, the digest) and a body that ends with a
line feed. The digest is SHA-256 of the digest before, the length and the body: who changes a record changes
every digest after it. A file that merely ends too early is torn, which a killed process leaves behind;
anything else that does not fit is damage.
"""

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from tables.refusal import Refused

HEAD = struct.Struct("<II32s")
LENGTH = struct.Struct("<I")
END = b"\n"
NO_DIGEST = bytes(32)
# More than a decision about thousands of offers takes: a longer one is a fault of the caller's.
LONGEST_BODY = 2**24


class Damaged(Refused):
    """A record is not what was written."""


class Torn(Refused):
    """The file ends within a record; what stands before byte `at` is whole."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


class Frame(NamedTuple):
    """A verified record: its number within the file, the byte after it, its digest, its body."""

    number: int
    end: int
    digest: bytes
    body: bytes


def framed(previous: bytes, body: bytes) -> tuple[bytes, bytes]:
    """The bytes of the next frame, and its digest; the body ends with END."""
    if not body.endswith(END) or len(body) > LONGEST_BODY:
        raise ValueError(f"a body of at most {LONGEST_BODY} bytes that ends with a line feed")
    digest = hashlib.sha256(previous + LENGTH.pack(len(body)) + body).digest()
    return headed(digest, body), digest


def headed(digest: bytes, body: bytes) -> bytes:
    """The bytes of a frame whose digest is known."""
    return HEAD.pack(len(body), _check(len(body), digest), digest) + body


def frames(data: bytes, previous: bytes, where: str) -> Iterator[Frame]:
    """The records of a file, verified one by one; raises Damaged or Torn at the first that is not whole.

    previous: the digest that the first one is chained to; where: the file, for messages.
    """
    at = number = 0
    while at < len(data):
        name = f"{where}, record {number} (byte {at})"
        if not any(memoryview(data)[at:]):
            # A machine that lost its power may have made the file longer before it wrote into it.
            raise Torn(f"{name}: nothing but zeros; it was never acknowledged", at)
        if at + HEAD.size > len(data):
            raise Torn(f"{name}: the file ends within its head; it was never acknowledged", at)
        length, check, digest = HEAD.unpack_from(data, at)
        if check != _check(length, digest) or length > LONGEST_BODY:
            raise Damaged(f"{name}: damaged, its head is not what was written; restore the file from a copy")
        end = at + HEAD.size + length
        if end > len(data):
            raise Torn(f"{name}: the file ends within it; it was never acknowledged", at)
        body = data[at + HEAD.size : end]
        if hashlib.sha256(previous + LENGTH.pack(length) + body).digest() != digest:
            if end == len(data) and not body.endswith(END) and body[-1:] == b"\0":
                raise Torn(f"{name}: its end was never written, so it was never acknowledged", at)
            raise Damaged(
                f"{name}: damaged, or does not follow the record before; restore the file from a copy"
            )
        yield Frame(number, end, digest, body)
        at, number, previous = end, number + 1, digest


def write_at(file: int, data: bytes, at: int) -> None:
    """All of it, however often the kernel takes a part; raises OSError."""
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, at)
        view, at = view[written:], at + written


def _check(length: int, digest: bytes) -> int:
    return zlib.crc32(LENGTH.pack(length) + digest)
