"""Promotion end to end: what passes, what is refused and why, what a reason changes, and the shadow."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import mlflow
import numpy as np
import pytest

from models.frame import Moments, build_frame
from models.learner import boost
from models.scorer import Scorer
from pipelines.gate_report import PAGE, REPORT
from pipelines.registry import BUNDLE, CHAMPION
from releases.bundle import Bundle, read_bundle, write_bundle
from releases.home import Home
from releases.reference import REFERENCE
from tables.history import read_histories
from tables.moment import DAY

# MLflow's use of its database, which `command` passes over too.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.usefixtures("tracking"),
]
MODEL = "holdfast-churn-simulator"
Command = Callable[..., Any]


@pytest.fixture(scope="module")
def home(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `published` for this module, whose champion stands."""
    return shutil.copytree(published, tmp_path_factory.mktemp("gate") / "home")


def champion_of(home: Path) -> Bundle:
    where = Home(home)
    return read_bundle(where.bundles / where.published().bundle, where.key())


def register(client: mlflow.MlflowClient, folder: Path) -> int:
    """As training does it, without the models of MLflow's own kind, which promotion does not read."""
    run = client.create_run(client.get_experiment_by_name("holdfast").experiment_id)
    client.log_artifacts(run.info.run_id, str(folder), BUNDLE)
    version = client.create_model_version(MODEL, f"{run.info.artifact_uri}/{BUNDLE}", run.info.run_id)
    return int(version.version)


@pytest.fixture(scope="module")
def shuffled(home: Path, tracking: mlflow.MlflowClient) -> int:
    """A challenger whose churn models were trained on shuffled labels: the version it is registered as."""
    champion = champion_of(home)
    histories = read_histories(Home(home).current_base() / "histories")
    tested = champion.about["moments"]["test_at"]
    before = tested[0] - champion.question.horizon_days * DAY
    frame = build_frame(histories, champion.question, Moments((before,), tuple(tested[-1:])), margin_rate=0.3)
    labels = np.random.default_rng(5).permutation(frame.churned)
    names = champion.scorer.names
    values = champion.scorer.columns(frame.facts.values, frame.facts.names)

    def worse(scorer: Scorer) -> Scorer:
        return replace(scorer, churn=boost(values, labels, names, "binary", trees=20))

    with tempfile.TemporaryDirectory() as folder:
        golden = frame.at(tested[-1:]).facts
        write_bundle(
            Path(folder),
            worse(champion.scorer),
            worse(champion.judged),
            champion.question,
            champion.about,
            replace_values(golden, champion.scorer.columns(golden.values, golden.names), names),
        )
        shutil.copy(champion.folder / REFERENCE, folder)
        return register(tracking, Path(folder))


def replace_values(facts: Any, values: Any, names: tuple[str, ...]) -> Any:
    return type(facts)(facts.places, facts.moments, names, values)


def test_the_first_of_a_home_passed_and_carries_its_report(published: Path, tracking: Any) -> None:
    bundle = champion_of(published)
    report = json.loads((bundle.folder / REPORT).read_text())
    assert report["ruling"] == "passed"
    assert report["why_no_champion"] == "nothing is published yet"
    states = {check["name"]: check["state"] for check in report["verdict"]["checks"]}
    assert set(states.values()) <= {"passed", "not judged"}
    assert {"earns", "calibration", "treatment", "golden", "one_customer_ms", "size_mb"} <= set(states)
    earned = report["evidence"]["captured"]
    assert earned["ahead"]["low"] < earned["ahead"]["value"] < earned["ahead"]["high"]
    groups = {each["axis"] for each in report["evidence"]["treatments"]}
    assert {"gender"} <= groups <= {"age", "gender", "region"}  # some groups of 1,500 customers are too small
    assert report["evidence"]["small_groups"]
    page = ET.parse(bundle.folder / PAGE)
    assert len(list(page.iter("svg"))) > 5
    assert not [each for each in page.iter() if {"src", "href"} & set(each.attrib)]
    run = tracking.get_run(report["run_id"])
    assert run.data.tags["gate.ruling"] == "passed"
    assert run.data.metrics["gate.size_mb"] < 50
    kept = {item.path for item in tracking.list_artifacts(report["run_id"], "gate")}
    assert kept == {f"gate/{REPORT}", f"gate/{PAGE}"}


def test_the_champion_is_not_judged_beside_itself(home: Path, command: Command) -> None:
    before = Home(home).states()
    said = command("promote", "--home", home, "--json")
    assert said.code == 0, said.err
    assert said.json["gate"]["ruling"] == "published already"
    assert Home(home).states() == before


def test_a_challenger_trained_on_shuffled_labels_is_refused_and_says_why(
    home: Path, command: Command, shuffled: int, tracking: mlflow.MlflowClient
) -> None:
    before = Home(home).states()
    said = command("promote", "--home", home, "--version", str(shuffled))
    assert said.code == 1
    assert "Traceback" not in said.err
    assert f"{MODEL} version {shuffled} does not become the champion" in said.err
    assert "earns: surely earns less (money of leavers it would reach, beside the champion)" in said.err
    assert "--reason" in said.err
    assert Home(home).states() == before
    page = home / "gate" / f"{MODEL}-{shuffled}" / PAGE
    assert str(page) in said.err
    assert "Not promoted" in page.read_text(encoding="utf-8")
    tags = tracking.get_model_version(MODEL, str(shuffled)).tags
    assert tags["gate.ruling"] == "refused"
    assert "earns" in tags["gate.failed"].split(",")
    assert int(tracking.get_model_version_by_alias(MODEL, CHAMPION).version) != shuffled


