"""`holdfast search`: a tiny one, killed at its first trial and taken up again."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlflow
import optuna
import pytest

from models.recipe import DEFAULT

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")
STUDY, TRIALS, PATIENCE = "tiny", 2, 240.0
FINISHED = optuna.trial.TrialState.COMPLETE


@pytest.fixture
def home(published: Path, tmp_path: Path) -> Path:
    return shutil.copytree(published, tmp_path / "home", ignore=shutil.ignore_patterns("weeks", "runs"))


@pytest.fixture
def arguments(home: Path, tmp_path: Path) -> list[str]:
    storage = f"sqlite:///{tmp_path}/search.db"
    return [
        "search", "--home", str(home), "--rows", "6000", "--horizon", "28", "--trials", str(TRIALS),
        "--study", STUDY, "--storage", storage, "--json",
    ]  # fmt: skip


def trials_of(folder: Path) -> list[Any]:
    return list(optuna.load_study(study_name=STUDY, storage=f"sqlite:///{folder}/search.db").trials)


def is_trying(folder: Path) -> bool:
    """Whether a trial has begun; asked without optuna, which would make the tables itself."""
    try:
        with closing(sqlite3.connect(f"file:{folder}/search.db?mode=ro", uri=True)) as study:
            return bool(study.execute("select 1 from trials where state = 'RUNNING'").fetchall())
    except sqlite3.OperationalError:  # not there yet
        return False


def kill_at_its_first_trial(arguments: list[str], folder: Path, root: Path) -> None:
    environment = os.environ | {"HOLDFAST_CONFIG": str(root / "config")}
    command = [str(Path(sys.executable).parent / "holdfast"), *arguments]
    said = (folder / "said").open("wb")
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)
    try:
        until = time.monotonic() + PATIENCE
        while not is_trying(folder):
            assert process.poll() is None, (folder / "said").read_text()
            assert time.monotonic() < until, "no trial began"
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        said.close()


def test_a_search_that_was_killed_goes_on_and_does_not_forget_the_defaults(
    arguments: list[str], root: Path, tmp_path: Path, command: Callable[..., Any], monkeypatch: Any
) -> None:
    kill_at_its_first_trial(arguments, tmp_path, root)
    (begun,) = trials_of(tmp_path)
    assert begun.state != FINISHED
    monkeypatch.chdir(tmp_path)
    said = command(*arguments)
    assert said.code == 0, said.err
    trials = trials_of(tmp_path)
    done = [each for each in trials if each.state == FINISHED]
    assert [each.number for each in done] == [1, 2]
    assert said.json["trials"] == TRIALS
    # The killed trial was the defaults': they are tried again, not taken to be whatever finished first.
    assert said.json["defaults"] == {"trial": 1, "auc": done[0].value}
    assert done[0].params == asdict(DEFAULT)
    assert done[1].params != done[0].params
    assert [each["auc"] for each in said.json["best"]] == sorted((each.value for each in done), reverse=True)
    assert all(0.5 < each.value < 1 for each in done)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlruns/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("holdfast-search").experiment_id])
    logged = {run.data.metrics["auc"] for run in runs if run.info.status == "FINISHED"}
    assert logged == {each.value for each in done}
    again = command(*arguments)
    assert again.json == said.json
    assert len(trials_of(tmp_path)) == len(trials)
