"""A server of several workers: killed, drained, orphaned, changed while it answers."""

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipelines.replay import replay
from releases.home import Home

SCORE, OFFER = "/v1/score", "/v1/next-best-offer"
ASKED = {"customer_ids": ["c-0000001"], "as_of": "week"}
HEADERS: dict[str, str] = {}
SECONDS = 120.0


def until(holds: Callable[[], Any], what: str) -> Any:
    """What `holds` returns as soon as it is something."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.05)
    pytest.fail(f"{what} did not happen within {SECONDS} seconds")


def scored(url: str) -> httpx.Response:
    """Over a connection of its own, so that any worker may take it."""
    return httpx.post(f"{url}{SCORE}", json=ASKED, headers=HEADERS, timeout=30)


def metrics(url: str) -> dict[str, dict[str, float]]:
    """name -> labels in one text -> value"""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(
        httpx.get(f"{url}/metrics", headers=HEADERS, timeout=30).text
    ):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def answering(url: str) -> int:
    """How many workers serve something."""
    return len(metrics(url).get("holdfast_published_info", {}))


@pytest.fixture(scope="module", autouse=True)
def headers(key: str) -> None:
    HEADERS["authorization"] = f"Bearer {key}"


@pytest.fixture(scope="module")
def two(shared_home: Home, server: Any) -> Iterator[Any]:
    """A server of two workers, both of them ready. Tests leave it so, at the week it began with."""
    with server(shared_home.path, shared_home.path.parent / "log", workers=2) as running:
        until(lambda: answering(running.url) == 2, "two workers")
        yield running


def test_whichever_worker_is_asked_counts_for_all(two: Any) -> None:
    count = "route=/v1/score,status=200"
    before = metrics(two.url)["holdfast_request_seconds_count"].get(count, 0)
    with ThreadPoolExecutor(8) as pool:
        assert {each.status_code for each in pool.map(lambda _: scored(two.url), range(60))} == {200}
    seen = [metrics(two.url)["holdfast_request_seconds_count"][count] for _ in range(10)]
    assert seen == [before + 60] * 10
    assert set(metrics(two.url)["holdfast_worker_resident_bytes"]) == {"worker=1", "worker=2"}


def test_a_killed_worker_comes_back_and_its_counts_stay(two: Any) -> None:
    count = "route=/v1/score,status=200"
    before = metrics(two.url)["holdfast_request_seconds_count"].get(count, 0)
    victim, other = two.workers()
    os.kill(victim, signal.SIGKILL)
    answered = 0

    def is_back() -> bool:
        nonlocal answered
        try:
            assert scored(two.url).status_code == 200
        except httpx.TransportError:
            return False  # it was in the victim's hands
        answered += 1
        return answering(two.url) == 2 and victim not in two.workers()

    until(is_back, "a new worker")
    assert other in two.workers()
    assert metrics(two.url)["holdfast_request_seconds_count"][count] == before + answered


def test_a_server_told_to_end_finishes_what_runs_and_accepts_nothing_more(
    own_home: Home, tmp_path: Path, server: Any
) -> None:
    with server(own_home.path, tmp_path / "log") as running:
        ids = [f"c-{number:07}" for number in range(1, 101)]
        with ThreadPoolExecutor(4) as pool, httpx.Client(timeout=60, headers=HEADERS) as client:
            asked = [
                pool.submit(client.post, f"{running.url}{OFFER}", json={"customer_ids": ids})
                for _ in range(4)
            ]
            until((own_home.decisions / "keys.sqlite").exists, "a decision")
            running.process.send_signal(signal.SIGTERM)
            answers = [each.result() for each in asked if not _was_not_accepted(each)]
        assert running.process.wait(60) == 0
        assert len(answers) >= 1
        with pytest.raises(httpx.ConnectError):
            scored(running.url)
    for answer in answers:
        assert answer.status_code == 200
        assert len(answer.json()["customers"]) == len(ids)
        for each in answer.json()["customers"][:2]:  # they are in the log, though the server is gone
            assert replay(own_home, each["decision_id"], None)["same"]


def _was_not_accepted(asked: Any) -> bool:
    """Whether the connection was still waiting for a worker when the server was told to end."""
    return isinstance(asked.exception(), httpx.TransportError)


def test_workers_end_when_their_supervisor_was_killed(published: Path, tmp_path: Path, server: Any) -> None:
    with server(published, tmp_path / "log") as running:
        (worker,) = running.workers()
        running.process.kill()
        running.process.wait()
        until(lambda: not psutil.pid_exists(worker), "the worker's end")


def test_all_workers_change_together_while_they_answer_and_go_back(
    two: Any, shared_home: Home, other_week: Callable[[Home], str]
) -> None:
    first, second = shared_home.published().week, other_week(shared_home)
    loads = metrics(two.url)["holdfast_loads_total"]["result=served"]
    answers: list[str] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            response = scored(two.url)
            assert response.status_code == 200, response.text
            answers.append(response.json()["week"])

    def all_say(week: str) -> bool:
        return len(answers) > 20 and set(answers[-20:]) == {week}

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        try:
            until(lambda: all_say(first), "answers")
            shared_home.publish(week=second)
            until(lambda: all_say(second), "the second week")
            shared_home.roll_back()
            until(lambda: all_say(first), "the first week again")
        finally:
            ended.set()
        for each in asking:
            each.result(60)
    assert metrics(two.url)["holdfast_loads_total"]["result=served"] == loads + 4
    assert len(re.findall(f"serving .* week {second}", two.log.read_text())) == 2


def test_a_damaged_week_is_named_by_log_metric_and_readiness_and_the_old_one_serves_on(
    two: Any, shared_home: Home, other_week: Callable[[Home], str]
) -> None:
    first, damaged = shared_home.published().week, other_week(shared_home)
    about = shared_home.weeks / damaged / "week.json"
    whole = about.read_bytes()
    about.write_bytes(whole + b" ")
    refused = metrics(two.url)["holdfast_loads_total"].get("result=refused", 0)
    shared_home.publish(week=damaged)
    until(lambda: set(metrics(two.url)["holdfast_refusing"].values()) == {1.0}, "a refusal")
    assert metrics(two.url)["holdfast_loads_total"]["result=refused"] == refused + 2
    ready = httpx.get(f"{two.url}/readyz", headers=HEADERS).json()
    assert (ready["week"], ready["refused"]["week"]) == (first, damaged)
    assert "week.json: damaged" in two.log.read_text()
    # Who is started anew serves what the server served, too.
    (victim, *_) = two.workers()
    os.kill(victim, signal.SIGKILL)
    until(lambda: _is_replaced(two, victim), "a new worker")
    assert {scored(two.url).json()["week"] for _ in range(10)} == {first}
    shared_home.roll_back()
    until(lambda: set(metrics(two.url)["holdfast_refusing"].values()) == {0.0}, "the end of the refusal")
    about.write_bytes(whole)


def _is_replaced(server: Any, victim: int) -> bool:
    try:
        return victim not in server.workers() and answering(server.url) == 2
    except httpx.TransportError:
        return False
