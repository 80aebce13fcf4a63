"""A week and the service of the question contract: its base, its statuses, and no horizons of silence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.reader import read_facts
from models.question import CONTRACT, Question
from releases.bundle import read_bundle
from releases.home import Home
from releases.signature import sign
from releases.watch import read_memory
from releases.week import read_week_about, read_week_rows
from serving import assessment
from serving.question import WEEK
from serving.served import load
from tables.history import read_histories
from tables.sealed import MANIFEST, SIGNATURE, sealed_folder

ASKED = Question(364, kind=CONTRACT, grace_days=28)


@pytest.fixture
def contract_home(home: Path) -> Home:
    """The models of before, published as the answer to another question: what they say does not matter."""
    at = Home(home)
    with sealed_folder(at.bundles) as staged:
        keep = shutil.ignore_patterns(MANIFEST, SIGNATURE, "horizon_*")
        shutil.copytree(at.bundles / at.published().bundle, staged.path, dirs_exist_ok=True, ignore=keep)
        said = json.loads((staged.path / "bundle.json").read_text())
        asked = {"kind": CONTRACT, "horizon_days": 364, "base_days": 364, "grace_days": 28}
        said |= {"question": asked, "horizons": None, "judged": said["judged"] | {"horizons": None}}
        (staged.path / "bundle.json").write_text(json.dumps(said))
    sign(staged.path, at.key())
    assert read_bundle(at.bundles / staged.name, at.key()).question == ASKED
    state = {"bundle": staged.name, "policy": "", "week": "", "at": "2026-01-01T00:00:00+00:00"}
    (home / "published.json").write_text(json.dumps({"states": [state]}))
    return at


def test_a_week_scores_those_whose_contract_ends_and_the_service_says_the_same(
    contract_home: Home, command: Callable[..., Any]
) -> None:
    said = command("score", "--home", contract_home.path, "--json")
    assert said.code == 0, said.err
    folder = contract_home.weeks / contract_home.published().week
    about = read_week_about(folder, contract_home.key())
    memory = read_memory(folder)
    assert memory
    assert about.question == memory.question == ASKED
    rows = read_week_rows(folder)
    histories = read_histories(contract_home.current_base() / "histories")
    facts = read_facts(histories, np.arange(len(histories)), about.moment)
    left = facts.column("days_to_contract_end")
    expected = np.where(
        np.isnan(left),
        "no_contract",
        np.where(left > 364, "not_due", np.where(left > 0, "in_base", "lapsed")),
    )
    assert rows["status"].to_pylist() == expected.tolist()
    assert 0 < about.in_base < len(rows)
    for row in rows.to_pylist():
        assert (row["churn_probability"] is not None) == (row["status"] == "in_base")
        assert row["churn_probability_28d"] is row["churn_probability_91d"] is None
    served = load(contract_home, contract_home.published())
    ids = rows["customer_id"].to_pylist()
    answer = assessment.score(served, ids, WEEK)
    assert (answer.question.kind, answer.question.grace_days) == (CONTRACT, 28)
    for each, row in zip(answer.customers, rows.to_pylist(), strict=True):
        assert (each.status, each.churn_probability) == (row["status"], row["churn_probability"])
        assert each.churn_by_horizon == []
    status = command("status", "--home", contract_home.path, "--json").json["parts"]["bundle"]
    assert "who did not prolong their contract by the end of 364 days and 28 of grace" in status["says"]


def test_training_refuses_what_the_base_cannot_answer(home: Path, command: Callable[..., Any]) -> None:
    """The simulated companies never prolong a contract: there is no difference to learn."""
    said = command("train", "--home", home, "--question", "mood")
    assert said.code == 1
    assert "a question is one of silence, contract; came 'mood'" in " ".join(said.err.split())
    said = command("train", "--home", home, "--grace", "7")
    assert "for the question contract only" in " ".join(said.err.split())
