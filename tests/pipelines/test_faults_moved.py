"""What a run stands on is moved from under it: the pointer, the base, the clock."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines import first_pass
from pipelines import score as score_job
from releases.home import Home
from releases.week import read_week_about
from tables.sealed import point

Command = Callable[..., Any]
MOMENT = "2025-09-01"


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Any]) -> None:
    """Let something happen while everybody is assessed."""
    real = first_pass.assess

    def assess(*arguments: Any) -> Any:
        happens()
        return real(*arguments)

    monkeypatch.setattr(first_pass, "assess", assess)


def test_a_pointer_that_moved_during_the_run_is_not_overwritten(
    command: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("score", "--home", home, "--as-of", "2025-08-01").code == 0
    with monkeypatch.context() as patch:
        meanwhile(patch, lambda: Home(home).publish(week="another", at="now"))
        said = command("score", "--home", home, "--as-of", MOMENT)
    assert said.code == 1
    words = " ".join(said.err.split())
    assert "the pointer moved while this job ran (week " in words
    assert "became another)" in words
    assert "run `holdfast score` again" in words
    assert Home(home).published().week == "another"
    Home(home).roll_back()
    undisturbed = command("score", "--home", home, "--as-of", MOMENT, "--resume", "--json").json
    assert Home(home).published().week == undisturbed["week"]


def test_another_base_during_the_run_changes_nothing_of_it(
    command: Command, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = Home(home).current_base()
    other = shutil.copytree(home, tmp_path / "other")
    undisturbed = command("score", "--home", other, "--as-of", MOMENT, "--json").json["week"]
    (home / "bases" / "newer").mkdir()
    with monkeypatch.context() as patch:
        meanwhile(patch, lambda: point(home / "bases", "newer"))
        score = command("score", "--home", home, "--as-of", MOMENT, "--json").json
    assert score["week"] == undisturbed
    about = read_week_about(home / "weeks" / score["week"], Home(home).key())
    assert about.base == base.name
    assert base.is_dir()
    assert (home / "bases" / "newer").is_dir()


@pytest.mark.parametrize("change", ["gone", "damaged"])
def test_a_base_that_is_gone_or_changed_under_the_run_is_refused(
    command: Command, home: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    before, base = Home(home).published(), Home(home).current_base()
    aside = home / "aside"

    def happens() -> None:
        if not aside.exists():
            shutil.copytree(base, aside)
            if change == "gone":
                shutil.rmtree(base)
            else:
                (base / "base.json").write_text("{}")

    with monkeypatch.context() as patch:
        meanwhile(patch, happens)
        said = command("score", "--home", home, "--as-of", MOMENT)
    assert said.code == 1
    assert "the base changed while it was " in " ".join(said.err.split())
    assert Home(home).published() == before
    shutil.rmtree(base, ignore_errors=True)
    aside.rename(base)
    assert command("score", "--home", home, "--as-of", MOMENT, "--resume").code == 0


def set_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return now.astimezone(tz)

    monkeypatch.setattr(score_job, "datetime", Clock)
    monkeypatch.setattr("releases.lock.datetime", Clock)
    monkeypatch.setattr("pipelines.running.datetime", Clock)


def test_a_clock_that_jumps_changes_neither_the_order_nor_the_weeks(
    command: Command, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shutil.copytree(home, tmp_path / "other")
    moments = ["2025-09-01", "2025-09-02", "2025-09-03"]
    steady = [command("score", "--home", other, "--as-of", each, "--json").json["week"] for each in moments]
    jumps = [timedelta(days=400), timedelta(days=-4000), timedelta(0)]
    for as_of, jump, week in zip(moments, jumps, steady, strict=True):
        with monkeypatch.context() as patch:
            set_clock(patch, datetime.now(UTC) + jump)
            assert command("score", "--home", home, "--as-of", as_of, "--json").json["week"] == week
    weeks = [each["week"] for each in command("status", "--home", home, "--json").json["weeks"]]
    assert weeks[:3] == steady[::-1]
    assert command("rollback", "--home", home, "--json").json["week"] == steady[1]
    assert command("rollback", "--home", home, "--json").json["week"] == steady[0]
