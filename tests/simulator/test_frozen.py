"""The default world is frozen: figures that were measured on it must stay comparable."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulator import World, simulate

DEFAULT = "2e6f8bc864838627417509c0cd999f7a1e8daedead89638c4fa06c6fba273c52"
SMALL = "8b8c7f1c83d2fe51c358f8f2fa539eb490d31efe2aec2c17ba0ae13a0acafe05"


def column_bytes(column: Any) -> list[bytes]:
    """Nulls, lengths and values of a column, whatever file or library version they came through."""
    nulls = np.asarray(pc.is_null(column)).tobytes()
    if pa.types.is_string(column.type):
        array = pa.concat_arrays(pc.fill_null(column, "").chunks)
        offsets = np.frombuffer(array.buffers()[1], np.int32)[: len(array) + 1]
        return [nulls, np.diff(offsets).tobytes(), bytes(array.buffers()[2])[: offsets[-1]]]
    if pa.types.is_floating(column.type):
        return [nulls, (pc.fill_null(column, 0.0).to_numpy() + 0.0).astype("<f8").tobytes()]
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    whole = pc.fill_null(column.cast(pa.int64()), 0)
    return [nulls, whole.to_numpy().astype("<i8").tobytes()]


def digest(folder: Path) -> str:
    """SHA-256 of the logical content of all files. A column that the world says nothing in is none: the
    contract may grow without another world."""
    content = hashlib.sha256()
    for file in sorted(folder.rglob("*.parquet")):
        table = pq.read_table(file, page_checksum_verification=True)
        for name in (name for name in table.column_names if table[name].null_count < len(table)):
            content.update(f"{file.relative_to(folder).as_posix()}:{name}".encode())
            for part in column_bytes(table[name]):
                content.update(part)
    return content.hexdigest()


def test_the_default_world_is_frozen(default: Path) -> None:
    assert digest(default) == DEFAULT


def test_a_small_world_is_frozen(small: Path) -> None:
    assert digest(small) == SMALL


def test_the_same_seed_writes_the_same_bytes(small_world: World, small: Path, tmp_path: Path) -> None:
    simulate(small_world, tmp_path)
    files = sorted(small.rglob("*.parquet"))
    assert len(files) == 11
    for file in files:
        assert file.read_bytes() == (tmp_path / file.relative_to(small)).read_bytes(), file


def test_another_seed_is_another_world(small: Path, tmp_path: Path) -> None:
    simulate(World(customers=2_000, chunk=800, seed=1), tmp_path)
    assert digest(tmp_path) != digest(small)


def test_a_chunk_does_not_depend_on_the_chunks_before(small: Path, tmp_path: Path) -> None:
    simulate(World(customers=800, chunk=800), tmp_path)
    for name in ("transactions", "contacts", "interactions"):
        alone = pq.read_table(tmp_path / f"{name}.parquet")
        beside = pq.read_table(small / f"{name}.parquet").slice(0, alone.num_rows)
        assert alone.equals(beside), name
