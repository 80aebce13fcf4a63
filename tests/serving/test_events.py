"""Events come online: seen by the next decision, once, on disk before they are told, replayed to the bit."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from asking import EVENTS, OFFER, OPT_OUT, ask, took

from decisions.reach import Occasion
from pipelines.replay import replay
from releases.event_journal import FileJournal
from releases.home import Home
from serving.application import application
from serving.clock import Clock
from serving.served import SANDBOX, Served, Window, load
from tables.contract import CONTACT_CHANNELS
from tables.moment import DAY, from_micros, to_micros
from tables.refusal import Refused

CHANNELS = list(CONTACT_CHANNELS)


@pytest.fixture(scope="module")
def copied(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("events") / "home"
    return Path(
        shutil.copytree(published, folder, ignore=shutil.ignore_patterns("decisions", "counters", "events"))
    )


@pytest.fixture
def window(copied: Path) -> Iterator[Window]:
    """A home without events, loaded."""
    home = Home(copied)
    for folder in (home.events, home.decisions, home.counters):
        shutil.rmtree(folder, ignore_errors=True)
    home.counting.unlink(missing_ok=True)
    window = Window(home)
    window.look()
    assert window.served
    yield window
    window.stop()


def purchase(customer_id: str, event_id: str = "online-1", **more: Any) -> dict[str, Any]:
    return {
        "table": "transactions",
        "event_id": event_id,
        "customer_id": customer_id,
        "order_id": f"order of {event_id}",
        "quantity": 2,
        "amount": 12_300,
        **more,
    }


def served_by(window: Window) -> Served:
    assert window.served
    return window.served


def somebody(window: Window) -> str:
    """Who bought lately and agreed to be told of offers."""
    served = served_by(window)
    ids = served.histories.ids[:200].tolist()
    found = ask(window, "/v1/score", {"customer_ids": ids, "as_of": "week"}).json()["customers"]
    return str(next(each["customer_id"] for each in found if each["status"] == "in_base"))


def facts(window: Window, customer_id: str) -> dict[str, Any]:
    answer = ask(window, f"/v1/customers/{customer_id}").json()
    return {name: fact["value"] for name, fact in answer["facts"].items()}


def test_a_purchase_is_seen_by_the_next_question(window: Window) -> None:
    who = somebody(window)
    before = facts(window, who)
    answer = ask(window, EVENTS, {"events": [purchase(who)]})
    assert took(answer) == ["taken"]
    after = facts(window, who)
    assert after["orders_ever"] == before["orders_ever"] + 1
    assert after["spend_ever"] == before["spend_ever"] + 12_300
    assert after["days_since_last_order"] < 0.01
    decided = ask(window, OFFER, {"customer_ids": [who]}).json()
    assert decided["events"] == answer.json()["position"] == 1
    assert to_micros(datetime.fromisoformat(decided["moment"])) >= to_micros(
        datetime.fromisoformat(answer.json()["known_at"])
    )


def test_a_caller_whose_clock_is_a_little_ahead_is_seen_at_once_too(window: Window) -> None:
    who = somebody(window)
    before = facts(window, who)
    ahead = datetime.now(UTC) + timedelta(seconds=30)
    assert took(ask(window, EVENTS, {"events": [purchase(who, at=ahead.isoformat())]})) == ["taken"]
    after = facts(window, who)
    assert after["orders_ever"] == before["orders_ever"] + 1


def test_what_the_week_said_stays_what_it_was(window: Window) -> None:
    who = somebody(window)
    asked = {"customer_ids": [who], "as_of": "week"}
    before = ask(window, "/v1/score", asked).json()
    assert took(ask(window, EVENTS, {"events": [purchase(who)]})) == ["taken"]
    after = ask(window, "/v1/score", asked).json()
    assert after["customers"] == before["customers"]
    assert (before["events"], after["events"]) == (0, 1)


def test_the_same_event_again_changes_nothing(window: Window) -> None:
    who = somebody(window)
    event = purchase(who, at=(datetime.now(UTC) - timedelta(hours=1)).isoformat())
    assert took(ask(window, EVENTS, {"events": [event]})) == ["taken"]
    once = facts(window, who)
    assert took(ask(window, EVENTS, {"events": [event]})) == ["repeated"]
    without_its_moment = {name: value for name, value in event.items() if name != "at"}
    assert took(ask(window, EVENTS, {"events": [without_its_moment, purchase(who, "online-2")]})) == [
        "repeated",
        "taken",
    ]
    assert facts(window, who)["orders_ever"] == once["orders_ever"] + 1


def test_an_event_that_says_something_else_is_refused_unless_it_corrects(window: Window) -> None:
    who = somebody(window)
    assert took(ask(window, EVENTS, {"events": [purchase(who)]})) == ["taken"]
    before = facts(window, who)
    other = purchase(who, amount=200)
    refused = ask(window, EVENTS, {"events": [purchase(who, "online-9"), other]})
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:holdfast:problem:event-conflict"
    assert facts(window, who)["orders_ever"] == before["orders_ever"]
    assert took(ask(window, EVENTS, {"events": [{**other, "correction": True}]})) == ["taken"]
    assert facts(window, who)["spend_ever"] == before["spend_ever"] - 12_300 + 200
    withdrawn = {**other, "correction": True, "deleted": True}
    assert took(ask(window, EVENTS, {"events": [withdrawn]})) == ["taken"]
    assert facts(window, who)["orders_ever"] == before["orders_ever"] - 1


def test_an_idempotency_key_gives_the_first_answer_again(window: Window) -> None:
    who = somebody(window)
    key = {"idempotency-key": "k-1"}
    first = ask(window, EVENTS, {"events": [purchase(who)]}, **key)
    assert took(first) == ["taken"]
    assert ask(window, EVENTS, {"events": [purchase(who)]}, **key).json() == first.json()
    other = ask(window, EVENTS, {"events": [purchase(who, "online-2")]}, **key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:holdfast:problem:key-reused")
    # Another process has the same memory.
    again = load(window.home, window.home.published())
    assert again.inbox.position == 1
    window.served = again
    assert ask(window, EVENTS, {"events": [purchase(who)]}, **key).json() == first.json()


def test_two_workers_see_each_others_events(window: Window) -> None:
    who = somebody(window)
    other = Window(window.home)
    other.look()
    assert took(ask(window, EVENTS, {"events": [purchase(who)]})) == ["taken"]
    assert (
        facts(other, who) | {"days_since_last_order": 0} == facts(window, who) | {"days_since_last_order": 0}
        or facts(other, who)["orders_ever"] == facts(window, who)["orders_ever"]
    )
    assert took(ask(other, EVENTS, {"events": [purchase(who)]})) == ["repeated"]
    assert took(ask(other, EVENTS, {"events": [purchase(who, "online-2")]})) == ["taken"]
    assert facts(window, who)["orders_ever"] == facts(other, who)["orders_ever"]
    other.stop()


def test_a_new_customer_is_created_and_found(window: Window) -> None:
    event = {
        "table": "customers",
        "event_id": "joined-1",
        "customer_id": "new-1",
        "kind": "B2C",
        "consents": ["sms", "email"],
        "personalised": True,
    }
    lonely = ask(window, EVENTS, {"events": [purchase("new-1")]})
    assert (lonely.status_code, lonely.json()["customer_ids"]) == (404, ["new-1"])
    assert took(ask(window, EVENTS, {"events": [event, purchase("new-1")]})) == ["taken", "taken"]
    answer = ask(window, OFFER, {"customer_ids": ["new-1"]})
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["customers"]
    assert found["status"] == "in_base"
    assert ask(window, "/v1/customers/new-1").json()["attributes"]["kind"] == "B2C"
    # A new process knows the customer too.
    window.served = load(window.home, window.home.published())
    assert ask(window, "/v1/customers/new-1").json()["facts"]["orders_ever"]["value"] == 1


def test_a_new_customer_gets_the_welcome_offer_and_nobody_else_does(window: Window) -> None:
    served = served_by(window)
    t = served.inbox.now()
    gift = next(each for each in served.policy.offers if each.starts_at <= t <= each.ends_at)
    occasion = Occasion(
        name="welcome", chinese="欢迎", day="welcome", within_days=14, offers=(gift.offer_id,), worth=500_00
    )
    holdout = served.policy.policy.holdout.model_copy(update={"share": 0.0, "by_offer": 0.0})
    policy = served.policy.policy.model_copy(update={"occasions": (occasion,), "holdout": holdout})
    window.served = replace(served, policy=replace(served.policy, policy=policy))
    event = {"table": "customers", "event_id": "joined-2", "customer_id": "new-3", "consents": CHANNELS}
    assert took(ask(window, EVENTS, {"events": [event]})) == ["taken"]
    (found,) = ask(window, OFFER, {"customer_ids": ["new-3"]}).json()["customers"]
    assert found["status"] == "never_bought"
    assert found["chosen"]["offer_id"] == gift.offer_id, found["offers"]
    (other,) = ask(window, OFFER, {"customer_ids": [somebody(window)]}).json()["customers"]
    whys = {offer["offer_id"]: offer["why"]["code"] for offer in other["offers"]}
    assert whys[gift.offer_id] == "not_the_day"


def test_an_opt_out_holds_from_the_next_request_on(window: Window) -> None:
    served = served_by(window)
    ids = served.histories.ids[:400].tolist()
    found = ask(window, OFFER, {"customer_ids": ids, "commit": False}).json()["customers"]
    who = next(each["customer_id"] for each in found if each["chosen"])
    assert took(ask(window, OPT_OUT, {"customer_id": who})) == ["taken"]
    (after,) = ask(window, OFFER, {"customer_ids": [who], "commit": False}).json()["customers"]
    assert after["chosen"] is None
    assert {offer["why"]["code"] for offer in after["offers"]} <= {"no_consent", "not_valid"}
    attributes = ask(window, f"/v1/customers/{who}").json()["attributes"]
    assert attributes["consents"] == []
    assert attributes["kind"] is not None


def test_an_opt_out_of_one_channel_leaves_the_others(window: Window) -> None:
    who = next(
        each
        for each in served_by(window).histories.ids[:300].tolist()
        if len(ask(window, f"/v1/customers/{each}").json()["attributes"]["consents"] or ()) > 1
    )
    before = ask(window, f"/v1/customers/{who}").json()["attributes"]["consents"]
    assert took(ask(window, OPT_OUT, {"customer_id": who, "channels": before[:1]})) == ["taken"]
    assert ask(window, f"/v1/customers/{who}").json()["attributes"]["consents"] == before[1:]


def test_who_asks_not_to_be_personalised_is_not(window: Window) -> None:
    who = somebody(window)
    body = {"customer_id": who, "channels": [], "personalised": False}
    assert took(ask(window, OPT_OUT, body)) == ["taken"]
    (after,) = ask(window, OFFER, {"customer_ids": [who], "commit": False}).json()["customers"]
    assert "opted_out" in {offer["why"]["code"] for offer in after["offers"]}


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"quantity": 0}, "events.0", "a quantity is not zero"),
        ({"amount": -5}, "events.0", "a sale has no negative price"),
        ({"product_id": "no such product"}, "events.0.product_id", "a row of products"),
        ({"at": "2999-01-01T00:00:00+00:00"}, "events.0.at", "a moment that is not in the future"),
        ({"colour": "red"}, "events.0.transactions.colour", "no such field"),
        ({"quantity": "2"}, "events.0.transactions.quantity", ""),
        ({"table": "products"}, "events.0", ""),
        ({"order_id": ""}, "events.0.transactions.order_id", "a text that is not empty"),
        ({"amount": 10**40}, "events.0.transactions.amount", ""),
    ],
)
def test_what_breaks_the_contract_is_refused_by_its_rule(
    window: Window, change: dict[str, Any], field: str, expected: str
) -> None:
    who = somebody(window)
    refused = ask(window, EVENTS, {"events": [purchase(who, **change), purchase(who, "online-2")]})
    assert refused.status_code == 422, refused.text
    (fault, *_) = refused.json()["errors"]
    assert fault["field"] == field
    assert expected in fault["expected"]
    assert served_by(window).inbox.position == 0


def test_a_response_names_a_contact_of_the_customer(window: Window) -> None:
    who = somebody(window)
    offer = served_by(window).policy.offers[0].offer_id
    shown = {
        "table": "contacts",
        "event_id": "shown-1",
        "customer_id": who,
        "offer_id": offer,
        "kind": "shown",
        "channel": "in_app",
    }
    accepted = {
        "table": "responses",
        "event_id": "accepted-1",
        "customer_id": who,
        "contact_id": "shown-1",
        "kind": "accepted",
    }
    assert ask(window, EVENTS, {"events": [accepted]}).status_code == 422
    assert took(ask(window, EVENTS, {"events": [shown, accepted]})) == ["taken", "taken"]
    later = {**accepted, "event_id": "redeemed-1", "kind": "redeemed", "revenue": 100}
    assert took(ask(window, EVENTS, {"events": [later]})) == ["taken"]


def test_a_complaint_stops_the_selling(window: Window) -> None:
    served = served_by(window)
    ids = served.histories.ids[:400].tolist()
    found = ask(window, OFFER, {"customer_ids": ids, "commit": False}).json()["customers"]
    who = next(each["customer_id"] for each in found if each["chosen"])
    complaint = {
        "table": "interactions",
        "event_id": "complaint-1",
        "customer_id": who,
        "kind": "complaint_opened",
        "case_id": "case-1",
    }
    assert took(ask(window, EVENTS, {"events": [complaint]})) == ["taken"]
    (after,) = ask(window, OFFER, {"customer_ids": [who], "commit": False}).json()["customers"]
    assert "complaint_open" in {offer["why"]["code"] for offer in after["offers"]}


def test_a_decision_made_with_events_is_replayed_to_the_bit(window: Window) -> None:
    who = somebody(window)
    newcomer = {"table": "customers", "event_id": "j", "customer_id": "new-2", "consents": ["sms"]}
    assert took(ask(window, EVENTS, {"events": [purchase(who), newcomer]})) == ["taken", "taken"]
    decided = ask(window, OFFER, {"customer_ids": [who, "new-2"]}).json()["customers"]
    # What comes later is not read again.
    assert took(ask(window, EVENTS, {"events": [purchase(who, "late"), purchase("new-2", "late-2")]}))
    assert took(ask(window, OPT_OUT, {"customer_id": who})) == ["taken"]
    for each in decided:
        again = replay(window.home, each["decision_id"], None)
        assert again["same"], again["differences"]


def test_the_journal_is_read_again_over_the_next_base(window: Window) -> None:
    """As after Monday's swap: a base that was loaded anew goes on with all that came."""
    who = somebody(window)
    for k in range(3):
        assert took(ask(window, EVENTS, {"events": [purchase(who, f"online-{k}")]})) == ["taken"]
    before = facts(window, who)
    window.served = load(window.home, window.home.published())
    after = facts(window, who)
    assert after["orders_ever"] == before["orders_ever"]
    assert after["spend_ever"] == before["spend_ever"]


