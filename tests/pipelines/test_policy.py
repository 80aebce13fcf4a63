"""`holdfast policy`: checked, compared and held against a base, as its user does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from decisions.policy import read_policy

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def policy_text(root: Path) -> str:
    return (root / "config/policy.yaml").read_text(encoding="utf-8")


@pytest.fixture
def edited(tmp_path: Path, policy_text: str) -> Callable[..., Path]:
    """The shipped policy with some texts in place of others."""

    def make(*changes: tuple[str, str], name: str = "other.yaml") -> Path:
        text = policy_text
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return make


def test_the_shipped_policy_passes_the_check_without_a_base(command: Command, tmp_path: Path) -> None:
    said = command("policy", "check", "--home", tmp_path / "none", "--json")
    assert said.code == 0
    assert said.json["errors"] == 0
    assert said.json["plans"] == 64
    assert said.json["base"] is False
    assert any("discount gets worse from basic to important" in f["says"] for f in said.json["findings"])


def test_findings_are_printed_with_line_severity_and_words(
    command: Command, tmp_path: Path, policy_text: str, root: Path
) -> None:
    said = command("policy", "check", "--home", tmp_path / "none")
    line = policy_text[: policy_text.index("name: annual_rebate")].count("\n")
    lines = " ".join(said.out.split())
    assert "warning: rebate gets worse from important to core" in lines
    assert any(f"config/policy.yaml:{line + k}:" in said.out.replace("\n", "") for k in range(-12, 20))


def test_an_error_ends_with_1_and_is_still_shown(
    command: Command, tmp_path: Path, edited: Callable[..., Path]
) -> None:
    path = edited(("at_least: 5_000_00}", "above: 5_000_00}"))
    said = command("policy", "check", path, "--home", tmp_path / "none", "--json")
    assert said.code == 1
    (error,) = [each for each in said.json["findings"] if each["severity"] == "error"]
    assert error["says"] == "b2c_spend: no tier where annual_spend = 500,000"
    assert error["file"] == str(path)
    assert "1 errors; see the findings above" in said.err


def test_a_policy_that_contradicts_itself_is_refused_with_its_line(
    command: Command, tmp_path: Path, edited: Callable[..., Path], policy_text: str
) -> None:
    path = edited(("weekly: 300_000,", "weekly: -5,"))
    said = command("policy", "check", path, "--home", tmp_path / "none")
    line = policy_text[: policy_text.index("weekly: 300_000")].count("\n") + 1
    assert said.code == 1
    assert f"{path.name}:{line}: budgets.0.weekly" in said.err.replace("\n", "")


def test_a_check_against_a_base_knows_its_offers_and_consents(command: Command, small: Path) -> None:
    said = command("policy", "check", "--home", small, "--json").json
    assert said["base"] is True
    assert said["offers"] > 0
    expired = [each for each in said["findings"] if "expired on" in each["says"]]
    assert all(each["file"] == "the base's offers" and each["line"] is None for each in expired)


def test_an_offer_of_the_configuration_is_told_by_its_line(
    command: Command, small: Path, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("policy.yaml", "home.yaml", "watch.yaml"):
        (tmp_path / name).write_text((root / "config" / name).read_text(encoding="utf-8"), encoding="utf-8")
    offer = "offer_id: old, kind: coupon, name: Old, reward: 5, cost: 5, channels: [email]"
    (tmp_path / "offers.yaml").write_text(
        f"# ours\noffers:\n  - {{{offer}, starts_on: 2020-01-01, ends_on: 2020-02-01}}\n", encoding="utf-8"
    )
    monkeypatch.setenv("HOLDFAST_CONFIG", str(tmp_path))
    said = command("policy", "check", "--home", small, "--json").json
    (finding,) = [each for each in said["findings"] if "old expired on 2020-02-01" in each["says"]]
    assert (finding["file"], finding["line"]) == (str(tmp_path / "offers.yaml"), 3)


def test_the_same_policy_changes_nothing(command: Command, published: Path, root: Path) -> None:
    same = root / "config/policy.yaml"
    said = command("policy", "diff", same, same, "--home", published, "--json").json
    assert said["changes"] == []
    assert said["stated_differently"] == []
    assert said["before"] == said["after"]
    assert said["before"]["statistics"] == "published"
    week = json.loads((published / "published.json").read_text())["states"][0]["week"]
    about = json.loads((published / "weeks" / week / "week.json").read_text())
    limits = {limit["name"]: limit for limit in about["limits"]}  # the week's own choices, made again
    assert said["before"]["prices"] == {name: limit["price"] for name, limit in limits.items()}
    assert said["before"]["offer_cost"] == pytest.approx(limits["weekly_budget"]["used"])


def test_another_policy_moves_tiers_actions_and_costs(
    command: Command, published: Path, root: Path, edited: Callable[..., Path]
) -> None:
    budget = read_policy(root / "config/policy.yaml").weekly_budget
    other = edited(
        ("at_least: 5_000_00}", "at_least: 3_000_00}"),
        ("below: 5_000_00}", "below: 3_000_00}"),
        (f"weekly_budget: {budget:_}", "weekly_budget: 20_000"),
        ("minimum_net_value: 50", "minimum_net_value: 900"),
    )
    said = command("policy", "diff", root / "config/policy.yaml", other, "--home", published, "--json").json
    changes = {each["name"]: each for each in said["changes"]}
    assert changes["tier b2c_spend"]["moves"] == [["important", "core", changes["tier b2c_spend"]["changed"]]]
    assert changes["action"]["changed"] > 0
    assert set(changes) == {"tier b2c_spend", "action"}
    assert set(said["stated_differently"]) == {"tiers", "weekly_budget", "minimum_net_value"}
    assert said["after"]["offer_cost"] <= 20_000
    assert said["after"]["offers"] < said["before"]["offers"]
    assert said["before"]["benefits"]["a_year"] != said["after"]["benefits"]["a_year"]
    shown = command("policy", "diff", root / "config/policy.yaml", other, "--home", published)
    assert "important > core" in shown.out
    assert (said["before"]["statistics"], said["after"]["statistics"]) == ("published", "taken anew")
    assert "statistics of the base: before published, after taken anew" in " ".join(shown.out.split())


def test_without_models_the_difference_says_what_it_cannot_say(
    command: Command, tmp_path: Path, root: Path
) -> None:
    home = tmp_path / "home"
    assert command("simulate", "--home", home, "--customers", "250", "--weeks", "52").code == 0
    assert command("check", "--home", home).code == 0
    same = root / "config/policy.yaml"
    said = command("policy", "diff", same, same, "--home", home, "--json").json
    assert any("no bundle is published" in each for each in said["not_said"])
    assert "offers" not in said["before"]


def test_stability_is_told_of_every_segmentation(command: Command, published: Path) -> None:
    said = command("policy", "stability", "--home", published, "--draws", "3", "--json").json
    found = {each["name"]: each for each in said["segments"]}
    assert {"b2c_spend", "value", "behaviour", "stage", "cell"} <= set(found)
    # Printed thresholds do not depend on who is in the base.
    assert found["b2c_spend"]["resampled"]["rand"] == 1
    assert found["behaviour"]["worst"] > 0.8
    assert 0 < found["behaviour"]["week"]["changed"] < 0.15


def test_what_if_says_what_more_of_a_limit_is_worth(
    command: Command, published: Path, edited: Callable[..., Path], tmp_path: Path
) -> None:
    tight = edited(("weekly_budget: 1_000_000", "weekly_budget: 20_000"))
    plot = tmp_path / "curve.png"
    said = command("policy", "what-if", tight, "--home", published, "--plot", plot, "--json").json
    values = [point["value"] for point in said["curve"]]
    assert values == sorted(values)
    assert values[0] < values[-1]
    assert all(point["value"] <= point["most"] * (1 + 1e-9) for point in said["curve"])
    worth = {limit["name"]: limit["worth_of_one_more"] for limit in said["limits"]}
    assert worth["weekly_budget"] > 0 == worth["calls"]
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "Worth of one more unit" in command("policy", "what-if", tight, "--home", published).out
    nowhere = command("policy", "what-if", tight, "--home", published, "--limit", "gold")
    assert (nowhere.code, "no limit 'gold'" in " ".join(nowhere.err.split())) == (1, True)
