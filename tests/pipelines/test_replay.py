"""`holdfast replay`: a decision of the service made again; `holdfast log`: what its keeper is told."""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.replay import replay
from releases.customer_key import CustomerKeys
from releases.decision import PRICE, Decision, new_id
from releases.decision_archive import find
from releases.decision_log import DecisionLog
from releases.decision_record import decision_of
from releases.home import Home
from serving.application import application
from serving.served import Window

Command = Callable[..., Any]
Feeds = tuple[list[dict[str, pa.Table]], str]
LetIn = Callable[[Path, dict[str, pa.Table], str], None]


def decide(home: Path, customers: list[str] | None = None) -> dict[str, str]:
    """Customer -> decision, of all customers by default, as the service answers them."""
    window = Window(Home(home))
    window.look()
    assert window.served
    window.decisions = DecisionLog(Home(home), segment_bytes=10_000)
    asked = customers or [str(each) for each in window.served.histories.ids]
    transport = httpx.ASGITransport(application(window), raise_app_exceptions=False)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://holdfast") as client:
            return await client.post("/v1/next-best-offer", json={"customer_ids": asked, "as_of": "week"})

    answer = asyncio.run(ask()).json()
    window.stop()
    return {each["customer_id"]: each["decision_id"] for each in answer["customers"]}


def recorded(home: Path, decision_id: str) -> Decision:
    with closing(CustomerKeys(Home(home).decisions, Home(home).key())) as keys:
        return decision_of(find(Home(home), decision_id).body, keys)


def record(home: Path, decision: Decision) -> str:
    """Write it into the log as another decision; returns its id."""
    other = replace(decision, decision_id=new_id())
    with closing(DecisionLog(Home(home))) as log:
        log.write([other])
    return other.decision_id


@pytest.fixture
def chosen(home: Path) -> str:
    """A decision that chose an offer."""
    made = decide(home).values()
    return next(each for each in made if recorded(home, each).chosen)


def test_decisions_about_everybody_at_once_come_out_the_same_one_by_one(command: Command, home: Path) -> None:
    made = decide(home)
    assert len({recorded(home, each).status for each in made.values()}) > 1
    assert len({recorded(home, each).chosen for each in made.values()}) > 2
    for customer, decision in list(made.items())[::3]:
        said = replay(Home(home), decision, None)
        assert (said["customer_id"], said["differences"], said["same"]) == (customer, [], True)
    for json in ((), ("--json",)):
        assert command("replay", decision, "--home", home, *json).code == 0


def test_at_another_price_it_comes_out_different_and_says_in_what(
    command: Command, home: Path, chosen: str
) -> None:
    was = recorded(home, chosen)
    told, price_name = dict(was.setting.circumstances), PRICE.format("weekly_budget")
    priced = replace(was, setting=replace(was.setting, circumstances=told | {price_name: 1e9}))
    said = command("replay", record(home, priced), "--home", home, "--json")
    assert said.code == 1
    different = {each["what"]: (each["was"], each["now"]) for each in said.json["differences"]}
    assert "chosen" not in different  # what was reserved is honoured at any price
    assert different.pop(price_name) == (1e9, told[price_name])
    assert {why for what, why in different.items() if what.startswith("why of")} == {
        ("outranked", "over_budget")
    }
    assert {what.split(" of ")[0] for what in different} <= {
        "why",
        "channel",
        "propensity",
        "net_value",
        "cost",
    }
    assert "comes out different" in command("replay", record(home, priced), "--home", home).out


@pytest.mark.parametrize("part", ["facts", "churn", "held_out", "net_value", "propensity"])
def test_whatever_is_not_as_it_was_is_named(home: Path, chosen: str, part: str) -> None:
    was = recorded(home, chosen)
    one = was.considered[0]
    changed, name = {
        "facts": (replace(was, facts="0" * 64), "facts"),
        "churn": (replace(was, scores={**was.scores, "churn": (0.123,)}), "churn"),
        "held_out": (replace(was, held_out=True), "held_out"),
        "net_value": (
            replace(was, considered=(one._replace(net_value=1.5), *was.considered[1:])),
            f"net_value of {one.offer}",
        ),
        "propensity": (replace(was, propensity=0.5), "propensity"),
    }[part]
    said = replay(Home(home), record(home, changed), None)
    assert [each["what"] for each in said["differences"]] == [name]


