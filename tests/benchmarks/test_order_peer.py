"""The peers that facts are measured against answer the same question."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import features as bench
from benchmarks.order_peer import finished


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bench")
    bench.prepare(made, customers=40, lines=20)
    return made


@pytest.mark.parametrize("peer", ["one query, from raw", "one query, from histories", "pandas"])
def test_a_peer_gives_the_compared_facts(folder: Path, peer: str) -> None:
    _, customers, ours = bench.MEASURED["compared facts, from histories"](folder)
    _, found, theirs = bench.MEASURED[peer](folder)
    assert found == customers == 40
    mine, others = ours(), theirs()
    for name in bench.NAMES:
        answer = others[name].to_numpy(np.float64, na_value=np.nan)
        np.testing.assert_allclose(mine[name], answer, rtol=1e-9, atol=1e-9, err_msg=name)


def test_the_peers_say_every_compared_fact() -> None:
    assert set(bench.NAMES) <= set(finished())
    assert len(bench.NAMES) == 100
