"""`holdfast affinity` on a small simulated base: judged, tracked, kept; and refused where it cannot know."""

import os
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest

from models.affinity import affinity_of
from releases.affinity_file import current_affinity
from releases.home import Home
from simulator.catalogue import CATEGORIES
from tables.history import read_histories


@pytest.fixture(scope="module")
def checked(command: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A checked home of 300 customers, and where its runs are tracked."""
    folder = tmp_path_factory.mktemp("affinity")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/tracking.db")
        home = folder / "home"
        for job in (("simulate", "--customers", "300", "--weeks", "52"), ("check",)):
            said = command(job[0], "--home", home, *job[1:])
            assert said.code == 0, said.err
        yield home


def test_the_job_judges_tracks_and_keeps_a_model_that_answers(checked: Path, command: Any) -> None:
    said = command("affinity", "--home", checked)
    assert said.code == 0, said.err
    for words in ("Items: new", "neighbours", "promised_to_bought", "no choice takes it yet"):
        assert words in said.out
    kept = current_affinity(Home(checked))
    told = kept.about
    assert set(told["ranking"]) == {"all", "repeat", "new"}
    figures = told["ranking"]["all"]["ndcg_at_10"]
    assert set(figures) == {"holdfast", "popularity", "habit", "neighbours"}
    assert figures["holdfast"][0] > figures["popularity"][0]
    assert max(told["moments"]["train"]) < min(told["moments"]["test"])
    client = mlflow.MlflowClient(os.environ["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("holdfast-affinity")
    assert experiment
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.metrics["ranking.all.ndcg_at_10.holdfast.value"] == pytest.approx(figures["holdfast"][0])
    assert run.data.params["item"] == "category"
    histories = read_histories(Home(checked).current_base() / "histories")
    promised = affinity_of(
        kept.model, histories, np.arange(len(histories)), histories.last_at, [*CATEGORIES, "no such category"]
    )
    base = ~np.isnan(promised[:, 0])
    assert base.mean() > 0.5
    assert ((promised[base, :-1] > 0) & (promised[base, :-1] < 1)).all()
    assert np.isnan(promised[:, -1]).all()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--item", "brand"), "an item is one of category, product_id; came 'brand'"),
        (("--as-of", "2025-02-01"), "needs 147 days of history"),
    ],
)
def test_what_cannot_be_known_is_refused(
    checked: Path, command: Any, options: tuple[str, ...], why: str
) -> None:
    said = command("affinity", "--home", checked, *options)
    assert said.code == 1
    assert why in said.err
