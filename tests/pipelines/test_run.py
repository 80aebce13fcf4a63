"""What makes two weekly runs the same run."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.run import Identity, borders_hash, code_version, take_up
from releases.home import Home

IDENTITY = Identity(base="b", buckets="k", bundle="m", policy="p", last_week="w", moment=5, code="c")


@pytest.mark.parametrize("name", [field.name for field in fields(Identity)])
def test_whatever_differs_makes_another_run(name: str) -> None:
    other = {"moment": 6}.get(name, "other")
    assert replace(IDENTITY, **{name: other}).name != IDENTITY.name == replace(IDENTITY).name


def test_the_borders_of_the_buckets_count() -> None:
    assert borders_hash(np.array([0, 5, 9])) == borders_hash(np.array([0, 5, 9], np.int32))
    assert borders_hash(np.array([0, 5, 9])) != borders_hash(np.array([0, 4, 9]))


def test_the_code_has_a_version_that_changes_with_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_version()
    real = Path.read_bytes

    def changed(path: Path) -> bytes:
        return real(path) + (b"\n# more" if path.name == "reason.py" else b"")

    code_version.cache_clear()
    assert code_version() == before
    code_version.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", changed)
        assert code_version() != before
    code_version.cache_clear()


def test_a_run_is_taken_up_where_it_stands_and_others_go(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run, said = take_up(home, IDENTITY, 3, resume=False)
    assert (said, run.found) == ([], frozenset())
    assert run.folder == home.runs / IDENTITY.name
    (run.folder / "bucket-000").mkdir()  # begun, not finished
    (home.runs / "stray").write_text("")
    run, said = take_up(home, IDENTITY, 3, resume=True)
    assert run.found == frozenset()
    assert "resuming: 0 of 3 buckets are finished" in said
    assert [path.name for path in home.runs.iterdir()] == [IDENTITY.name]
    other, said = take_up(home, replace(IDENTITY, moment=6), 3, resume=True)
    assert f"removed what another unfinished run left ({IDENTITY.name})" in said[0]
    other.end()
    assert list(home.runs.iterdir()) == []
