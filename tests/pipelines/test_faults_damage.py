"""A flipped bit or a cut file, wherever it is: nothing is made of it, and what mends it is what the message
says or the next run."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines import score as score_job
from releases.home import Home
from tables.refusal import Refused
from tables.sealed import pointed

pytestmark = pytest.mark.long
Command = Callable[..., Any]
Damage = Callable[[Path], None]
MOMENT = "2025-09-01"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES = pytest.mark.parametrize("damage", [flip, cut], ids=["a flipped bit", "a cut file"])


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 0)


def each_damaged(folder: Path, damage: Damage) -> Iterator[Path]:
    """One file after the other, damaged and then put back."""
    for path in files_of(folder):
        good = path.read_bytes()
        damage(path)
        yield path
        path.write_bytes(good)


@DAMAGES
def test_no_base_is_made_of_damaged_tables(command: Command, home: Path, damage: Damage) -> None:
    incoming, base = pointed(home / "incoming"), Home(home).current_base()
    assert incoming
    for path in each_damaged(incoming, damage):
        said = command("check", "--home", home)
        assert said.code == 1, path.name
        assert path.name in said.err
        assert Home(home).current_base() == base
    assert command("check", "--home", home).code == 0
    assert command("score", "--home", home).code == 0


@DAMAGES
@pytest.mark.parametrize("part", ["base", "bundle"])
def test_no_week_is_made_of_a_damaged_base_or_bundle(
    command: Command, home: Path, hashes: Callable[[Path], Any], part: str, damage: Damage
) -> None:
    bundle = home / "bundles" / Home(home).published().bundle
    folder = {"base": Home(home).current_base(), "bundle": bundle}[part]
    before = hashes(home)
    for path in each_damaged(folder, damage):
        said = command("score", "--home", home, "--as-of", MOMENT)
        assert said.code == 1, path.name
        assert path.name in said.err or "manifest" in said.err or "signature" in said.err, said.err
        assert "Traceback" not in said.err
        damaged = {str(path.relative_to(home))}
        assert {n: h for n, h in hashes(home).items() if n in before and n not in damaged} == {
            n: h for n, h in before.items() if n not in damaged
        }
    assert command("score", "--home", home, "--as-of", MOMENT).code == 0


@DAMAGES
@pytest.mark.parametrize("part", ["policies", "weeks"])
def test_a_damaged_policy_or_week_is_named_and_mended_by_the_next_run(
    command: Command, home: Path, hashes: Callable[[Path], Any], part: str, damage: Damage
) -> None:
    now = Home(home).published()
    folder = home / part / {"policies": now.policy, "weeks": now.week}[part]
    before, states = hashes(home), len(Home(home).states())
    del before["published.json"]  # it names when it was published again
    assert len(files_of(folder)) == {"policies": 3, "weeks": 9}[part]
    for path in files_of(folder):
        damage(path)
        told = command("status", "--home", home, "--json").json["parts"]
        assert {name: each["whole"] for name, each in told.items()} == {
            "bundle": True,
            "policy": part != "policies",
            "week": part != "weeks",
        }
        assert command("score", "--home", home).code == 0
        after = hashes(home)
        del after["published.json"]
        assert after == before, path.name
        assert len(Home(home).states()) == states
        assert vars(Home(home).published()) | {"at": ""} == vars(now) | {"at": ""}


def interrupted(home: Path, command: Command, monkeypatch: pytest.MonkeyPatch, as_of: str) -> Path:
    """A run that assessed everybody and then ended; returns its folder."""

    def end(*_: Any) -> None:
        raise Refused("ended here")

    with monkeypatch.context() as patch:
        patch.setattr(score_job, "plan_of", end)
        assert "ended here" in command("score", "--home", home, "--as-of", as_of).err
    (folder,) = (home / "runs").iterdir()
    return folder


@DAMAGES
def test_a_damaged_bucket_is_made_anew_by_resuming(
    command: Command, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Damage
) -> None:
    other = shutil.copytree(home, tmp_path / "other")
    undisturbed = command("score", "--home", other, "--as-of", MOMENT, "--json").json["week"]
    left = interrupted(home, command, monkeypatch, MOMENT)
    for path in files_of(left / "bucket-001"):
        again = shutil.copytree(home, tmp_path / "again" / path.name)
        damage(again / path.relative_to(home))
        said = command("score", "--home", again, "--as-of", MOMENT, "--resume", "--json")
        assert said.code == 0, said.err
        assert said.json["run"]["resumed_buckets"] == said.json["run"]["buckets"] - 1 == 3
        assert said.json["week"] == undisturbed


@DAMAGES
def test_a_bucket_damaged_while_the_run_goes_on_is_refused_and_made_anew(
    command: Command, home: Path, monkeypatch: pytest.MonkeyPatch, damage: Damage
) -> None:
    before, real = Home(home).published(), score_job.plan_of

    def plan(work: Any, run: Any, *rest: Any) -> Any:
        damage(run.path(2) / "uplift.npy")
        return real(work, run, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(score_job, "plan_of", plan)
        said = command("score", "--home", home, "--as-of", MOMENT)
    assert said.code == 1
    assert "uplift.npy: damaged" in said.err
    assert "`holdfast score --resume` makes this bucket anew" in " ".join(said.err.split())
    assert Home(home).published() == before
    assert (
        command("score", "--home", home, "--as-of", MOMENT, "--resume", "--json").json["run"][
            "resumed_buckets"
        ]
        == 3
    )


@DAMAGES
def test_options_damaged_before_they_are_chosen_from_are_refused_and_made_anew(
    command: Command, home: Path, monkeypatch: pytest.MonkeyPatch, damage: Damage
) -> None:
    before, real = Home(home).published(), score_job.write_parts

    def write(work: Any, run: Any, *rest: Any) -> Any:
        damage(run.folder / "options" / "002-uplift.npy")
        return real(work, run, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(score_job, "write_parts", write)
        said = command("score", "--home", home, "--as-of", MOMENT)
    assert said.code == 1
    assert "002-uplift.npy: damaged" in said.err
    assert "`holdfast score --resume` makes it anew" in " ".join(said.err.split())
    assert Home(home).published() == before
    again = command("score", "--home", home, "--as-of", MOMENT, "--resume", "--json")
    assert (again.code, again.json["run"]["resumed_buckets"]) == (0, 4)


def test_what_another_run_left_is_swept_and_said(
    command: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = interrupted(home, command, monkeypatch, "2025-09-02")
    (home / "weeks" / ".staging-999999999").mkdir()
    said = command("score", "--home", home, "--as-of", MOMENT, "--resume")
    assert said.code == 0
    assert f"removed what another unfinished run left ({left.name})" in " ".join(said.err.split())
    assert list((home / "runs").iterdir()) == []
    assert [path for path in (home / "weeks").iterdir() if path.name.startswith(".")] == []


def test_without_resume_a_leftover_is_removed_and_begun_anew(
    command: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = interrupted(home, command, monkeypatch, MOMENT)
    told = command("status", "--home", home, "--json").json
    assert told["unfinished"] == [{"run": left.name, "finished_buckets": 4}]
    assert "4 buckets are finished" in command("status", "--home", home).out.replace("\n", " ")
    said = command("score", "--home", home, "--as-of", MOMENT, "--json")
    assert said.json["run"]["resumed_buckets"] == 0
    assert "--resume would have gone on from it" in " ".join(said.err.split())
