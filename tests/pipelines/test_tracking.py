"""What training leaves in MLflow, wherever it is kept, and that the same data teach the same models."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import mlflow
import pytest
from mlflow.entities import Run

from models.topic import TOPICS
from pipelines.registry import BUNDLE, CHALLENGER, CHAMPION
from releases.home import Home
from tables.sealed import file_hash

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("larger_buckets")]
MODEL = "holdfast-churn-simulator"
Command = Callable[..., Any]


@pytest.fixture(scope="module")
def elsewhere(
    published: Path, command: Command, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, dict[str, Any], mlflow.MlflowClient]]:
    """The base of `published` trained once more, tracked in a database of another name and place."""
    folder = tmp_path_factory.mktemp("elsewhere")
    home = folder / "home"
    for part in ("incoming", "bases"):
        shutil.copytree(published / part, home / part)
    uri = f"sqlite:///{folder}/tracking.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        trained = command("train", "--home", home, "--experiment", "weekly", "--json")
        assert trained.code == 0, trained.err
        yield home, trained.json, mlflow.MlflowClient(uri, uri)


@pytest.fixture(scope="module")
def run(elsewhere: tuple[Path, dict[str, Any], mlflow.MlflowClient]) -> Run:
    _, trained, client = elsewhere
    return client.get_run(trained["run_id"])


def test_training_prints_every_figure_by_slice_ours_and_the_baselines(elsewhere: Any) -> None:
    _, trained, _ = elsewhere
    churn = trained["churn"]
    assert set(churn["headline"]) == {"model", "recency", "rfm_logistic", "bg_nbd"}
    for figures in churn["headline"].values():
        assert {"auc", "average_precision", "brier", "calibration_slope"} <= set(figures)
        assert all(set(figure) == {"value", "low", "high"} for figure in figures.values())
    assert len(churn["by_month"]) == len(trained["moments"]["test"])
    assert "customers unseen in training" in churn["by_slice"]
    assert 0 < trained["truth"]["share_of_the_oracles_net_value"] < 1
    assert trained["truth"]["auc_of_the_truths_own_probabilities"] > 0.5


def test_the_run_has_params_figures_and_the_hash_of_its_data(elsewhere: Any, run: Run) -> None:
    _, trained, client = elsewhere
    assert client.get_experiment_by_name("weekly").experiment_id == run.info.experiment_id
    assert run.data.params["question.horizon_days"] == "91"
    assert run.data.params["lightgbm.max_depth"] == "6"
    auc = trained["churn"]["headline"]["model"]["auc"]
    assert run.data.metrics["churn.headline.model.auc.value"] == pytest.approx(auc["value"])
    assert any(name.startswith("churn.by_slice.") for name in run.data.metrics)
    assert any(name.startswith("churn.by_month.") for name in run.data.metrics)
    assert run.data.tags["data_hash"] == trained["data"]["hash"]


def test_training_tells_how_much_of_the_importance_stays(elsewhere: Any, run: Run) -> None:
    _, trained, _ = elsewhere
    for what, models in (("other_customers", 3), ("later_moments", 2)):
        told = trained["stability"][what]
        assert told["models"] == models
        assert -1 <= told["tau_topics"]["low"] <= told["tau_topics"]["high"] <= 1
        assert 0 <= told["kept_facts"]["low"] <= told["kept_facts"]["high"] <= 1
        assert set(told["topics"]) == {topic.name for topic in TOPICS}
        assert len(told["facts"]) == 20
        tau = run.data.metrics[f"stability.{what}.tau_topics.value"]
        assert tau == pytest.approx(told["tau_topics"]["value"])


def test_the_run_has_plots_data_sets_and_the_bundle(elsewhere: Any, run: Run) -> None:
    _, trained, client = elsewhere
    plots = {item.path for item in client.list_artifacts(trained["run_id"], "plots")}
    assert plots == {f"plots/{name}.png" for name in ("calibration", "gain", "importance", "shap_summary")}
    bundle = {item.path for item in client.list_artifacts(trained["run_id"], BUNDLE)}
    assert {f"{BUNDLE}/{name}" for name in ("churn.txt", "value.txt", "golden.parquet")} <= bundle
    contexts = {tag.value for data in run.inputs.dataset_inputs for tag in data.tags}
    assert contexts == {"training", "test"}


def test_the_registered_model_has_signature_example_and_the_challengers_alias(elsewhere: Any) -> None:
    _, trained, client = elsewhere
    version = client.get_model_version_by_alias(MODEL, CHALLENGER)
    assert (version.run_id, int(version.version)) == (trained["run_id"], trained["registered"]["version"])
    info = mlflow.models.get_model_info(f"models:/{MODEL}/{version.version}")
    assert len(info.signature.inputs.inputs) == trained["data"]["facts"]
    assert info.saved_input_example_info
    assert set(info.flavors) == {"lightgbm", "python_function"}


def test_training_twice_on_the_same_data_gives_the_same_models(elsewhere: Any, published: Path) -> None:
    _, trained, client = elsewhere
    first = published / "bundles" / Home(published).published().bundle
    for name in ("churn.txt", "value.txt", "response.txt", "uplift.json", "golden.parquet"):
        again = Path(client.download_artifacts(trained["run_id"], f"{BUNDLE}/{name}"))
        assert file_hash(again) == file_hash(first / name)
    about = [
        json.loads(path.read_text())
        for path in (
            first / "bundle.json",
            Path(client.download_artifacts(trained["run_id"], f"{BUNDLE}/bundle.json")),
        )
    ]
    for each in about:
        each["about"].pop("trained_at")
    assert about[0] == about[1]


def test_promoting_publishes_the_challenger_and_makes_it_the_champion(
    elsewhere: Any, command: Command
) -> None:
    home, trained, client = elsewhere
    promoted = command("promote", "--home", home, "--json")
    assert promoted.code == 0, promoted.err
    assert Home(home).published().bundle == promoted.json["bundle"]
    assert client.get_model_version_by_alias(MODEL, CHAMPION).run_id == trained["run_id"]
    again = command("promote", "--home", home, "--version", "1", "--json")
    assert again.json["bundle"] == promoted.json["bundle"]
    assert len(Home(home).states()) == 1
    missing = command("promote", "--home", home, "--version", "99")
    assert missing.code == 1
    assert "no holdfast-churn-simulator version 99" in " ".join(missing.err.split())


def test_a_bundle_damaged_in_the_store_is_not_promoted(elsewhere: Any, command: Command) -> None:
    home, trained, _ = elsewhere
    before = Home(home).states()
    (stored,) = home.parent.rglob(f"{trained['run_id']}/artifacts/{BUNDLE}/churn.txt")
    whole = stored.read_text()
    for damaged in (whole[: len(whole) // 2], whole.replace("num_cat=0", "num_cat=1", 1), ""):
        stored.write_text(damaged)
        said = command("promote", "--home", home)
        assert said.code == 1
        assert "Traceback" not in said.err
    stored.write_text(whole)
    assert Home(home).states() == before


def test_the_whole_way_works_with_runs_kept_in_postgresql(
    postgres: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = postgres.replace("postgresql://", "postgresql+psycopg://").replace(quote(" "), "%20")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    home = tmp_path / "home"
    world = ("simulate", "--customers", "300", "--weeks", "78")
    for arguments in (world, ("check",), ("train",), ("promote",), ("score",)):
        said = command(*arguments, "--home", home, "--json")
        assert said.code == 0, said.err
    client = mlflow.MlflowClient(uri, uri)
    champion = client.get_model_version_by_alias(MODEL, CHAMPION)
    assert champion.run_id == client.get_model_version_by_alias(MODEL, CHALLENGER).run_id
    assert client.get_run(champion.run_id).data.metrics["churn.headline.model.auc.value"] > 0.5
