"""Segments from week to week: held against numbers that are frozen with the policy, and taken anew only when
the policy, or the base, is another one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from decisions.assess import IN_BASE
from features.reader import read_facts
from pipelines import score as score_job
from releases.home import Home
from releases.policy import FrozenPolicy, read_frozen_policy
from releases.segment_column import SEGMENT_FIELDS
from releases.signature import sign
from releases.week import read_week_rows
from tables.history import read_histories
from tables.refusal import Refused
from tables.sealed import MANIFEST, point, pointed, sealed_folder

Command = Callable[..., Any]
NAMES = ["customer_id", *(field.name for field in SEGMENT_FIELDS)]
TOP = "annual_spend: quantile 0.7"


@pytest.fixture
def policy(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The policy of the runs to come: the shipped one for kinds of ten, some texts changed."""
    folder = shutil.copytree(root / "config", tmp_path / "config")
    text = (folder / "policy.yaml").read_text(encoding="utf-8")
    monkeypatch.setenv("HOLDFAST_CONFIG", str(folder))

    def edit(*changes: tuple[str, str]) -> None:
        edited = text
        for old, new in (("least: 100", "least: 10"), *changes):
            assert old in edited
            edited = edited.replace(old, new)
        (folder / "policy.yaml").write_text(edited, encoding="utf-8")

    edit()
    return edit


def frozen_of(home: Path) -> FrozenPolicy:
    return read_frozen_policy(Home(home).policies / Home(home).published().policy, Home(home).key())


def rows_of(home: Path) -> pa.Table:
    return read_week_rows(Home(home).weeks / Home(home).published().week)


def segments_of(home: Path) -> dict[str, dict[str, Any]]:
    return {row["customer_id"]: row for row in rows_of(home).select(NAMES).to_pylist()}


def score(command: Command, home: Path, *more: str) -> Any:
    said = command("score", "--home", home, "--accept", "a test", *more, "--json")
    assert said.code == 0, said.err
    return said.json


def another_base(
    home: Path, command: Command, change: Callable[[str, pa.Table], pa.Table], source: str = "simulator"
) -> None:
    """Let the same tables come in changed, and check them."""
    current = pointed(home / "incoming")
    assert current
    with sealed_folder(home / "incoming") as staged:
        shutil.copytree(current, staged.path, ignore=shutil.ignore_patterns(MANIFEST), dirs_exist_ok=True)
        for path in staged.path.glob("*.parquet"):
            pq.write_table(change(path.stem, pq.read_table(path)), path)
        base = json.loads((staged.path / "base.json").read_text())
        (staged.path / "base.json").write_text(json.dumps(base | {"source": source}))
    point(home / "incoming", staged.name)
    assert command("check", "--home", home).code == 0


def is_richer(customers: Any) -> Any:
    return pc.ends_with(customers, "1")


def spending_more(table: str, rows: pa.Table) -> pa.Table:
    """Customers whose id ends with 1 spend thirty times as much."""
    if table != "transactions":
        return rows
    amount = rows["amount"]
    more = pc.if_else(is_richer(rows["customer_id"]), pc.multiply(amount, 30), amount).cast(amount.type)
    return rows.set_column(rows.column_names.index("amount"), "amount", more)


@pytest.fixture
def richer(home: Path, command: Command, policy: Callable[..., None]) -> Path:
    """A home that was scored, and whose base is now one in which others buy more."""
    assert score(command, home)["statistics"]["taken_anew"]
    another_base(home, command, spending_more)
    return home


