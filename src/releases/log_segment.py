"""A segment: one file of a writer's chain, its first record, and the seal of one that is full.

`segment-000001.log` while it grows; `.seal` beside it once it is full, signed; `.parquet` instead of `.log`
once it is compacted, from which the same bytes come back.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from releases.log_frame import END, HEAD, NO_DIGEST, Damaged, Frame, frames, headed
from tables.refusal import Refused
from tables.sealed import canonical_json, write_whole

GROWING, SEAL, COMPACTED = ".log", ".seal", ".parquet"
FORMAT = 1


@dataclass(frozen=True)
class Seal:
    """What a full segment was: bytes, records, SHA-256 of all of it, digest of its last record, and the
    first and the last decision in it by their ids."""

    bytes: int
    records: int
    sha256: str
    end: str
    first_id: str
    last_id: str


def segment_path(folder: Path, number: int, kind: str = GROWING) -> Path:
    return folder / f"segment-{number:06}{kind}"


def numbers(folder: Path) -> list[int]:
    """The segments that are there in one form or the other, in order."""
    found = (path for kind in (GROWING, COMPACTED) for path in folder.glob(f"segment-??????{kind}"))
    return sorted({int(path.stem.removeprefix("segment-")) for path in found})


def first_body(writer: str, number: int, previous: bytes) -> bytes:
    """A segment's first record: whose it is, and the digest that it goes on from."""
    said = {"kind": "segment", "format": FORMAT, "writer": writer, "segment": number}
    return packed({**said, "previous": previous.hex()})


def packed(said: dict[str, Any]) -> bytes:
    """Names in their order and no spaces, so that equal ones are equal bytes; without floating-point numbers,
    which are written in more than one way."""
    return msgspec.json.encode(said, order="sorted") + END


def previous_of(data: bytes) -> bytes:
    """The digest that a segment says it goes on from; that this was not changed is for its frames to show."""
    # A first record that cannot be read is refused by its digest, whatever that is held against.
    try:
        return bytes.fromhex(json.loads(data[HEAD.size : data.index(END, HEAD.size)])["previous"])
    except (ValueError, KeyError, TypeError):
        return NO_DIGEST


def read_bytes(folder: Path, number: int) -> bytes:
    """A segment's bytes as they were written; of a compacted one, put together again."""
    path = segment_path(folder, number)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return unpacked(segment_path(folder, number, COMPACTED))  # since this instant, perhaps


def unpacked(compacted: Path) -> bytes:
    """The bytes of a segment from its Parquet file."""
    try:
        rows = pq.read_table(compacted, columns=["digest", "body"], page_checksum_verification=True)
    except FileNotFoundError:
        raise Damaged(f"{compacted.with_suffix('')}: missing; restore it from a copy") from None
    except (OSError, pa.ArrowException) as error:
        raise Damaged(f"{compacted}: damaged ({error}); restore it from a copy") from error
    pairs = zip(rows["digest"].to_pylist(), rows["body"].to_pylist(), strict=True)
    return b"".join(headed(digest, body) for digest, body in pairs)


def frames_of(data: bytes, where: str) -> Iterator[Frame]:
    """The records of a segment, verified one by one (releases.log_frame); Refused if of another version."""
    for frame in frames(data, previous_of(data), where):
        if frame.number == 0 and (said := json.loads(frame.body)).get("format") != FORMAT:
            raise Refused(f"{where}: expected format {FORMAT} of the log, came {said.get('format')}")
        yield frame


def write_seal(folder: Path, number: int, seal: Seal, key: bytes) -> None:
    said = asdict(seal)
    text = canonical_json({**said, "signature": _signature(folder.name, number, said, key)})
    write_whole(segment_path(folder, number, SEAL), text)


def read_seal(folder: Path, number: int, key: bytes) -> Seal | None:
    """None while the segment grows; Damaged where the seal is not ours."""
    path = segment_path(folder, number, SEAL)
    try:
        said = dict(json.loads(path.read_text(encoding="utf-8")))
        signature = str(said.pop("signature"))
        seal = Seal(**said)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{path}: cannot be read ({error}); restore it from a copy") from error
    if not hmac.compare_digest(signature, _signature(folder.name, number, said, key)):
        raise Damaged(f"{path}: damaged, or signed with another key; restore it from a copy")
    return seal


def hold_against(seal: Seal, data: bytes, where: str) -> None:
    """Raise Damaged when these are not the bytes that were sealed."""
    if len(data) != seal.bytes or hashlib.sha256(data).hexdigest() != seal.sha256:
        raise Damaged(f"{where}: not the {seal.bytes} bytes that were sealed; restore it from a copy")


def _signature(writer: str, number: int, said: dict[str, Any], key: bytes) -> str:
    text = canonical_json({**said, "writer": writer, "segment": number})
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
