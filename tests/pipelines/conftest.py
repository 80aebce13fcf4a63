"""The command in this process (as quick as it is without its imports), and homes of a small base to break."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest

from pipelines import cli
from tables.sealed import point, pointed


class Said(NamedTuple):
    """What a command said: exit code, standard output, standard error, and the JSON object if it is one."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


# What MLflow and its companions warn each other of is not ours to mend; our own warnings stay errors.
TRACKERS = ("mlflow", "shap", "matplotlib", "sqlalchemy", "alembic", "google", "pydantic")
Command = Callable[..., Said]


def run(*arguments: str | Path) -> Said:
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(sys, "argv", ["holdfast", *map(str, arguments)])
        stack.enter_context(mock.patch.dict(os.environ))  # MLflow writes into it
        stack.enter_context(warnings.catch_warnings())
        for other in TRACKERS:
            warnings.filterwarnings("ignore", module=other)
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def command() -> Command:
    return run


@pytest.fixture(scope="session")
def small(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of 60 customers, scored with the models of `published`. Do not change it: copy it."""
    home = tmp_path_factory.mktemp("small") / "home"
    assert run("simulate", "--home", home, "--customers", "60", "--weeks", "52").code == 0
    assert run("check", "--home", home).code == 0
    shutil.copytree(published / "bundles", home / "bundles")
    shutil.copy(published / "signing.key", home)
    bundle = json.loads((published / "published.json").read_text())["states"][0]["bundle"]
    state = {"bundle": bundle, "policy": "", "week": "", "at": "2026-01-01T00:00:00+00:00"}
    (home / "published.json").write_text(json.dumps({"states": [state]}))
    assert run("score", "--home", home).code == 0
    return home


@pytest.fixture
def home(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    """A copy of `small` to break; the working folder is its own too."""
    monkeypatch.setenv("HOLDFAST_CONFIG", str(root / "config"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return shutil.copytree(small, tmp_path / "home")


@pytest.fixture(scope="session", autouse=True)
def own_config(root: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOLDFAST_CONFIG", str(root / "config"))
        yield


def published_bytes(home: Path) -> dict[str, str]:
    """The hash of every file that was published."""
    files = [home / "published.json"]
    files += [path for shelf in ("bundles", "policies", "weeks") for path in (home / shelf).rglob("*")]
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }


@pytest.fixture(scope="session")
def hashes() -> Callable[[Path], dict[str, str]]:
    return published_bytes


@pytest.fixture
def spoil(home: Path) -> Callable[[str, Callable[[Path], None]], None]:
    """Let other tables come in, in which one file was changed."""

    def change(table: str, damage: Callable[[Path], None]) -> None:
        current = pointed(home / "incoming")
        assert current
        other = shutil.copytree(current, home / "incoming" / "spoilt")
        damage(other / f"{table}.parquet")
        point(home / "incoming", other.name)

    return change