def test_what_is_frozen_is_the_number_a_plain_sort_gives(
    command: Command, home: Path, policy: Callable[..., None]
) -> None:
    told = score(command, home)["statistics"]
    histories = read_histories(Home(home).current_base() / "histories")
    assert told["taken_anew"]
    assert told["customers"] == len(histories)
    facts = read_facts(histories, np.arange(len(histories)), histories.last_at)
    spend = sorted(
        max(0.0, spent - returned)
        for spent, returned, orders, company in zip(
            *(facts.column(n) for n in ("spend_364d", "returned_amount_364d", "orders_364d", "is_b2b")),
            strict=True,
        )
        if orders > 0 and company == 0
    )
    frozen = frozen_of(home).frozen
    assert frozen.numbers[TOP] == {"person": spend[-(-len(spend) * 7 // 10) - 1]}  # too few companies
    tagged = {row["customer_id"] for row in segments_of(home).values() if "top_revenue" in row["tags"]}
    assert 0 < len(tagged) < len(histories) / 2
    assert not score(command, home)["statistics"]["taken_anew"]


def test_nobody_moves_because_others_bought_more(
    command: Command, richer: Path, policy: Callable[..., None]
) -> None:
    before, frozen = segments_of(richer), frozen_of(richer)
    assert not score(command, richer)["statistics"]["taken_anew"]
    assert frozen_of(richer) == frozen
    after = segments_of(richer)
    moved = {customer for customer, row in after.items() if row != before[customer]}
    assert moved
    assert all(customer.endswith("1") for customer in moved)
    # Taken anew, the same customers would have moved: the check above can fail.
    policy(("- {name: frequent, ", "- {name: often, "))
    assert score(command, richer)["statistics"]["taken_anew"]
    assert frozen_of(richer).frozen.numbers[TOP]["person"] > frozen.frozen.numbers[TOP]["person"]
    anew = segments_of(richer)
    top_before, top_anew = (
        {customer for customer, row in rows.items() if "top_revenue" in row["tags"]} for rows in (after, anew)
    )
    assert any(not customer.endswith("1") for customer in top_before - top_anew)


def test_only_a_policy_whose_segments_are_stated_differently_is_frozen_anew(
    command: Command, richer: Path, policy: Callable[..., None]
) -> None:
    frozen = frozen_of(richer)
    policy(("minimum_net_value: 50", "minimum_net_value: 51"))
    assert not score(command, richer)["statistics"]["taken_anew"]
    assert frozen_of(richer).frozen == frozen.frozen
    assert frozen_of(richer).name != frozen.name
    policy(("annual_spend: {at_least: {quantile: 0.70}}", "annual_spend: {at_least: {quantile: 0.60}}"))
    assert score(command, richer)["statistics"]["taken_anew"]
    assert "annual_spend: quantile 0.6" in frozen_of(richer).frozen.numbers
    assert TOP not in frozen_of(richer).frozen.numbers


def test_a_base_of_another_source_is_frozen_anew_and_that_is_said(
    command: Command, home: Path, policy: Callable[..., None]
) -> None:
    score(command, home)
    another_base(home, command, lambda _, rows: rows, source="shop")
    said = command("score", "--home", home)
    assert said.code == 0, said.err
    assert "they are of 'simulator', the base is of 'shop'" in " ".join(said.err.split())
    assert frozen_of(home).frozen.source == "shop"


def test_a_run_that_ended_while_statistics_were_taken_is_resumed_to_the_same_bytes(
    command: Command,
    home: Path,
    tmp_path: Path,
    policy: Callable[..., None],
    hashes: Callable[[Path], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = shutil.copytree(home, tmp_path / "other")
    week = score(command, other)["week"]

    def end(*_: Any) -> None:
        raise Refused("ended here")

    for stage in ("frozen_policy", "plan_of", "write_parts"):
        with monkeypatch.context() as patch:
            patch.setattr(score_job, stage, end)
            assert "ended here" in command("score", "--home", home, "--accept", "a test", "--resume").err
    told = score(command, home, "--resume")
    assert told["run"]["resumed_buckets"] == told["run"]["buckets"] == 4
    assert told["statistics"]["taken_anew"]
    assert told["week"] == week
    ours, theirs = hashes(home), hashes(other)
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if ours[name] != theirs[name]} <= {"published.json"}  # its clock
    again = score(command, home)
    assert (again["week"], again["statistics"]["taken_anew"]) == (week, False)


def test_a_kind_with_too_few_customers_has_no_class_and_is_told_why(small: Path) -> None:
    """Sixty customers are fewer than the shipped policy asks for."""
    rows = rows_of(small).to_pylist()
    for row in rows:
        tiers = {each["scheme"]: each for each in row["tiers"]}
        if row["status"] == IN_BASE and row["churn_probability"] < 0.65:
            assert row["value_class"] is row["cell"] is row["plan"] is None
            assert tiers["value"]["tier"] is None
            assert "a threshold that is frozen for customers of this kind" in tiers["value"]["why"]
            assert "top_revenue" in row["tags_not_known"]
        if "b2c_spend" in tiers:
            assert tiers["b2c_spend"]["tier"] is not None  # its limits are printed
    assert {row["stage"] for row in rows} > {"mature", "lost"}


def test_a_published_policy_of_before_is_frozen_anew(
    command: Command, home: Path, policy: Callable[..., None]
) -> None:
    """It was published without statistics."""
    score(command, home)
    wanted = frozen_of(home)
    folder = Home(home).policies / wanted.name
    whole = json.loads((folder / "policy.json").read_text(encoding="utf-8"))
    del whole["frozen"]
    with sealed_folder(Home(home).policies) as staged:
        (staged.path / "policy.json").write_text(json.dumps(whole), encoding="utf-8")
    sign(staged.path, Home(home).key())
    Home(home).publish(policy=staged.name, at="then")
    assert score(command, home)["statistics"]["taken_anew"]
    assert frozen_of(home) == wanted
