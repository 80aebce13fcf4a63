"""The commands as a script meets them: one JSON object, exit codes, and the order of the steps."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.catalogue import FAMILIES
from features.reader import facts_of
from releases.home import Home
from releases.week import read_week_rows

Command = Callable[..., Any]
JOBS = (
    "simulate", "import", "check", "features", "train", "promote", "explain", "score", "shadow",
    "rollback", "status", "serve",
)  # fmt: skip


def test_the_real_command_prints_one_json_object_and_nothing_else(holdfast: Command, published: Path) -> None:
    """The jobs that made `published` were read as one JSON object each; this one reads what they left."""
    status = holdfast("status", "--home", published)
    assert {name: part["whole"] for name, part in status["parts"].items()} == {
        "bundle": True,
        "policy": True,
        "week": True,
    }
    assert status["running"] == []


def test_every_quick_command_prints_one_json_object(command: Command, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "facts.parquet"
    customer = str(pq.read_table(Home(home).current_base() / "histories/ids.parquet")["id"][0])
    for arguments in (
        ("simulate", "--customers", "5", "--weeks", "39", "--home", tmp_path / "new"),
        ("check", "--home", tmp_path / "new", "--share", "1"),
        ("features", "--catalogue"),
        ("features", "--customer", customer, "--home", home),
        ("features", "--out", out, "--home", home),
        ("score", "--home", home),
        ("rollback", "--home", home),
        ("status", "--home", home),
    ):
        said = command(*arguments, "--json")
        assert said.code == 0, said.err
        assert said.out.count("\n") == 1
        assert isinstance(json.loads(said.out), dict), arguments
        people = command(*arguments) if arguments[0] not in ("rollback", "simulate") else None
        assert people is None or (people.code == 0 and len(people.out) > 0 and people.out[0] != "{")
    assert pq.read_table(out).num_rows == 60


def test_the_catalogue_names_every_fact_in_both_languages(command: Command) -> None:
    told = command("features", "--catalogue", "--json").json["facts"]
    assert [fact["name"] for fact in told] == [fact.name for fact in facts_of(FAMILIES)]
    assert all(fact["meaning"].isascii() and not fact["chinese"].isascii() for fact in told)


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("score", "--nonsense"),
        ("simulate", "--customers", "0"),
        ("simulate", "--customers", "many"),
        ("check", "--share", "2"),
        ("features",),
        ("import",),
        ("promote", "--version", "last"),
        (),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(command: Command, arguments: tuple[str, ...]) -> None:
    assert command(*arguments).code == 2


@pytest.mark.parametrize("job", JOBS)
def test_every_command_explains_itself(command: Command, job: str) -> None:
    said = command(job, "--help")
    assert said.code == 0
    assert "--home" in said.out


EARLY: dict[str, tuple[tuple[str, ...], str]] = {
    "check before import": (("check",), "run `holdfast simulate, or holdfast import` first"),
    "features before check": (("features", "--customer", "x"), "run `holdfast check` first"),
    "train before check": (("train",), "run `holdfast check` first"),
    "promote before check": (("promote",), "run `holdfast check` first"),
    "explain before promote": (("explain", "x"), "run `holdfast promote` first"),
    "score before promote": (("score",), "run `holdfast train` and `holdfast promote` first"),
    "serve before score": (("serve",), "run `holdfast score` first"),
    "rollback before anything": (("rollback",), "nothing was published before"),
    "import of nothing": (("import", "nothing"), "no such source; there are cdnow, "),
    "import without files": (("import", "cdnow"), "name the folder that holds them"),
    "a world that cannot be": (("simulate", "--weeks", "40"), "weeks must be a multiple of 13"),
}


@pytest.mark.parametrize(("arguments", "says"), EARLY.values(), ids=EARLY)
def test_a_step_too_early_is_refused_with_the_step_to_take(
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/none.db")
    said = command(*arguments, "--home", tmp_path / "home")
    assert said.code == 1
    assert said.out == ""
    assert says in " ".join(said.err.split())
    assert "Traceback" not in said.err


def test_promoting_before_training_is_refused_with_the_step_to_take(
    command: Command, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/none.db")
    before = Home(home).states()
    said = command("promote", "--home", home)
    assert said.code == 1
    assert "run `holdfast train` first" in " ".join(said.err.split())
    assert Home(home).states() == before


def test_status_before_anything_says_so(command: Command, tmp_path: Path) -> None:
    status = command("status", "--home", tmp_path, "--json").json
    assert {part["says"] for part in status["parts"].values()} == {"not published yet"}
    assert status["published_at"] is None
    assert not status["can_roll_back"]


@pytest.mark.parametrize("text", ["[/x]", "[bold]", "x" * 300, "C'; drop table"])
def test_an_unknown_customer_is_named_as_it_was_asked_for(command: Command, home: Path, text: str) -> None:
    said = command("features", "--customer", text, "--home", home)
    assert said.code == 1
    assert text in said.err


@pytest.mark.parametrize(
    ("as_of", "says"),
    [
        ("2010-01-01", "lies before the data, which begins on 2024-10-28"),
        ("0001-01-01", "lies outside the calendar"),
        ("yesterday", "a moment is a date or an ISO 8601 timestamp"),
        ("2040-01-01", "nobody bought in the 364 days before"),
    ],
)
@pytest.mark.parametrize("job", ["score", "train"])
def test_a_moment_that_cannot_be_is_refused_and_nothing_changes(
    command: Command, home: Path, hashes: Callable[[Path], Any], job: str, as_of: str, says: str
) -> None:
    before = hashes(home)
    said = command(job, "--home", home, "--as-of", as_of)
    assert said.code == 1
    assert says in " ".join(said.err.split())
    assert {name: hashed for name, hashed in hashes(home).items() if name in before} == before


def test_facts_are_not_written_to_a_folder_that_is_not_there(command: Command, home: Path) -> None:
    said = command("features", "--out", home / "none" / "facts.parquet", "--home", home)
    assert said.code == 1
    assert "is not a folder; make it first" in " ".join(said.err.split())


def test_scoring_twice_gives_the_same_bytes_and_no_new_state(
    command: Command, home: Path, hashes: Callable[[Path], Any]
) -> None:
    before = hashes(home)
    states = Home(home).states()
    shutil.rmtree(home / "weeks")
    assert command("score", "--home", home).code == 0
    after = hashes(home)
    assert {name: after[name] for name in before if name != "published.json"} == {
        name: hashed for name, hashed in before.items() if name != "published.json"
    }
    assert len(Home(home).states()) == len(states)


def test_rolling_back_returns_the_previous_week(command: Command, home: Path) -> None:
    before = Home(home).published()
    score = command("score", "--home", home, "--as-of", "2025-09-01", "--json").json
    assert Home(home).published().week == score["week"] != before.week
    assert command("rollback", "--home", home, "--json").json["week"] == before.week
    assert Home(home).published() == before
    assert read_week_rows(home / "weeks" / before.week).num_rows == 60


def test_rolling_back_to_a_damaged_week_is_refused_and_nothing_changes(command: Command, home: Path) -> None:
    old = Home(home).published().week
    assert command("score", "--home", home, "--as-of", "2025-09-01").code == 0
    now = Home(home).published()
    flip(home / "weeks" / old / "scores/part-000.parquet")
    said = command("rollback", "--home", home)
    assert said.code == 1
    assert "damaged" in said.err
    assert Home(home).published() == now


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


@pytest.mark.parametrize("part", ["bundle", "policy", "week"])
def test_status_names_a_damaged_part_and_ends_with_1(command: Command, home: Path, part: str) -> None:
    """It says what there is, and what watches it by its exit code learns of the damage too."""
    shelf = {"bundle": "bundles", "policy": "policies", "week": "weeks"}[part]
    folder = home / shelf / getattr(Home(home).published(), part)
    files = [path for path in folder.rglob("*") if path.is_file()]
    flip(max(files, key=lambda path: path.stat().st_size))
    said = command("status", "--home", home, "--json")
    assert said.code == 1
    assert f"what is published is damaged: {part};" in " ".join(said.err.split())
    whole = {name: each["whole"] for name, each in said.json["parts"].items()}
    assert whole == {name: name != part for name in whole}
    assert "damaged, its SHA-256 is not" in said.json["parts"][part]["says"]
    plainly = command("status", "--home", home)
    assert plainly.code == 1
    assert "NO" in plainly.out


def test_a_damaged_bundle_is_not_scored_with(command: Command, home: Path) -> None:
    flip(home / "bundles" / Home(home).published().bundle / "churn.txt")
    said = command("score", "--home", home)
    assert said.code == 1
    assert "damaged" in said.err


def set_budget(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, budget: int) -> str:
    """Let the business edit its policy; returns the new text."""
    config = shutil.copytree(root / "config", tmp_path / "config")
    before = (config / "policy.yaml").read_text()
    text = re.sub(r"(?m)^weekly_budget: .*", f"weekly_budget: {budget}", before)
    assert text != before
    (config / "policy.yaml").write_text(text)
    monkeypatch.setenv("HOLDFAST_CONFIG", str(config))
    return text


def test_a_mistaken_policy_file_is_refused_by_line(
    command: Command, home: Path, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = set_budget(tmp_path, root, monkeypatch, -5)
    line = next(k for k, each in enumerate(text.splitlines(), 1) if "weekly_budget: -5" in each)
    said = command("score", "--home", home)
    assert said.code == 1
    assert f"policy.yaml:{line}: weekly_budget" in said.err
    assert "came -5" in said.err


def test_another_policy_makes_another_week_and_a_tight_budget_is_kept(
    command: Command, home: Path, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = command("score", "--home", home, "--json").json
    whole = _limit(free, "weekly_budget")
    budget = int(whole["used"] / 2)
    set_budget(tmp_path, root, monkeypatch, budget)
    tight = command("score", "--home", home, "--json").json
    assert tight["week"] != free["week"]
    assert tight["policy"] != free["policy"]
    spent = _limit(tight, "weekly_budget")
    assert (spent["bound"], 0 < spent["used"] <= budget) == (budget, True)
    assert spent["price"] > 0 == whole["price"]


def _limit(result: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [limit for limit in result["limits"] if limit["name"] == name]
    return found


def test_a_running_job_is_shown_and_a_dead_one_is_not(command: Command, home: Path) -> None:
    for process in (1, 999_999_999):
        note = {"job": "train", "since": "2026-01-01T00:00:00+00:00"}
        (home / "running" / f"{process}.json").write_text(json.dumps(note))
    assert [job["process"] for job in command("status", "--home", home, "--json").json["running"]] == [1]
