"""Texts as 64-bit codes: what a fact needs of an order, a category or a store is whether two are equal."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tables.compiled import compiled

MISSING = 0
BEGUN = np.uint64(14695981039346656037)  # FNV-1a before the first byte
_NO_BYTES = np.frombuffer(b"\0", np.uint8)[:0]  # read-only as all others: the loops are compiled once
Hashes = npt.NDArray[np.uint64]


@compiled
def _hash_all(offsets: Any, data: Any, begun: Any, out: Any) -> None:
    for i in range(len(out)):
        code = begun
        for k in range(offsets[i], offsets[i + 1]):
            code = (code ^ np.uint64(data[k])) * np.uint64(1099511628211)
        out[i] = code


@compiled
def _spread(bits: Any) -> None:
    """FNV-1a leaves patterns in its high bits; SplitMix64's last steps (Steele et al. 2014) spread them."""
    for i in range(len(bits)):
        x = bits[i]
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits[i] = x ^ (x >> np.uint64(31))


@compiled
def first_at_least(keys: Any, key: Any) -> int:
    """The place of the first of rising keys that is not below `key`; their number where all are."""
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _find(keys: Any, offsets: Any, data: Any, wanted: Any, their_offsets: Any, theirs: Any, out: Any) -> None:
    for i in range(len(out)):
        low = first_at_least(keys, wanted[i])
        if low < len(keys) and keys[low] == wanted[i]:
            # Two texts may share a key, if never in practice: the text decides.
            begin, length = offsets[low], offsets[low + 1] - offsets[low]
            other = their_offsets[i]
            k = 0
            while k < length and other + k < their_offsets[i + 1] and data[begin + k] == theirs[other + k]:
                k += 1
            if k == length and other + k == their_offsets[i + 1]:
                out[i] = low


def _bytes_of(texts: pa.Array) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]:
    """Where each text begins and the last one ends, shape (texts + 1,), and the UTF-8 bytes; of at
    least one text."""
    width = np.int32 if texts.type == pa.string() else np.int64
    _, offsets, data = texts.buffers()
    offsets = np.frombuffer(offsets, width)[texts.offset : texts.offset + len(texts) + 1]
    return offsets, np.frombuffer(data, np.uint8) if data else _NO_BYTES


def _hashes(texts: pa.Array, begun: np.uint64) -> Hashes:
    out = np.empty(len(texts), np.uint64)
    if len(texts):
        with np.errstate(over="ignore"):  # it wraps around on purpose; plain Python would warn
            _hash_all(*_bytes_of(texts), begun, out)
        if texts.null_count:
            out[pc.is_null(texts).to_numpy(zero_copy_only=False)] = MISSING
    return out


def _whole(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(texts, pa.ChunkedArray):
        texts = pa.concat_arrays(texts.chunks) if texts.num_chunks else pa.array([], pa.string())
    return texts if texts.type in (pa.string(), pa.large_string()) else texts.cast(pa.large_string())


def codes(texts: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """FNV-1a (Fowler, Noll, Vo) of the UTF-8 bytes of each text, shape (rows,); 0 where it is missing.

    Needs no dictionary, so that an event that arrives alone gets the code it has in the whole base.
    """
    return _hashes(_whole(texts), BEGUN).view(np.int64)


def code(text: str) -> int:
    return int(codes(pa.array([text]))[0])


def half(whole: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """32-bit codes of the same texts: enough to tell the orders or stores of one customer apart."""
    bits = whole.view(np.uint64)
    short = ((bits ^ (bits >> np.uint64(32))) & np.uint64(0xFFFFFFFF)).astype(np.uint32).view(np.int32)
    return np.where((short == MISSING) & (whole != MISSING), np.int32(1), short)


def keys_of(ids: pa.Array | pa.ChunkedArray) -> Hashes:
    """Numbers by which customers are found and sorted: spread evenly, the same everywhere; shape (ids,)."""
    return _keys(_whole(ids), BEGUN)


def find(ids: pa.Array, keys: Hashes, wanted: Sequence[str]) -> npt.NDArray[np.int64]:
    """Where each text wanted stands among `ids`, whose `keys` stand in order, -1 where it does not; shape
    (wanted,)."""
    texts = pa.array(wanted, pa.large_string())
    found = np.full(len(texts), -1, np.int64)
    if not len(ids) or not len(texts):
        return found
    _find(keys, *_bytes_of(ids), _keys(texts, BEGUN), *_bytes_of(texts), found)
    return found


def lots_of(texts: npt.NDArray[np.object_], salt: str) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each text: the same on every machine, run and engine; shape (texts,)."""
    lots = _keys(pa.array(texts, pa.large_string()), _begun_with(salt))
    return (lots >> np.uint64(11)).astype(np.float64) / 2.0**53


@lru_cache(maxsize=256)
def _begun_with(salt: str) -> np.uint64:
    """FNV-1a goes from byte to byte: what comes before every text is hashed once."""
    return np.uint64(code(f"{salt}|") % 2**64)


def _keys(texts: pa.Array, begun: np.uint64) -> Hashes:
    keys = _hashes(texts, begun)
    with np.errstate(over="ignore"):
        _spread(keys)
    return keys
