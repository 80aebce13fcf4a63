"""Blocks: stored records on their way to the portion of their customers, some hundreds in one row of Spark.

A block holds records of one table, whose customers lie in one portion, beside the customers' ids. So what
Spark shuffles is bytes, and few rows of them, and what a record is stays with tables.record.
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.spark.shipment import Shipment, shipment
from tables.arrange import Keys
from tables.code import keys_of
from tables.portion import Division, Portion
from tables.record import STORED_TYPES, Records, to_records

ROWS_A_BLOCK = 1_000
# So many rows are laid into blocks at once: the more, the fuller are the blocks of many portions.
ROWS_AT_ONCE = 250_000
SCHEMA = pa.schema(
    [
        ("portion", pa.int32()),
        ("name", pa.string()),
        ("ids", pa.list_(pa.string())),
        ("owners", pa.binary()),  # of each record the place of its customer among ids, int32
        ("records", pa.binary()),
    ]
)
BLOCK = "portion int, name string, ids array<string>, owners binary, records binary"


class Block(NamedTuple):
    name: str
    ids: pa.Array
    owners: npt.NDArray[np.int32]
    records: Records


def to_blocks(
    batches: Iterator[pa.RecordBatch], name: str, portions: int, shipped: str
) -> Iterator[pa.RecordBatch]:
    """Checked rows of the table `name`, as Spark delivers them, as blocks."""
    known = shipment(shipped)
    division = Division(portions, known.linked)
    for rows in _together(batches):
        yield _laid(name, rows, division, known.time_zone)


def portions_of(batches: Iterator[pa.RecordBatch], shipped: str) -> Iterator[Portion]:
    """The portions whose blocks come, each portion's behind each other."""
    known = shipment(shipped)
    current, blocks = -1, list[Block]()
    for batch in batches:
        for number, block in _blocks_in(batch):
            if number != current and blocks:
                yield _portion(blocks, known)
                blocks = []
            current = number
            blocks.append(block)
    if blocks:
        yield _portion(blocks, known)


def _together(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    waiting, rows = list[pa.RecordBatch](), 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= ROWS_AT_ONCE:
            yield pa.Table.from_batches(waiting)
            waiting, rows = [], 0
    if rows:
        yield pa.Table.from_batches(waiting)


def _laid(name: str, rows: pa.Table, division: Division, zone: str) -> pa.RecordBatch:
    coded = rows["customer_id"].combine_chunks().dictionary_encode()
    ids, customer = coded.dictionary, np.asarray(coded.indices)
    records = to_records(name, rows, zone)
    portion = division.of(keys_of(ids))[customer]
    # A customer's rows stand together, so that a block names few customers.
    order = np.lexsort([customer, portion])
    portion, customer = portion[order], customer[order]
    laid: list[tuple[int, str, pa.Array, bytes, bytes]] = []
    borders = [0, *(np.flatnonzero(np.diff(portion)) + 1).tolist(), len(order)]
    for begin, end in itertools.pairwise(borders):
        for start in range(begin, end, ROWS_A_BLOCK):
            cut = slice(start, min(start + ROWS_A_BLOCK, end))
            whose, owners = np.unique(customer[cut], return_inverse=True)
            theirs = records[order[cut]].tobytes()
            named = ids.take(pa.array(whose))
            laid.append((int(portion[start]), name, named, owners.astype(np.int32).tobytes(), theirs))
    numbers, names, named_ids, owner_bytes, record_bytes = zip(*laid, strict=True)
    offsets = np.cumsum([0, *(len(each) for each in named_ids)]).astype(np.int32)
    columns = [
        pa.array(numbers, pa.int32()),
        pa.array(names, pa.string()),
        pa.ListArray.from_arrays(pa.array(offsets), pa.concat_arrays(named_ids)),
        pa.array(owner_bytes, pa.binary()),
        pa.array(record_bytes, pa.binary()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _blocks_in(batch: pa.RecordBatch) -> Iterator[tuple[int, Block]]:
    for k in range(batch.num_rows):
        number, name = batch["portion"][k].as_py(), batch["name"][k].as_py()
        owners, records = (batch[c][k].as_buffer() for c in ("owners", "records"))
        yield (
            number,
            Block(
                name,
                batch["ids"][k].values,
                np.frombuffer(owners, np.int32),
                np.frombuffer(records, STORED_TYPES[name]),
            ),
        )


def _portion(blocks: list[Block], known: Shipment) -> Portion:
    ids = pa.concat_arrays([block.ids for block in blocks]).unique()
    owners = known.owners_among(ids)
    # A customer of whom nothing is said but that another was merged into them is one all the same.
    ids = pa.concat_arrays([ids, pa.array([each.owner_id for each in owners], pa.string())]).unique()
    rows: dict[str, tuple[Keys, Records]] = {}
    for name in {block.name for block in blocks}:
        mine = [block for block in blocks if block.name == name]
        keys = np.concatenate([keys_of(block.ids)[block.owners] for block in mine])
        rows[name] = keys, np.concatenate([block.records for block in mine])
    return Portion(ids, rows, owners, known.timelines, known.present)
