"""What was decided: every chain verified, one decision found, full segments compacted to Parquet."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from releases.decision import decided_at
from releases.decision_record import KIND
from releases.home import Home
from releases.log_frame import NO_DIGEST, Damaged, Frame, Torn
from releases.log_segment import (
    COMPACTED,
    GROWING,
    frames_of,
    hold_against,
    numbers,
    previous_of,
    read_bytes,
    read_seal,
    segment_path,
    unpacked,
)
from tables.refusal import Refused
from tables.sealed import STAGING, flush

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("customer", pa.string()),
        pa.field("bundle", pa.string()),
        pa.field("policy", pa.string()),
        pa.field("week", pa.string()),
        pa.field("base", pa.string()),
        pa.field("moment", pa.timestamp("us", "UTC")),
        pa.field("circumstances", pa.map_(pa.string(), pa.float64())),
        pa.field("propensity", pa.float64()),
        # From these two alone the segment's bytes come back.
        pa.field("digest", pa.binary(32), nullable=False),
        pa.field("body", pa.binary(), nullable=False),
    ]
)


@dataclass
class ChainState:
    """What a chain turned out to be. end: the digest of its last record, which whoever wants to be sure that
    nothing was cut off keeps elsewhere; torn: bytes of a record that was never acknowledged, or is being
    written; faults: what is damaged, by file and record."""

    writer: str
    segments: int = 0
    compacted: int = 0
    decisions: int = 0
    end: str = NO_DIGEST.hex()
    torn: int = 0
    faults: list[str] = field(default_factory=list)


class Found(NamedTuple):
    """A decision's record, verified, and where it stands."""

    writer: str
    segment: int
    record: int
    body: bytes


class Compaction(NamedTuple):
    segments: int
    bytes_before: int
    bytes_after: int


def chains(home: Home) -> list[Path]:
    return sorted(path for path in home.decisions.glob("writer-*") if path.is_dir())


def verify_chains(home: Home) -> list[ChainState]:
    """Every record of every chain against its hash, the one before it, and the seals."""
    return [_verified(folder, home.key()) for folder in chains(home)]


def find(home: Home, decision_id: str) -> Found:
    """The record of a decision; Refused when there is none, or it is damaged."""
    sought = json.dumps(decision_id).encode()
    for folder in chains(home):
        for number in numbers(folder):
            seal = read_seal(folder, number, home.key())
            if seal and not seal.first_id <= decision_id <= seal.last_id:
                continue
            data = read_bytes(folder, number)
            if sought not in data:
                continue
            for frame in _until_torn(frames_of(data, _name(folder, number))):
                if sought in frame.body and json.loads(frame.body).get("id") == decision_id:
                    return Found(folder.name, number, frame.number, frame.body)
    raise Refused(f"{home.decisions}: holds no decision {decision_id!r}")


def decisions_between(home: Home, since: int, until: int) -> Iterator[bytes]:
    """The records of the decisions made at since <= clock < until (microseconds), verified, chain by chain;
    raises Damaged at one that is not what was written."""
    for folder in chains(home):
        for number in numbers(folder):
            seal = read_seal(folder, number, home.key())
            if seal and (decided_at(seal.last_id) < since or until <= decided_at(seal.first_id)):
                continue
            for frame in _until_torn(frames_of(read_bytes(folder, number), _name(folder, number))):
                said = json.loads(frame.body)
                if said["kind"] == KIND and since <= decided_at(said["id"]) < until:
                    yield frame.body


def compact(home: Home) -> Compaction:
    """Full segments become Parquet; what is hidden stays hidden, and the chain verifies as before.

    Raises Damaged for a segment that is not what was sealed, which is left as it is.
    """
    key = home.key()
    count = before = after = 0
    for folder in chains(home):
        for number in numbers(folder):
            path = segment_path(folder, number)
            seal = read_seal(folder, number, key)
            if seal is None or not path.exists():
                continue
            data = read_bytes(folder, number)
            hold_against(seal, data, str(path))
            target = segment_path(folder, number, COMPACTED)
            aside = target.with_name(f"{target.name}{STAGING}{os.getpid()}")
            try:
                pq.write_table(
                    _rows(frames_of(data, str(path))), aside, compression="zstd", write_page_checksum=True
                )
                hold_against(seal, unpacked(aside), str(aside))
                flush(aside)
                aside.replace(target)
            finally:
                aside.unlink(missing_ok=True)
            flush(folder)
            path.unlink()
            count, before, after = count + 1, before + len(data), after + target.stat().st_size
    return Compaction(count, before, after)


def _verified(folder: Path, key: bytes) -> ChainState:
    state = ChainState(folder.name)
    there = numbers(folder)
    end: bytes | None = NO_DIGEST  # None after a fault: what follows is held against itself alone
    for number in range(1, (there[-1] if there else 0) + 1):
        try:
            end = _verify_segment(folder, number, end, state, key, last=number == there[-1])
        except Torn as torn:
            state.faults.append(f"{torn}, yet another segment follows; restore the file from a copy")
            end = None
        except Refused as fault:
            state.faults.append(str(fault))
            end = None
    state.end = end.hex() if end else ""
    return state


def _verify_segment(
    folder: Path, number: int, expected: bytes | None, state: ChainState, key: bytes, *, last: bool
) -> bytes:
    """The digest of the segment's last record."""
    name = _name(folder, number)
    data = read_bytes(folder, number)
    state.segments += 1
    state.compacted += name.endswith(COMPACTED)
    end = None
    try:
        for frame in frames_of(data, name):
            end = frame.digest
            state.decisions += json.loads(frame.body)["kind"] == KIND
    except Torn as torn:
        if not last:
            raise
        state.torn = len(data) - torn.at
    if end is None:  # its first record is not whole yet
        return expected or NO_DIGEST
    if expected is not None and previous_of(data) != expected:
        raise Damaged(f"{name}: does not go on from the segment before; restore both from one copy")
    seal = read_seal(folder, number, key)
    if seal is not None:
        hold_against(seal, data, name)
    elif not last:
        raise Damaged(f"{name}: another segment follows, but it has no seal; restore that from a copy")
    return end


def _name(folder: Path, number: int) -> str:
    kind = GROWING if segment_path(folder, number).exists() else COMPACTED
    return str(segment_path(folder, number, kind))


def _until_torn(found: Iterator[Frame]) -> Iterator[Frame]:
    """The last record may be being written this instant."""
    with contextlib.suppress(Torn):
        yield from found


def _rows(found: Iterator[Frame]) -> pa.Table:
    return pa.Table.from_pylist([_row(frame) for frame in found], schema=SCHEMA)


def _row(frame: Frame) -> dict[str, Any]:
    said = json.loads(frame.body)
    whole = {"digest": frame.digest, "body": frame.body}
    if said["kind"] != KIND:
        return whole
    plain = {name: said[name] for name in ("id", "customer", "bundle", "policy", "week", "base", "moment")}
    circumstances = [(name, float.fromhex(value)) for name, value in said["circumstances"].items()]
    propensity = float.fromhex(said["propensity"])
    return {**plain, "circumstances": circumstances, "propensity": propensity, **whole}
