"""Sameness (promise 2): one customer alone, among all, at many moments, compiled or not: equal to the bit."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import features.reader
from features.catalogue import FAMILIES
from features.order import order
from features.reader import read_facts, visible_history
from tables.history import Histories

pytestmark = pytest.mark.long
PLAIN = """
import sys
from pathlib import Path
import numpy as np
from features.catalogue import FAMILIES
from features.reader import names_of, read_facts, visible_history
from tables.history import read_histories

folder, out, *moments = sys.argv[1:]
histories = read_histories(Path(folder))
def flat(values):
    return [x for value in values for x in (flat(value) if isinstance(value, tuple) else [value])]
values = [
    flat(family(visible_history(histories, place, int(t)), int(t)) for family in FAMILIES)
    for t in moments for place in range(len(histories))
]
again = read_facts(histories, np.arange(3), int(moments[0])).values
assert np.array(values[: len(again)]).tobytes() == again.tobytes()
np.save(out, np.array(values), allow_pickle=False)
"""


@pytest.fixture
def histories(random_base: Callable[..., Any], tmp_path: Path) -> Histories:
    found: Histories = random_base(7, customers=40).write(tmp_path)
    return found


def test_alone_among_all_and_at_many_moments(histories: Histories, moments: tuple[int, ...]) -> None:
    everyone = np.arange(len(histories))
    places = np.repeat(everyone[::-1], len(moments))
    many = read_facts(histories, places, np.tile(moments, len(histories)))
    for k, t in enumerate(moments):
        among_all = read_facts(histories, everyone, t)
        assert among_all.values.tobytes() == many.values[k :: len(moments)][::-1].tobytes()
        for place in everyone:
            alone = read_facts(histories, np.array([place]), t)
            assert alone.values.tobytes() == among_all.values[place].tobytes()


def test_on_one_thread_and_on_two(
    histories: Histories, moments: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features.reader, "ROWS_AT_ONCE", 5)
    places = np.tile(np.arange(len(histories)), 20)
    one = read_facts(histories, places, moments[1], threads=1)
    two = read_facts(histories, places, moments[1], threads=2)
    assert one.hash() == two.hash()


def test_a_family_alone_and_among_the_others(histories: Histories, moments: tuple[int, ...]) -> None:
    everyone = np.arange(len(histories))
    together = read_facts(histories, everyone, moments[1])
    alone = read_facts(histories, everyone, moments[1], (order,))
    columns = [together.names.index(name) for name in alone.names]
    assert alone.values.tobytes() == np.ascontiguousarray(together.values[:, columns]).tobytes()


# Plain Python takes its time. Of the smaller base 286 facts are told and not 0, of the larger one 293.
@pytest.mark.parametrize(
    ("seed", "customers"), [(15, 12), pytest.param(7, 40, marks=pytest.mark.nightly)], ids=["few", "many"]
)
def test_not_compiled(
    random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path, seed: int, customers: int
) -> None:
    histories = random_base(seed, customers=customers).write(tmp_path)
    moments = moments[::2]
    out = tmp_path / "plain.npy"
    arguments = [str(tmp_path / "histories"), str(out), *map(str, moments)]
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-W", "error", "-c", PLAIN, *arguments], check=True, env=environment)
    everyone = np.arange(len(histories))
    compiled = np.concatenate([read_facts(histories, everyone, t).values for t in moments])
    plain = np.load(out, allow_pickle=False)
    same = (plain.view(np.int64) == compiled.view(np.int64)) | (np.isnan(plain) & np.isnan(compiled))
    assert not (~same).any(axis=0).nonzero()[0].tolist()
    assert (np.isfinite(plain) & (plain != 0)).any(axis=0).mean() > 0.95


def test_a_family_says_how_to_call_it_in_python(histories: Histories, moments: tuple[int, ...]) -> None:
    with pytest.raises(RuntimeError, match="NUMBA_DISABLE_JIT=1"):
        FAMILIES[0](visible_history(histories, 0, moments[0]), moments[0])
