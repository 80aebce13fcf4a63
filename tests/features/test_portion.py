"""Customers who come together in memory have the facts that they have in the whole base on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.reader import read_facts
from tables.code import keys_of
from tables.contract import CUSTOMER_TABLES
from tables.history import Histories, read_owners
from tables.merger import Ownership
from tables.portion import Division, Portion, linked_of
from tables.record import to_records


def portions_of(folder: Path, histories: Histories, number: int) -> list[Portion]:
    """The rows of the base's checked tables, divided as another engine divides them."""
    owners = read_owners(folder / "histories")
    division = Division(number, linked_of(owners))
    portions = []
    for k in range(number):
        named, rows = [pa.array([], pa.string())], {}
        for name in CUSTOMER_TABLES:
            whole = pq.read_table(folder / "tables" / f"{name}.parquet")
            mine = whole.filter(pa.array(division.of(keys_of(whole["customer_id"])) == k))
            named.append(mine["customer_id"].combine_chunks())
            records = to_records(name, mine, histories.time_zone)
            rows[name] = keys_of(mine["customer_id"]), records
        ids = pa.concat_arrays(named).unique()
        among = [each for each in owners if each.customer_id in set(ids.to_pylist())]
        ids = pa.concat_arrays([ids, pa.array([each.owner_id for each in among], pa.string())]).unique()
        portions.append(Portion(ids, rows, among, histories.timelines, histories.present))
    return portions


@pytest.mark.parametrize(("seed", "number"), [(1, 1), (2, 3), (3, 7)])
def test_facts_of_portions_are_those_of_the_whole_base(
    random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path, seed: int, number: int
) -> None:
    histories = random_base(seed).write(tmp_path)
    portions = portions_of(tmp_path, histories, number)
    assert sorted(np.concatenate([each.ids for each in portions])) == sorted(histories.ids)
    for t in moments:
        for portion in portions:
            ours = read_facts(portion, np.arange(len(portion)), t)
            whole = read_facts(histories, histories.places(portion.ids.tolist()), t)
            assert np.array_equal(ours.values, whole.values, equal_nan=True)


def test_customers_who_were_ever_merged_come_into_one_portion() -> None:
    names = [f"c{k}" for k in range(40)]
    owners = [Ownership(names[k], names[k + 1], 0, 1) for k in range(38) if k % 10 != 9]
    division = Division(16, linked_of(owners))
    places = division.of(keys_of(pa.array(names)))
    for begin in range(0, 30, 10):
        assert len(set(places[begin : begin + 10].tolist())) == 1
    assert len(set(places.tolist())) > 1


def test_every_key_has_a_portion() -> None:
    keys = np.array([0, 1, 2**63, 2**64 - 1], np.uint64)
    for number in (1, 3, 7, 2_000):
        places = Division(number, linked_of([])).of(keys)
        assert places[0] == 0
        assert places[-1] == number - 1
