"""The pointer, the key and the frozen policy."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decisions.frozen import NOTHING_FROZEN, Frozen
from decisions.policy import read_policy
from releases.home import STATES_KEPT, Home, Published
from releases.policy import freeze_policy, read_frozen_policy
from releases.signature import KEY_VARIABLE, sign, signing_key
from tables.offer import Offer
from tables.refusal import Refused
from tables.sealed import sealed_folder

FROZEN = Frozen(
    stated="s",
    source="shop",
    moment=5,
    customers=3,
    numbers={"spend: quantile 0.8": {"person": 0.1 + 0.2, "company": 1e300}},
    ranks={"reviews": {"person": (0.0, 1 / 3), "company": ()}},
    cells=(0, 0, 2),
)


def test_before_anything_is_published_the_pointer_names_nothing(tmp_path: Path) -> None:
    assert Home(tmp_path).published() == Published()
    assert Home(tmp_path).states() == []


def test_publishing_changes_the_parts_named_and_keeps_the_others(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.publish(bundle="b1", at="1")
    assert home.publish(week="w1", policy="p1", at="2") == Published("b1", "p1", "w1", "2")
    assert home.publish(bundle="b2", at="3") == Published("b2", "p1", "w1", "3") == home.published()


def test_rolling_back_gives_what_was_published_before(tmp_path: Path) -> None:
    home = Home(tmp_path)
    states = [home.publish(week=f"w{k}", at=str(k)) for k in range(3)]
    assert home.roll_back() == states[1] == home.published()
    assert home.roll_back() == states[0] == home.published()
    with pytest.raises(Refused, match="nothing was published before"):
        home.roll_back()
    assert home.published() == states[0]


def test_publishing_the_same_again_is_no_new_state(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.publish(week="w1", at="1")
    home.publish(week="w2", at="2")
    home.publish(week="w2", at="3")
    assert [state.at for state in home.states()] == ["3", "1"]
    assert home.roll_back().week == "w1"


def test_the_way_back_is_kept_for_so_many_states(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for k in range(STATES_KEPT + 5):
        home.publish(week=f"w{k}", at=str(k))
    assert len(home.states()) == STATES_KEPT
    assert home.published().week == f"w{STATES_KEPT + 4}"


DAMAGES = [
    "",
    "{",
    "[]",
    "null",
    '{"states": 5}',
    '{"states": ["x"]}',
    '{"states": [{"weak": "w"}]}',
    "\udcff",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_pointer_is_refused_and_left_as_it_is(tmp_path: Path, damage: str) -> None:
    home = Home(tmp_path)
    home.publish(week="w1", at="1")
    home.pointer.write_bytes(damage.encode("utf-8", "surrogateescape"))
    before = home.pointer.read_bytes()
    for attempt in (home.published, home.states, home.roll_back, lambda: home.publish(week="w2")):
        with pytest.raises(Refused, match=r"published\.json: cannot be read"):
            attempt()
    assert home.pointer.read_bytes() == before


def test_bases_of_weeks_that_can_be_rolled_back_to_are_in_use_and_damaged_weeks_name_none(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    for name, about in (("w1", '{"base": "b1"}'), ("w2", "{"), ("w3", '{"base": "b3"}')):
        (home.weeks / name).mkdir(parents=True)
        (home.weeks / name / "week.json").write_text(about)
        home.publish(week=name)
    home.publish(week="w4")
    assert home.bases_in_use() == {"b1", "b3"}


def test_the_key_is_made_once_and_readable_by_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    key = signing_key(tmp_path)
    assert len(key) == 64
    assert signing_key(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == ["signing.key"]
    assert stat.S_IMODE((tmp_path / "signing.key").stat().st_mode) == 0o600
    assert signing_key(tmp_path) != signing_key(_folder(tmp_path / "other"))


def test_a_key_from_the_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "from elsewhere")
    assert signing_key(tmp_path) == b"from elsewhere"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_key_signs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    (tmp_path / "signing.key").write_bytes(b"")
    with pytest.raises(Refused, match="put the key back"):
        signing_key(tmp_path)


def test_processes_that_come_at_once_get_one_key(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from releases.signature import signing_key\n"
    script += "sys.stdin.readline(); print(signing_key(Path(sys.argv[1])).decode())"
    plain = {name: value for name, value in os.environ.items() if name != KEY_VARIABLE}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], env=plain, **pipes) for _ in range(6)
    ]
    for process in started:
        assert process.stdin
        process.stdin.write("now\n")
        process.stdin.flush()
    keys = {process.communicate()[0] for process in started}
    assert len(keys) == 1
    assert len(keys.pop().strip()) == 64


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_frozen_policy_is_read_back_as_it_was_with_its_offers(
    tmp_path: Path, root: Path, key: bytes
) -> None:
    policy = read_policy(root / "config/policy.yaml")
    offers = (Offer("a", "coupon", "满减", reward=1, cost=2), Offer("b", "care", "", 0, 0, channels=("sms",)))
    frozen = freeze_policy(tmp_path, policy, offers, FROZEN, key)
    assert read_frozen_policy(tmp_path / frozen.name, key) == frozen
    assert freeze_policy(tmp_path, policy, offers, FROZEN, key).name == frozen.name
    other = freeze_policy(tmp_path, policy.model_copy(update={"weekly_budget": 1}), offers, FROZEN, key)
    assert other.name != frozen.name
    assert freeze_policy(tmp_path, policy, (replace(offers[0], cost=3),), FROZEN, key).name != frozen.name
    assert freeze_policy(tmp_path, policy, offers, NOTHING_FROZEN, key).name != frozen.name


def test_a_policy_of_before_has_no_statistics_and_one_of_another_version_says_what_to_do(
    tmp_path: Path, root: Path, key: bytes
) -> None:
    def changed(change: Callable[[dict[str, Any]], None]) -> Path:
        whole = json.loads((tmp_path / frozen.name / "policy.json").read_text(encoding="utf-8"))
        change(whole)
        with sealed_folder(tmp_path) as staged:
            (staged.path / "policy.json").write_text(json.dumps(whole), encoding="utf-8")
        sign(staged.path, key)
        return staged.path

    frozen = freeze_policy(tmp_path, read_policy(root / "config/policy.yaml"), (), FROZEN, key)
    before = changed(lambda whole: whole.pop("frozen"))
    assert read_frozen_policy(before, key).frozen == NOTHING_FROZEN
    for other in (changed(lambda whole: whole.pop("policy")), changed(lambda whole: whole.update(frozen=5))):
        with pytest.raises(Refused, match=r"written by another version .*; run `holdfast score`"):
            read_frozen_policy(other, key)


def test_a_frozen_policy_of_another_installation_is_refused(tmp_path: Path, root: Path, key: bytes) -> None:
    frozen = freeze_policy(tmp_path, read_policy(root / "config/policy.yaml"), (), NOTHING_FROZEN, key)
    with pytest.raises(Refused, match="another key"):
        read_frozen_policy(tmp_path / frozen.name, b"other")


def test_signing_again_after_being_killed_while_signing_leaves_a_whole_folder(
    tmp_path: Path, root: Path, key: bytes
) -> None:
    policy = read_policy(root / "config/policy.yaml")
    frozen = freeze_policy(tmp_path, policy, (), NOTHING_FROZEN, key)
    (tmp_path / frozen.name / "signature").unlink()
    (tmp_path / f"{frozen.name}-signature.staging-999999999").write_text("half")
    again = freeze_policy(tmp_path, policy, (), NOTHING_FROZEN, key)
    assert read_frozen_policy(tmp_path / again.name, key) == frozen
    assert [path.name for path in tmp_path.iterdir()] == [frozen.name]