def test_nothing_is_acknowledged_that_is_not_on_disk(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    who = somebody(window)
    before = facts(window, who)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("releases.event_journal.write_at", full)
        refused = ask(window, EVENTS, {"events": [purchase(who)]})
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:holdfast:problem:not-recorded")
    assert facts(window, who)["orders_ever"] == before["orders_ever"]
    assert took(ask(window, EVENTS, {"events": [purchase(who)]})) == ["taken"]
    assert len(FileJournal(window.home.events).since(0)) == 1


def test_a_damaged_journal_answers_nobody(window: Window) -> None:
    who = somebody(window)
    assert took(ask(window, EVENTS, {"events": [purchase(who)]})) == ["taken"]
    journal = window.home.events / "journal"
    data = bytearray(journal.read_bytes())
    data[-20] ^= 1
    journal.write_bytes(data)
    fresh = Window(window.home)
    fresh.look()
    assert fresh.served is None
    assert ask(fresh, OFFER, {"customer_ids": [who]}).status_code == 503


def test_in_a_sandbox_time_goes_on_from_the_week(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SANDBOX, "1")
    sandbox = Window(window.home)
    sandbox.look()
    who = somebody(sandbox)
    assert took(ask(sandbox, EVENTS, {"events": [purchase(who)]})) == ["taken"]
    told = ask(sandbox, "/v1/published").json()
    assert (told["is_sandbox"], told["is_stale"]) == (True, False)
    assert told["age_hours"] < 1
    assert facts(sandbox, who)["days_since_last_order"] < 0.05
    sandbox.stop()


def test_a_sandbox_is_for_simulated_customers(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.served.SIMULATED", "somewhere else")
    with pytest.raises(Refused, match="simulated customers"):
        load(window.home, window.home.published(), clock=Clock(sandbox=True))


def test_many_at_once_are_all_taken_once(window: Window) -> None:
    who = somebody(window)
    before = facts(window, who)["orders_ever"]
    transport = httpx.ASGITransport(application(window), raise_app_exceptions=False)

    async def all_of_them() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=transport, base_url="http://holdfast") as client:
            asked = [
                client.post(EVENTS, json={"events": [purchase(who, f"online-{k % 20}")]}) for k in range(40)
            ]
            return await asyncio.gather(*asked)

    answers = asyncio.run(all_of_them())
    statuses = [took(each)[0] for each in answers]
    assert (statuses.count("taken"), statuses.count("repeated")) == (20, 20)
    assert facts(window, who)["orders_ever"] == before + 20
    names = [row["event_id"] for entry in FileJournal(window.home.events).since(0) for row in entry.rows]
    assert sorted(names) == sorted(set(names))


def test_a_week_as_of_before_an_event_does_not_know_it(window: Window) -> None:
    who = somebody(window)
    moment = served_by(window).week.moment
    late = purchase(who, at=from_micros(moment - DAY).isoformat())
    assert took(ask(window, EVENTS, {"events": [late]})) == ["taken"]
    (score,) = ask(window, "/v1/score", {"customer_ids": [who], "as_of": "week"}).json()["customers"]
    window.served = load(window.home, window.home.published())
    assert score == ask(window, "/v1/score", {"customer_ids": [who], "as_of": "week"}).json()["customers"][0]
    assert np.isclose(facts(window, who)["days_since_last_order"], 0, atol=400)
    assert json.dumps(score)
