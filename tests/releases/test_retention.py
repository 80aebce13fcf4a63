"""What is kept of the past, and that what is published now always is."""

import json
from pathlib import Path

import pytest

from releases.home import Home
from releases.retention import GIGABYTE, Retention, prune, read_retention, size_of
from tables.refusal import Refused
from tables.sealed import point

KILOBYTE = 1000 / GIGABYTE


def publish(home: Home, name: str, *, base: str = "b", policy: str = "p", bundle: str = "m") -> None:
    """A week of about 1,000 bytes."""
    for shelf, folder in ((home.bases, base), (home.policies, policy), (home.bundles, bundle)):
        (shelf / folder).mkdir(parents=True, exist_ok=True)
        (shelf / folder / "file").write_text("-" * 10)
    week = home.weeks / name
    week.mkdir(parents=True, exist_ok=True)
    (week / "week.json").write_text(json.dumps({"base": base}))
    (week / "rows").write_text("-" * 1000)
    home.publish(week=name, policy=policy, bundle=bundle, at=name)


def folders(shelf: Path) -> set[str]:
    return {path.name for path in shelf.iterdir() if path.is_dir()}


def test_so_many_weeks_are_kept_and_the_others_go(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for k in range(6):
        publish(home, f"w{k}", base=f"b{k // 2}", policy=f"p{k}", bundle=f"m{k // 3}")
    kept = prune(home, Retention(weeks_kept=3))
    assert kept.weeks == ("w5", "w4", "w3")
    assert folders(home.weeks) == {"w5", "w4", "w3"}
    assert folders(home.bases) == {"b1", "b2"}
    assert folders(home.policies) == {"p3", "p4", "p5"}
    assert folders(home.bundles) == {"m1"}
    assert set(kept.removed) == {
        *(f"weeks/w{k}" for k in range(3)),
        *(f"policies/p{k}" for k in range(3)),
        "bundles/m0",
        "bases/b0",
    }
    assert [state.week for state in home.states()] == ["w5", "w4", "w3"]
    assert home.roll_back("w3").week == "w3"


def test_promotions_between_weeks_are_no_weeks(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for k in range(4):
        publish(home, f"w{k}")
        home.publish(bundle=f"m{k}", at="promoted")
    assert prune(home, Retention(weeks_kept=2)).weeks == ("w3", "w2")
    assert [state.week for state in home.states()] == ["w3", "w3", "w2", "w2"]


def test_the_oldest_go_when_the_disk_budget_is_spent(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for k in range(5):
        publish(home, f"w{k}")
    kept = prune(home, Retention(disk_gb=2.5 * KILOBYTE))
    assert kept.weeks == ("w4", "w3")
    assert kept.bytes == sum(size_of(tmp_path / shelf) for shelf in ("weeks", "bases", "policies", "bundles"))
    assert kept.bytes <= 2500


def test_what_is_published_now_stays_however_large(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for k in range(3):
        publish(home, f"w{k}")
    assert prune(home, Retention(disk_gb=KILOBYTE / 100)).weeks == ("w2",)
    assert folders(home.weeks) == {"w2"}
    assert folders(home.bases) == {"b"}
    assert home.published().week == "w2"


def test_the_current_base_stays_though_no_week_was_read_from_it_yet(tmp_path: Path) -> None:
    home = Home(tmp_path)
    publish(home, "w0")
    (home.bases / "new").mkdir()
    (home.bases / "old").mkdir()
    point(home.bases, "new")
    prune(home, Retention())
    assert folders(home.bases) == {"b", "new"}


def test_killed_between_the_pointer_and_the_folders_the_next_pruning_removes_the_rest(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for k in range(3):
        publish(home, f"w{k}")
    home.keep(home.states()[:1])
    (home.weeks / ".staging-1").mkdir()
    assert set(prune(home, Retention()).removed) == {"weeks/w0", "weeks/w1"}
    assert folders(home.weeks) == {"w2", ".staging-1"}


def test_pruning_before_anything_is_published_removes_nothing(tmp_path: Path) -> None:
    assert prune(Home(tmp_path), Retention()) == ((), 0, ())


def test_the_file_says_how_much_and_without_it_the_defaults_hold(tmp_path: Path, root: Path) -> None:
    assert read_retention(tmp_path) == Retention() == read_retention(root / "config")
    (tmp_path / "home.yaml").write_text("weeks_kept: 4\n")
    assert read_retention(tmp_path) == Retention(weeks_kept=4, disk_gb=50)


@pytest.mark.parametrize("text", ["weeks_kept: 0", "disk_gb: -1", "weeks: 3", "weeks_kept: many"])
def test_a_mistake_in_the_file_is_named_by_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "home.yaml").write_text(f"# kept\n{text}\n")
    with pytest.raises(Refused, match=r"home\.yaml:2: "):
        read_retention(tmp_path)
