"""What is served changes when something else is published, and only if that can be trusted."""

import asyncio
import gc
import logging
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from releases.home import Home
from serving import assessment
from serving.application import application
from serving.served import Window
from tables.sealed import MANIFEST


@pytest.fixture
def home(own_home: Home) -> Home:
    return own_home


def _damage(folder: Path) -> None:
    file = next(path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST)
    file.write_bytes(file.read_bytes() + b" ")


def _ask(window: Window, method: str, route: str, body: Any = None) -> httpx.Response:
    """Ask the application itself, without a server."""
    transport = httpx.ASGITransport(application(window), raise_app_exceptions=False)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://holdfast") as client:
            return await client.request(method, route, json=body)

    return asyncio.run(ask())


def test_until_something_is_loaded_the_service_lives_but_is_not_ready(tmp_path: Path) -> None:
    window = Window(Home(tmp_path))
    for _ in range(2):
        assert _ask(window, "GET", "/livez").json() == {"status": "alive"}
        for response in (
            _ask(window, "GET", "/readyz"),
            _ask(window, "GET", "/v1/customers/c-0000001"),
            _ask(window, "POST", "/v1/score", {"customer_ids": ["c-0000001"]}),
        ):
            assert response.status_code == 503
            assert response.json()["type"] == "urn:holdfast:problem:not-ready"
        window.look()  # nothing is there


def test_what_is_published_next_takes_over_without_reading_histories_again(home: Home) -> None:
    window = Window(home)
    window.look()
    before = window.served
    assert before
    window.look()
    assert window.served is before
    home.publish(at="later")
    window.look()
    assert window.served
    assert window.served is not before
    assert window.served.published == replace(before.published, at="later")
    assert window.served.histories is before.histories


@pytest.mark.parametrize("part", ["bundle", "policy", "week"])
def test_a_damaged_part_is_refused_and_the_old_one_stays(
    home: Home, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    window = Window(home)
    window.look()
    before = window.served
    assert before
    shelf = {"bundle": home.bundles, "policy": home.policies, "week": home.weeks}[part]
    _damage(shelf / getattr(before.published, part))
    home.publish(at="later")
    with caplog.at_level(logging.ERROR, "bentoml.holdfast"):
        window.look()
        window.look()
    assert window.served is before
    assert len(caplog.records) == 1
    assert "damaged" in caplog.text
    now = home.published()
    named = {"bundle": now.bundle, "policy": now.policy, "week": now.week}
    assert _ask(window, "GET", "/readyz").json()["refused"] == named
    home.publish(at=before.published.at)  # as it was
    window.look()
    assert window.served is before
    assert _ask(window, "GET", "/readyz").json()["refused"] is None


def test_what_nobody_is_served_from_any_more_is_let_go(home: Home, other_week: Callable[[Home], str]) -> None:
    window = Window(home)
    window.look()
    asked = {"customer_ids": ["c-0000001"]}
    assert _ask(window, "POST", "/v1/next-best-offer", asked).status_code == 200
    assert window.served
    old = window.served
    held = (old, old.bundle, old.bundle.scorer, old.bundle.scorer.churn, old.policy, old.histories)
    parts = [weakref.ref(each) for each in (*held, old.policy.policy, old.policy.offers[0])]
    del held
    mapped = str(old.histories.folder)
    assert mapped in Path("/proc/self/maps").read_text()
    home.publish(week=other_week(home))
    window.look()
    assert window.served is not old
    # A request that began before is still answered from it.
    assert assessment.score(old, ["c-0000001"], None).week == old.published.week
    assert _ask(window, "POST", "/v1/next-best-offer", asked).status_code == 200
    # What that worked out again is let go with the next.
    del old
    home.publish(at="later")
    window.look()
    gc.collect()
    assert [part() for part in parts] == [None] * len(parts)
    assert mapped not in Path("/proc/self/maps").read_text()
    window.stop()


def test_damaged_histories_are_refused(home: Home) -> None:
    _damage(home.current_base() / "histories" / "cells")
    window = Window(home)
    window.look()
    assert window.served is None


def test_a_fault_of_the_service_is_a_problem_without_its_insides(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = Window(home)
    window.look()
    monkeypatch.setattr("serving.assessment.assess", lambda *_: 1 / 0)
    response = _ask(window, "GET", "/v1/customers/c-0000001")
    assert response.status_code == 500
    assert response.json()["type"] == "urn:holdfast:problem:internal-error"
    assert "zero" not in response.text
