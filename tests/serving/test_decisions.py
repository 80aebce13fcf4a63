"""No decision is given out before it is in the log, and what stands there is what was answered."""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
import pytest
from asking import OFFER, ask_all

from releases import decision_log, log_chain
from releases.customer_key import CustomerKeys
from releases.decision import Decision, circumstances_of
from releases.decision_archive import find, verify_chains
from releases.decision_record import decision_of
from releases.home import Home
from serving.served import Served, Window


@pytest.fixture(scope="module")
def loaded(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Window:
    folder = tmp_path_factory.mktemp("decisions") / "home"
    window = Window(Home(shutil.copytree(published, folder, ignore=shutil.ignore_patterns("decisions"))))
    window.look()
    return window


@pytest.fixture
def window(loaded: Window) -> Iterator[Window]:
    """What is served is loaded once; each test has a log of its own."""
    own = Window(loaded.home)
    own.served = loaded.served
    yield own
    own.stop()
    shutil.rmtree(loaded.home.decisions, ignore_errors=True)
    loaded.home.decisions.unlink(missing_ok=True)


@pytest.fixture
def customers(loaded: Window) -> list[str]:
    assert loaded.served
    return [str(each) for each in loaded.served.histories.ids[:60]]


def recorded(home: Home, decision_id: str) -> Decision:
    with closing(CustomerKeys(home.decisions, home.key())) as keys:
        return decision_of(find(home, decision_id).body, keys)


def test_the_servers_answer_stands_in_its_log(client: httpx.Client, served: Served, published: Path) -> None:
    answer = client.post(OFFER, json={"customer_ids": ["c-0000001", "c-0000002"], "as_of": "week"}).json()
    for each in answer["customers"]:
        decision = recorded(Home(published), each["decision_id"])
        assert decision.customer_id == each["customer_id"]
        assert decision.chosen == ((each["chosen"] or {}).get("offer_id") or "")
        now, setting = served.published, decision.setting
        assert (setting.bundle, setting.policy, setting.week) == (now.bundle, now.policy, now.week)
        assert setting.circumstances == circumstances_of(served.market)


def test_each_answer_is_recorded_to_the_bit(window: Window, customers: list[str]) -> None:
    (response,) = ask_all(window, {"customer_ids": customers})
    answers = response.json()["customers"]
    assert len({each["decision_id"] for each in answers}) == len(customers)
    for each in answers:
        decision = recorded(window.home, each["decision_id"])
        assert (decision.customer_id, decision.status) == (each["customer_id"], each["status"])
        assert decision.held_out == each["held_out"]
        considered = {one.offer: one for one in decision.considered}
        assert len(considered) == len(each["offers"]) > 0
        for offer in each["offers"]:
            one = considered[offer["offer_id"]]
            assert (one.channel or None, one.why) == (offer["channel"], offer["why"]["code"])
            said = [
                (offer[part] or {}).get("amount", np.nan) for part in ("expected_net_value", "expected_cost")
            ]
            np.testing.assert_array_equal([one.net_value, one.cost], said)


def test_many_requests_at_once_are_all_recorded(window: Window, customers: list[str]) -> None:
    responses = ask_all(window, *({"customer_ids": [each]} for each in customers))
    ids = [response.json()["customers"][0]["decision_id"] for response in responses]
    window.decisions.close()
    (state,) = verify_chains(window.home)
    assert (state.decisions, state.faults) == (len(customers), [])
    assert [recorded(window.home, each).customer_id for each in ids] == customers


def test_a_log_that_cannot_be_written_gives_no_decision_out(window: Window) -> None:
    window.home.decisions.write_text("not a folder")
    body = {"customer_ids": ["c-0000001"]}
    (refused,) = ask_all(window, body)
    assert refused.status_code == 503
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem["type"] == "urn:holdfast:problem:not-recorded"
    assert set(problem) == {"type", "title", "status", "detail", "instance"}
    assert str(window.home.path) not in problem["detail"]
    (scored,) = ask_all(window, body, route="/v1/score")
    assert scored.status_code == 200
    window.home.decisions.unlink()
    (offered,) = ask_all(window, body)
    assert offered.status_code == 200


def test_nobody_is_answered_before_the_disk_has_it(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_all(window, {"customer_ids": ["c-0000001"]})
    reached, go = threading.Event(), threading.Event()
    force = os.fdatasync

    def held(file: int) -> None:
        reached.set()
        assert go.wait(30)
        force(file)

    monkeypatch.setattr(log_chain.os, "fdatasync", held)
    monkeypatch.setattr(decision_log, "SECONDS_TO_DISK", 30)
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.extend(ask_all(window, {"customer_ids": ["c-0000002"]})))
    asking.start()
    assert reached.wait(30)
    time.sleep(0.2)
    assert answers == []
    go.set()
    asking.join(30)
    assert answers[0].status_code == 200


def test_a_disk_that_is_too_slow_is_as_good_as_none(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_all(window, {"customer_ids": ["c-0000001"]})
    force = os.fdatasync
    monkeypatch.setattr(log_chain.os, "fdatasync", lambda file: (time.sleep(1), force(file)))
    monkeypatch.setattr(decision_log, "SECONDS_TO_DISK", 0.1)
    (refused,) = ask_all(window, {"customer_ids": ["c-0000002"]})
    assert refused.json()["type"] == "urn:holdfast:problem:not-recorded"