def test_a_shadow_says_beside_the_week_what_it_would_have_said_and_is_found_out(
    home: Path, command: Command, shuffled: int
) -> None:
    """The week lies a whole horizon before the end of the data, so that its outcomes are known."""
    scored = command(
        "score",
        "--home",
        home,
        "--as-of",
        "2026-07-20",
        "--shadow",
        str(shuffled),
        "--accept",
        "a test",
        "--json",
    )
    assert scored.code == 0, scored.err
    beside = scored.json["shadow"]
    assert beside["version"] == shuffled
    assert beside["mean_distance"] > 0.05
    week = home / "weeks" / scored.json["week"]
    assert not [path for path in week.rglob("*") if "shadow" in path.name]
    assert command("status", "--home", home).code == 0
    (told,) = command("shadow", "--home", home, "--json").json["shadows"]
    assert told["week"] == scored.json["week"]
    assert told["says"] == ""
    assert told["ahead"]["auc"]["high"] < 0
    assert told["ahead"]["brier"]["low"] > 0  # further from what happened
    assert told["auc"]["week"]["value"] - told["auc"]["shadow"]["value"] == pytest.approx(
        -told["ahead"]["auc"]["value"]
    )
    assert command("shadow", "--home", home).code == 0


def test_a_shadow_that_is_not_there_is_refused_before_any_work(home: Path, command: Command) -> None:
    before = Home(home).states()
    said = command("score", "--home", home, "--shadow", "99")
    assert said.code == 1
    assert "version 99" in said.err
    assert Home(home).states() == before


def test_a_reason_overrides_and_is_recorded(
    home: Path, command: Command, shuffled: int, tracking: mlflow.MlflowClient
) -> None:
    why = "the old one breaks a promise to the regulator"
    said = command("promote", "--home", home, "--version", str(shuffled), "--reason", why, "--json")
    assert said.code == 0, said.err
    assert said.json["gate"]["ruling"] == "overridden"
    bundle = champion_of(home)
    assert bundle.name == said.json["bundle"] == Home(home).published().bundle
    report = json.loads((bundle.folder / REPORT).read_text())
    assert (report["ruling"], report["reason"]) == ("overridden", why)
    assert why in (bundle.folder / PAGE).read_text(encoding="utf-8")
    tags = tracking.get_model_version(MODEL, str(shuffled)).tags
    assert (tags["gate.ruling"], tags["gate.reason"]) == ("overridden", why)
    assert int(tracking.get_model_version_by_alias(MODEL, CHAMPION).version) == shuffled


def test_a_damaged_challenger_is_refused_whatever_the_reason(
    home: Path, command: Command, tracking: mlflow.MlflowClient, tmp_path: Path
) -> None:
    champion = champion_of(home)
    folder = shutil.copytree(champion.folder, tmp_path / "bundle")
    text = (folder / "judged" / "churn.txt").read_text()
    (folder / "judged" / "churn.txt").write_text(text.replace("leaf_value=", "leaf_value=0.5 ", 1))
    version = register(tracking, folder)
    before = Home(home).states()
    for more in ((), ("--reason", "we want it")):
        said = command("promote", "--home", home, "--version", str(version), *more)
        assert said.code == 1
        assert "golden: the bundle is damaged" in said.err
        assert "promoted for no reason" in said.err
    assert Home(home).states() == before


def test_a_challenger_of_unequal_terms_is_refused_whatever_the_reason(
    unequal: Path, command: Command, tracking: mlflow.MlflowClient, tmp_path: Path
) -> None:
    """Nothing is published, so that what trained `published` comes to the gate again."""
    home = shutil.copytree(unequal, tmp_path / "home")
    (home / "published.json").unlink()
    for more in ((), ("--reason", "we want it")):
        said = command("promote", "--home", home, *more)
        assert said.code == 1
        assert "equal_terms: terms of like customers surely differ in" in said.err
        assert "region" in said.err
        assert "unequal terms are promoted for no reason" in said.err
    assert Home(home).published().bundle == ""


def test_a_mistake_in_the_gates_bounds_is_refused_by_line(
    home: Path, command: Command, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = shutil.copytree(root / "config", tmp_path / "config")
    text = (config / "gate.yaml").read_text(encoding="utf-8")
    (config / "gate.yaml").write_text(text.replace("depth: 0.2", "depth: 20"), encoding="utf-8")
    monkeypatch.setenv("HOLDFAST_CONFIG", str(config))
    line = text[: text.index("depth: 0.2")].count("\n") + 1
    said = command("promote", "--home", home)
    assert said.code == 1
    assert f"gate.yaml:{line}: earns.captured.depth" in said.err
