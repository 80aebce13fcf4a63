"""Contacts that come back as events count against caps once: those of decisions, and those of others."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import EVENTS, OFFER, ask, took

from decisions.choice import NOTHING, Reserved
from decisions.reach import Cap
from pipelines.replay import replay
from releases.counter import contacts_of
from releases.home import Home
from serving.served import Served, Window


@pytest.fixture
def window(published: Path, tmp_path: Path) -> Iterator[Window]:
    """A week that left much of every limit and reserved nothing; two contacts in seven days at most."""
    apart = shutil.ignore_patterns("decisions", "counters", "counting", "events")
    window = Window(Home(shutil.copytree(published, tmp_path / "home", ignore=apart)))
    window.look()
    now = window.served
    assert now
    nothing = np.full(len(now.reserved.offer), NOTHING)
    policy = now.policy.policy.model_copy(
        update={"caps": (Cap(name="all", contacts=2, days=7),), "rest": None, "quiet_hours": ()}
    )
    window.served = replace(
        now,
        remainder=np.full(len(now.remainder), 1e9),
        market=now.market.at(np.zeros(len(now.market.prices))),
        reserved=Reserved(nothing, nothing),
        policy=replace(now.policy, policy=policy),
    )
    yield window
    window.stop()


def now_of(window: Window) -> Served:
    assert window.served
    return window.served


def decide(window: Window, who: str) -> Any:
    (found,) = ask(window, OFFER, {"customer_ids": [who]}).json()["customers"]
    return found


def is_capped(window: Window, who: str) -> bool:
    (found,) = ask(window, OFFER, {"customer_ids": [who], "commit": True}).json()["customers"]
    return "capped" in {offer["why"]["code"] for offer in found["offers"]}


def told_of(window: Window) -> tuple[str, Any]:
    """Somebody who is offered something, and what: the first contact under the cap."""
    for who in now_of(window).histories.ids[:400].tolist():
        found = decide(window, who)
        if found["chosen"]:
            return who, found
    raise AssertionError("nobody is offered anything")


def contact(window: Window, who: str, name: str, **more: Any) -> dict[str, Any]:
    offer = now_of(window).policy.offers[0].offer_id
    return {
        "table": "contacts",
        "event_id": name,
        "customer_id": who,
        "offer_id": offer,
        "kind": "sent",
        "channel": "sms",
        **more,
    }


def counted(window: Window, who: str) -> int:
    now = now_of(window)
    return len(contacts_of(window.counter.look(now.published.week, now.remainder, [who]).contacts[0]))


def test_a_decision_that_is_reported_counts_once(window: Window) -> None:
    who, first = told_of(window)
    report = contact(window, who, first["decision_id"], offer_id=first["chosen"]["offer_id"])
    assert took(ask(window, EVENTS, {"events": [report]})) == ["taken"]
    assert counted(window, who) == 1
    second = decide(window, who)
    assert second["chosen"], "the first contact was counted twice"
    assert is_capped(window, who)
    for each in (first, second):
        again = replay(window.home, each["decision_id"], None)["differences"]
        # The week on disk has another policy than the one that this test decides by.
        assert "facts" not in {one["what"] for one in again}


def test_a_contact_of_somebody_else_counts_too_and_once(window: Window) -> None:
    who, _ = told_of(window)
    event = contact(window, who, "call-centre-1", channel="phone")
    assert took(ask(window, EVENTS, {"events": [event]})) == ["taken"]
    assert took(ask(window, EVENTS, {"events": [event]})) == ["repeated"]
    assert counted(window, who) == 2
    assert is_capped(window, who)


def test_what_was_held_back_or_was_before_the_week_is_no_contact_since(window: Window) -> None:
    who, _ = told_of(window)
    held = contact(window, who, "held-1", kind="held_back")
    before = contact(window, who, "old-1", at="2026-09-01T00:00:00+00:00")
    assert took(ask(window, EVENTS, {"events": [held, before]})) == ["taken", "taken"]
    assert counted(window, who) == 1
    assert decide(window, who)["chosen"]


def test_a_contact_that_could_not_be_counted_is_counted_when_it_is_sent_again(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, _ = told_of(window)
    event = contact(window, who, "call-centre-2")
    counters = window.home.counters
    counters.rename(counters.with_name("away"))
    window.counter.close()
    refused = ask(window, EVENTS, {"events": [event]})
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:holdfast:problem:not-recorded")
    shutil.rmtree(counters, ignore_errors=True)
    counters.with_name("away").rename(counters)
    assert took(ask(window, EVENTS, {"events": [event]})) == ["repeated"]
    assert counted(window, who) == 2
