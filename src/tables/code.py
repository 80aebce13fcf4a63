"""Texts as 64-bit codes: what a fact needs of an order, a category or a store is whether two are equal."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tables.compiled import compiled

MISSING = 0


@compiled
def _codes(offsets: Any, data: Any, out: Any) -> None:
    for i in range(len(out)):
        code = np.uint64(14695981039346656037)
        for k in range(offsets[i], offsets[i + 1]):
            code = (code ^ np.uint64(data[k])) * np.uint64(1099511628211)
        out[i] = np.int64(code)


def codes(texts: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """FNV-1a (Fowler, Noll, Vo) of the UTF-8 bytes of each text, shape (rows,); 0 where it is missing.

    Needs no dictionary, so that an event that arrives alone gets the code it has in the whole base.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = pa.concat_arrays(texts.chunks) if texts.num_chunks else pa.array([], pa.string())
    texts = texts.cast(pa.large_string())
    if texts.offset:
        texts = pa.concat_arrays([texts, pa.array([], pa.large_string())])
    out = np.empty(len(texts), np.int64)
    if len(texts):
        _, offsets, data = texts.buffers()
        bytes_ = np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8)
        start = texts.offset
        with np.errstate(over="ignore"):  # it wraps around on purpose; plain Python would warn
            _codes(np.frombuffer(offsets, np.int64)[start : start + len(texts) + 1], bytes_, out)
        out[pc.is_null(texts).to_numpy(zero_copy_only=False)] = MISSING
    return out


def code(text: str) -> int:
    return int(codes(pa.array([text]))[0])


def half(whole: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """32-bit codes of the same texts: enough to tell the orders or stores of one customer apart."""
    bits = whole.view(np.uint64)
    short = ((bits ^ (bits >> np.uint64(32))) & np.uint64(0xFFFFFFFF)).astype(np.uint32).view(np.int32)
    return np.where((short == MISSING) & (whole != MISSING), np.int32(1), short)


def keys_of(ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """Numbers by which customers are found and sorted: spread evenly, the same everywhere; shape (ids,)."""
    return _spread(codes(ids).view(np.uint64))


def lots_of(texts: npt.NDArray[np.object_], salt: str) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each text: the same on every machine, run and engine; shape (texts,)."""
    salted = pc.binary_join_element_wise(pa.scalar(salt), pa.array(texts, pa.string()), "|")
    lots = _spread(codes(salted).view(np.uint64))
    return (lots >> np.uint64(11)).astype(np.float64) / 2.0**53


def _spread(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """FNV-1a leaves patterns in its high bits; SplitMix64's last steps (Steele et al. 2014) spread them."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(bits ^ (bits >> np.uint64(31)))
