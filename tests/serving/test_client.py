"""The client against the running service, and against one that is away, slow or broken."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from serving.client import Client, NotTaken, ProblemError

ID = "c-0000003"
BOUGHT = {
    "table": "transactions",
    "event_id": "client-1",
    "customer_id": ID,
    "order_id": "client-1",
    "quantity": 1,
    "amount": 100,
}


@pytest.fixture
def caller(url: str, key: str) -> Iterator[Client]:
    with Client(url, key, seconds=20, seconds_for_events=20) as client:
        yield client


@contextmanager
def broken(answer: Callable[[BaseHTTPRequestHandler, int], None]) -> Iterator[str]:
    """A server that answers its n-th request as told."""
    count = iter(range(1000))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            answer(self, next(count))

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def say(handler: BaseHTTPRequestHandler, status: int, body: Any) -> None:
    text = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("content-length", str(len(text)))
    handler.end_headers()
    handler.wfile.write(text)


def test_it_asks_and_tells(caller: Client) -> None:
    (decision,) = caller.decide([ID], commit=False)
    assert decision.customer_id == ID
    assert not decision.is_safe_answer
    assert decision.decision_id
    assert {offer.offer_id for offer in decision.offers}
    assert all(offer.why and offer.why_zh for offer in decision.offers)
    (score,) = caller.score([ID])
    assert score.status in ("in_base", "lapsed", "never_bought")
    known = caller.customer(ID)
    assert known
    assert known["facts"]
    published = caller.published()
    assert published
    assert published["week"] == decision.whole.get("week", published["week"])
    assert caller.tell([BOUGHT])["events"][0]["status"] in ("taken", "repeated")
    assert caller.tell([BOUGHT])["events"][0]["status"] == "repeated"
    assert caller.opt_out(ID, [], key="client-opt-out")["events"][0]["status"] == "taken"


def test_what_is_wrong_with_a_request_is_raised(caller: Client) -> None:
    with pytest.raises(ProblemError) as unknown:
        caller.decide(["nobody"])
    assert (unknown.value.status, unknown.value.customer_ids) == (404, ["nobody"])
    with pytest.raises(ProblemError) as wrong:
        caller.tell([{**BOUGHT, "quantity": "many"}])
    assert wrong.value.type == "urn:holdfast:problem:invalid-request"
    assert wrong.value.errors[0]["field"] == "events.0.transactions.quantity"


def test_a_wrong_key_is_no_safe_answer(url: str) -> None:
    with Client(url, "holdfast_wrong", seconds=20) as client, pytest.raises(ProblemError) as refused:
        client.decide([ID])
    assert refused.value.status in (401, 403)


def test_nobody_there_means_no_offer_and_no_score() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with Client(f"http://127.0.0.1:{free.getsockname()[1]}") as client:
            (decision,), (score,) = client.decide([ID]), client.score([ID])
            assert (decision.chosen, decision.is_safe_answer) == (None, True)
            assert (score.churn_probability, score.is_safe_answer) == (None, True)
            assert client.customer(ID) is None
            assert client.published() is None


def test_a_slow_service_is_not_waited_for() -> None:
    gone = threading.Event()
    with (
        broken(lambda handler, _: gone.wait(20) and None) as url,
        Client(url, seconds=0.2) as client,
    ):
        began = time.monotonic()
        assert client.decide([ID])[0].is_safe_answer
        assert time.monotonic() - began < 10
        gone.set()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_service_that_is_busy_or_broken_means_no_offer(status: int) -> None:
    with broken(lambda handler, _: say(handler, status, {})) as url, Client(url, seconds=5) as client:
        assert client.decide([ID])[0].is_safe_answer


def test_events_are_sent_again_under_one_key() -> None:
    keys = []

    def answer(handler: BaseHTTPRequestHandler, turn: int) -> None:
        keys.append(handler.headers["idempotency-key"])
        say(handler, *((503, {}) if turn < 2 else (200, {"position": 1, "events": []})))

    with broken(answer) as url, Client(url) as client:
        assert client.tell([BOUGHT])["position"] == 1
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_events_that_nobody_took_are_not_taken_silently() -> None:
    with (
        broken(lambda handler, _: say(handler, 503, {})) as url,
        Client(url, seconds_for_events=0.3) as client,
        pytest.raises(NotTaken, match="send them again: mine"),
    ):
        client.tell([BOUGHT], key="mine")


def test_it_needs_nothing_of_holdfast() -> None:
    text = "import sys, serving.client; print(sorted({'numpy', 'bentoml', 'numba'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"
