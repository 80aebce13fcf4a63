"""Requests that wait are decided together, and each gets what it would have got alone."""

import asyncio
import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import OFFER, ask_all

from releases.home import Home
from serving import decider as decider_module
from serving.application import application
from serving.decider import MOST_TOGETHER
from serving.decision import Offered, next_best_offers
from serving.question import Deciding
from serving.served import Window

REQUESTS = 50


@pytest.fixture(scope="module")
def loaded(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Window:
    folder = tmp_path_factory.mktemp("decider") / "home"
    window = Window(Home(shutil.copytree(published, folder, ignore=shutil.ignore_patterns("decisions"))))
    window.look()
    return window


@pytest.fixture
def window(loaded: Window) -> Iterator[Window]:
    own = Window(loaded.home)
    own.served = loaded.served
    yield own
    own.stop()
    for folder in (loaded.home.decisions, loaded.home.counters):
        shutil.rmtree(folder, ignore_errors=True)
    loaded.home.counting.unlink(missing_ok=True)


@pytest.fixture
def customers(loaded: Window) -> list[str]:
    """From all over the base: in the models' base, lapsed and never bought."""
    assert loaded.served
    ids = loaded.served.histories.ids
    return [str(each) for each in ids[:: len(ids) // REQUESTS][:REQUESTS]]


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[list[list[str]]]:
    """The customers of each request of each pass."""
    seen: list[list[list[str]]] = []

    def counted(served: Any, asked: Sequence[Deciding], *rest: Any) -> Offered:
        seen.append([each.customer_ids for each in asked])
        return next_best_offers(served, asked, *rest)

    monkeypatch.setattr(decider_module, "next_best_offers", counted)
    return seen


def without_ids(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    answer = response.json()
    for each in answer["customers"]:
        del each["decision_id"]
    return answer


def one_each(customers: list[str], **more: Any) -> list[Any]:
    return [{"customer_ids": [each], **more} for each in customers]


def test_together_they_get_what_each_gets_alone(
    window: Window, customers: list[str], passes: list[list[list[str]]]
) -> None:
    bodies = one_each(customers, as_of="week")
    together = [without_ids(each) for each in ask_all(window, *bodies)]
    assert sum(map(len, passes)) == len(customers)
    assert max(map(len, passes)) > 1
    alone = [without_ids(ask_all(window, body)[0]) for body in bodies]
    assert together == alone
    assert {each["customers"][0]["status"] for each in alone} == {"in_base", "lapsed", "never_bought"}


def test_who_asks_for_several_gets_them_in_their_order(window: Window, customers: list[str]) -> None:
    bodies = [{"customer_ids": customers[k : k + 7]} for k in range(0, len(customers), 7)]
    for body, response in zip(bodies, ask_all(window, *bodies), strict=True):
        answered = [each["customer_id"] for each in without_ids(response)["customers"]]
        assert answered == body["customer_ids"]


def test_different_moments_are_not_decided_together(
    window: Window, customers: list[str], passes: list[list[list[str]]]
) -> None:
    moments = ["2026-10-01T00:00:00+08:00", "2026-09-01T00:00:00+08:00"]
    bodies = [each for moment in moments for each in one_each(customers[:10], as_of=moment)]
    told = [without_ids(each) for each in ask_all(window, *bodies)]
    assert len({each["moment"] for each in told}) == 2
    assert told == [without_ids(ask_all(window, body)[0]) for body in bodies]


def test_who_asks_for_a_stranger_is_refused_alone(window: Window, customers: list[str]) -> None:
    bodies = one_each([*customers[:9], "nobody", *customers[9:20], "stranger"])
    responses = ask_all(window, *bodies)
    refused = {9: "nobody", 21: "stranger"}
    for k, response in enumerate(responses):
        if k in refused:
            assert response.status_code == 404
            assert response.json()["customer_ids"] == [refused[k]]
        else:
            assert without_ids(response)["customers"][0]["customer_id"] == bodies[k]["customer_ids"][0]


def test_a_pass_that_fails_is_only_its_own_customers(
    window: Window, customers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(served: Any, asked: Sequence[Deciding], *rest: Any) -> Offered:
        if any(customers[3] in each.customer_ids for each in asked):
            raise ValueError("a fault of ours")
        return next_best_offers(served, asked, *rest)

    monkeypatch.setattr(decider_module, "next_best_offers", broken)
    responses = ask_all(window, *one_each(customers[:12]))
    assert [each.status_code for each in responses] == [500 if k == 3 else 200 for k in range(12)]
    assert responses[3].json()["type"] == "urn:holdfast:problem:internal-error"
    assert ask_all(window, *one_each(customers[:1]))[0].status_code == 200


def test_a_customer_is_counted_once_in_a_pass(
    window: Window, customers: list[str], passes: list[list[list[str]]]
) -> None:
    bodies = one_each([customers[0], customers[1]] * 8, commit=True)
    for response in ask_all(window, *bodies):
        assert response.status_code == 200
    for each in passes:
        named = [customer for asked in each for customer in asked]
        assert len(named) == len(set(named))


def test_a_pass_is_never_larger_than_it_may_be(
    window: Window, loaded: Window, passes: list[list[list[str]]]
) -> None:
    assert loaded.served
    ids = [str(each) for each in loaded.served.histories.ids[: 4 * MOST_TOGETHER]]
    ask_all(window, *one_each(ids), {"customer_ids": ids[: MOST_TOGETHER + 1]})
    sizes = [sum(map(len, each)) for each in passes]
    assert sum(sizes) == 5 * MOST_TOGETHER + 1
    assert [size for size in sizes if size > MOST_TOGETHER] == [MOST_TOGETHER + 1]


def test_while_one_group_waits_for_the_disk_the_next_is_decided(
    window: Window, customers: list[str], passes: list[list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go = threading.Event(), threading.Event()
    write = window.decisions.write

    def held(decisions: Any) -> None:
        if not reached.is_set():
            reached.set()
            assert go.wait(30)
        write(decisions)

    monkeypatch.setattr(window.decisions, "write", held)
    transport = httpx.ASGITransport(application(window))

    async def asked() -> None:
        async with httpx.AsyncClient(transport=transport, base_url="http://holdfast") as client:
            first = asyncio.create_task(client.post(OFFER, json={"customer_ids": customers[:1]}))
            assert await asyncio.to_thread(reached.wait, 30)
            second = await client.post(OFFER, json={"customer_ids": customers[1:2]})
            assert second.status_code == 200
            assert not first.done()
            go.set()
            assert (await first).status_code == 200

    asyncio.run(asked())
    assert len(passes) == 2