def test_what_became_known_later_changes_nothing_and_what_was_visible_does(
    command: Command, home: Path, chosen: str, feeds: Feeds, let_in: LetIn
) -> None:
    was = recorded(home, chosen)
    rows = feeds[0][0]["transactions"]
    mine = rows.filter(pc.equal(rows["customer_id"], was.customer_id))[:1]
    moment = was.setting.moment

    def merged(at: int, name: str) -> str:
        """An order of that instant comes in; returns the base there is then."""
        changes = {
            "at": pa.array([at], pa.int64()).cast(mine["at"].type),
            "known_at": pa.array([at], pa.int64()).cast(mine["at"].type),
            "event_id": pa.array([name]),
            "order_id": pa.array([name]),
        }
        row = mine
        for column, value in changes.items():
            if column in row.column_names:
                row = row.set_column(row.column_names.index(column), column, value)
        let_in(home, {"transactions": row}, feeds[1])
        said = command("merge", "--home", home, "--json")
        assert said.code == 0, said.err
        assert said.json["tables"]["transactions"]["hold"] == 1
        return Home(home).current_base().name

    later = merged(moment + 1, "later")
    assert later != was.setting.base
    said = replay(Home(home), chosen, "current")
    assert (said["same"], said["base"]) == (True, later)
    earlier = merged(moment - 3_600_000_000, "earlier")
    said = replay(Home(home), chosen, "current")
    assert (said["same"], said["base"]) == (False, earlier)
    assert "facts" in {each["what"] for each in said["differences"]}
    # On the base it was made from it stays what it was.
    assert replay(Home(home), chosen, None)["same"]
    assert replay(Home(home), chosen, was.setting.base)["same"]


def test_what_cannot_be_replayed_says_why_and_ends_with_2(command: Command, home: Path, chosen: str) -> None:
    def refused(decision: str) -> str:
        said = command("replay", decision, "--home", home, "--json")
        assert said.code == 2
        assert said.out == ""
        return " ".join(said.err.split())

    assert "holds no decision 'unheard-of'" in refused("unheard-of")
    was = recorded(home, chosen)
    for shelf in ("bases", "weeks", "policies", "bundles"):
        name = getattr(was.setting, {"policies": "policy"}.get(shelf, shelf[:-1]))
        folder = home / shelf / name
        folder.rename(home / "aside")
        assert f"{folder}: the decision was made with it, and it was pruned" in refused(chosen)
        (home / "aside").rename(folder)
    nameless = replace(was, setting=replace(was.setting, circumstances={}))
    assert "names no 'price of weekly_budget'" in refused(record(home, nameless))
    with closing(CustomerKeys(Home(home).decisions, Home(home).key())) as keys:
        assert keys.forget(was.customer_id)
    assert "its customer was erased" in refused(chosen)


def test_a_log_is_verified_and_compacted_and_still_replayed(command: Command, home: Path) -> None:
    assert "Nothing was decided yet" in command("log", "verify", "--home", home).out
    made = list(decide(home).values()) + list(decide(home).values())
    (before,) = command("log", "verify", "--home", home, "--json").json["chains"]
    assert (before["decisions"], before["faults"]) == (len(made), [])
    done = command("log", "compact", "--home", home, "--json").json
    assert done["segments"] >= 1
    assert done["bytes_after"] < done["bytes_before"]
    (after,) = command("log", "verify", "--home", home, "--json").json["chains"]
    assert after == {**before, "compacted": done["segments"]}
    for each in made[:3]:
        assert command("replay", each, "--home", home).code == 0


def test_damage_is_named_by_file_and_record(command: Command, home: Path, chosen: str) -> None:
    found = find(Home(home), chosen)
    path = Home(home).decisions / found.writer / f"segment-{found.segment:06}.log"
    data = bytearray(path.read_bytes())
    data[data.index(found.body) + 20] ^= 4
    path.write_bytes(data)
    said = command("log", "verify", "--home", home)
    assert said.code == 1
    assert f"{path.name}, record {found.record} " in "".join(said.err.split("\n"))
    assert "NO" in said.out
    assert command("log", "verify", "--home", home, "--json").json["chains"][0]["faults"]
    said = command("replay", chosen, "--home", home)
    assert said.code == 2
    assert f"{path.name}, record {found.record} " in "".join(said.err.split("\n"))


def test_a_home_that_moved_takes_its_log_along(
    command: Command, home: Path, chosen: str, tmp_path: Path
) -> None:
    moved = shutil.copytree(home, tmp_path / "moved")
    shutil.rmtree(home)
    assert command("replay", chosen, "--home", moved).code == 0
