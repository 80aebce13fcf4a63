"""The gate by itself, around an application that only says it was reached."""

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from releases.access import FILE, RATE, create, revoke, rotate
from releases.home import Home, Published
from serving import gate
from serving.access import Access
from serving.audit import Audit, note
from serving.gate import MOST_INSIDE, Gate, scope_of
from serving.openapi import DOCUMENT
from serving.problem import on_failure

SCORE, CUSTOMER = "/v1/score", "/v1/customers/c-0000001"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(home: Home, clock: Clock) -> Access:
    return Access(home, clock)


@pytest.fixture
def lines(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    def read() -> list[dict[str, Any]]:
        file = tmp_path / "audit"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    return read


@pytest.fixture
def inner() -> Any:
    async def reached(scope: Scope, receive: Receive, send: Send) -> None:
        note(Request(scope), Published("b", "p", "w"), ["c-0000001", "谁"], ["d-1", "d-2"])
        await PlainTextResponse("reached")(scope, receive, send)

    return reached


@pytest.fixture
def guarded(home: Home, access: Access, inner: Any, tmp_path: Path) -> Gate:
    return Gate(inner, access, Audit(home, str(tmp_path / "audit")), lambda: True)


def ask(app: Any, path: str, key: str | None = None, method: str = "GET") -> httpx.Response:
    return asyncio.run(ask_many(app, path, key, method))[0]


async def ask_many(
    app: Any, path: str, key: str | None = None, method: str = "GET", times: int = 1
) -> list[httpx.Response]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://holdfast", headers=headers) as client:
        return await asyncio.gather(*(client.request(method, path) for _ in range(times)))


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "bentoml.holdfast"]


def kind(response: httpx.Response) -> str:
    if response.headers["content-type"] != "application/problem+json":
        return response.text
    assert response.json()["status"] == response.status_code
    return str(response.json()["type"]).removeprefix("urn:holdfast:problem:")


def test_every_route_is_known_to_the_gate_and_nothing_else_is() -> None:
    paths = set(json.loads(DOCUMENT)["paths"])
    unknown = {path for path in paths if scope_of(path.replace("{customer_id}", "a")) is None}
    assert unknown == {"/livez"}
    assert set(gate.PATHS) <= paths
    assert all(any(path.startswith(prefix) for path in paths) for prefix in gate.UNDER)


def test_a_key_opens_what_its_scopes_say(home: Home, guarded: Gate) -> None:
    _, reader = create(home, "reader", ("read",))
    assert kind(ask(guarded, CUSTOMER, reader)) == "reached"
    assert kind(ask(guarded, SCORE, reader)) == "missing-scope"
    assert kind(ask(guarded, "/metrics", reader)) == "missing-scope"
    assert kind(ask(guarded, "/readyz", reader)) == "reached"
    assert kind(ask(guarded, "/v1/openapi.json", reader)) == "reached"
    assert kind(ask(guarded, "/v1/customers", reader)) == "unknown-route"


def test_strangers_learn_that_it_lives_and_is_ready(home: Home, access: Access, guarded: Gate) -> None:
    assert kind(ask(guarded, "/livez")) == "reached"
    assert ask(guarded, "/readyz").json() == {"status": "ready"}
    for path in (SCORE, CUSTOMER, "/metrics", "/v1/openapi.json", "/", "/docs.json"):
        response = ask(guarded, path)
        assert kind(response) == "no-key"
        assert response.headers["www-authenticate"] == 'Bearer realm="holdfast"'
    unready = Gate(guarded, access, Audit(home, ""), lambda: False)
    assert kind(ask(unready, "/readyz")) == "not-ready"


def test_a_key_made_while_it_runs_is_known_within_a_second(home: Home, guarded: Gate, clock: Clock) -> None:
    _, first = create(home, "first")
    assert kind(ask(guarded, SCORE, first)) == "reached"
    _, second = create(home, "second")
    assert kind(ask(guarded, SCORE, second)) == "wrong-key"
    clock.now += 1
    assert kind(ask(guarded, SCORE, second)) == "reached"


def test_a_revoked_key_is_known_within_a_second(home: Home, guarded: Gate, clock: Clock) -> None:
    _, text = create(home, "crm")
    assert kind(ask(guarded, SCORE, text)) == "reached"
    revoke(home, "crm")
    clock.now += 1
    response = ask(guarded, SCORE, text)
    assert kind(response) == "wrong-key"
    assert "revoked" in response.json()["detail"]


def test_a_rotated_key_and_its_old_one_open(home: Home, guarded: Gate, clock: Clock) -> None:
    _, before = create(home, "crm")
    _, after, _ = rotate(home, "crm", timedelta(hours=1))
    assert kind(ask(guarded, SCORE, before)) == kind(ask(guarded, SCORE, after)) == "reached"
    rotate(home, "crm", timedelta(0))
    clock.now += 1
    assert kind(ask(guarded, SCORE, before)) == kind(ask(guarded, SCORE, after)) == "wrong-key"


def test_an_expired_key_needs_no_look_to_be_refused(
    home: Home, access: Access, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, text = create(home, "guest", expires=datetime.now(UTC) + timedelta(hours=1))
    assert access.key(f"Bearer {text}").name == "guest"

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Later":
            return cls.fromtimestamp(datetime.now(UTC).timestamp() + 3601, tz)

    monkeypatch.setattr("serving.access.datetime", Later)
    with pytest.raises(Exception, match="was good until"):
        access.key(f"Bearer {text}")


def test_a_damaged_file_lets_nobody_new_in_and_keeps_who_was(
    home: Home, guarded: Gate, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    _, known = create(home, "known")
    assert kind(ask(guarded, SCORE, known)) == "reached"
    _, new = create(home, "new")
    path = home.access / FILE
    whole = path.read_bytes()
    with caplog.at_level(logging.ERROR, "bentoml.holdfast"):
        for damage in (whole[:-9], b"", whole.replace(b"known", b"knowN"), b"\xff" * len(whole)):
            path.write_bytes(damage)
            clock.now += 1
            assert kind(ask(guarded, SCORE, known)) == "reached"
            assert kind(ask(guarded, SCORE, new)) == "keys-damaged"
    assert len(said(caplog)) == 4
    path.write_bytes(whole)
    clock.now += 1
    assert kind(ask(guarded, SCORE, new)) == "reached"


def test_a_service_that_starts_with_a_damaged_file_lets_nobody_in(home: Home, guarded: Gate) -> None:
    _, text = create(home, "crm")
    path = home.access / FILE
    path.write_bytes(path.read_bytes()[:-3])
    assert kind(ask(guarded, SCORE, text)) == "keys-damaged"
    assert kind(ask(guarded, "/livez")) == "reached"


def test_a_file_that_is_gone_lets_nobody_in(home: Home, guarded: Gate, clock: Clock) -> None:
    _, text = create(home, "crm")
    assert kind(ask(guarded, SCORE, text)) == "reached"
    (home.access / FILE).unlink()
    clock.now += 1
    assert kind(ask(guarded, SCORE, text)) == "wrong-key"


def test_a_key_may_ask_as_often_as_it_says(home: Home, guarded: Gate, clock: Clock) -> None:
    _, slow = create(home, "slow", rate=0.5, burst=3)
    _, other = create(home, "other")
    assert [kind(ask(guarded, SCORE, slow)) for _ in range(4)] == [*["reached"] * 3, "rate-limited"]
    response = ask(guarded, "/v1/openapi.json", slow)
    assert (response.status_code, response.headers["retry-after"]) == (429, "2")
    assert response.json()["retry_after"] == 2
    assert kind(ask(guarded, SCORE, other)) == "reached"
    clock.now += 2
    assert kind(ask(guarded, SCORE, slow)) == "reached"
    assert kind(ask(guarded, SCORE, slow)) == "rate-limited"
    clock.now += 1000
    assert [kind(ask(guarded, SCORE, slow)) for _ in range(4)] == [*["reached"] * 3, "rate-limited"]


def test_a_new_look_at_the_keys_gives_nobody_another_burst(home: Home, guarded: Gate, clock: Clock) -> None:
    _, slow = create(home, "slow", rate=1e-6, burst=2)
    assert [kind(ask(guarded, SCORE, slow)) for _ in range(3)][-1] == "rate-limited"
    create(home, "other")
    clock.now += 1
    assert kind(ask(guarded, SCORE, slow)) == "rate-limited"


def test_what_waits_is_bounded(home: Home, access: Access, tmp_path: Path) -> None:
    _, text = create(home, "crm", burst=10 * MOST_INSIDE)
    go = asyncio.Event()

    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == SCORE:
            await go.wait()
        await PlainTextResponse("reached")(scope, receive, send)

    app = Gate(waiting, access, Audit(home, str(tmp_path / "audit")), lambda: True)

    async def asked() -> None:
        first = asyncio.create_task(ask_many(app, SCORE, text, times=MOST_INSIDE))
        while app._inside < MOST_INSIDE:
            await asyncio.sleep(0)
        (refused,) = await ask_many(app, CUSTOMER, text)
        assert kind(refused) == "overloaded"
        assert refused.headers["retry-after"] == "1"
        # Whoever watches over it still can.
        assert [kind(each) for each in await ask_many(app, "/metrics", text)] == ["reached"]
        assert [kind(each) for each in await ask_many(app, "/livez")] == ["reached"]
        go.set()
        assert {kind(each) for each in await first} == {"reached"}
        assert [kind(each) for each in await ask_many(app, CUSTOMER, text)] == ["reached"]

    asyncio.run(asked())


def test_every_answer_has_the_headers_and_none_says_what_serves(home: Home, guarded: Gate) -> None:
    _, text = create(home, "crm")
    for response in (
        ask(guarded, SCORE, text),
        ask(guarded, "/readyz"),
        ask(guarded, SCORE),
        ask(guarded, "/"),
    ):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
        assert "server" not in response.headers


def test_a_websocket_is_closed(guarded: Gate) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(guarded({"type": "websocket", "path": SCORE}, None, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_an_audit_line_says_who_asked_and_hides_for_whom(
    home: Home, guarded: Gate, lines: Callable[[], list[dict[str, Any]]], tmp_path: Path
) -> None:
    key, text = create(home, "crm", ("score", "read"))
    ask(guarded, SCORE, text, "POST")
    ask(guarded, CUSTOMER, text)
    ask(guarded, "/v1/next-best-offer", text)
    ask(guarded, "/readyz", text)
    ask(guarded, SCORE, "nobody")
    _, scorer = create(home, "scorer", ("score",))
    guarded._access._looked = -1.0
    ask(guarded, CUSTOMER, scorer)
    scored, read, refused, forbidden = lines()
    assert (forbidden["name"], forbidden["status"]) == ("scorer", 403)
    assert forbidden["route"] == "/v1/customers/…"
    assert (scored["key"], scored["name"], scored["method"], scored["route"]) == (
        key.id,
        "crm",
        "POST",
        SCORE,
    )
    assert (scored["status"], scored["decisions"]) == (200, ["d-1", "d-2"])
    assert (scored["bundle"], scored["policy"], scored["week"]) == ("b", "p", "w")
    assert datetime.fromisoformat(scored["at"]).tzinfo
    assert len(set(scored["customers"])) == 2
    assert read["route"] == "/v1/customers/…"
    assert read["customers"] == scored["customers"]
    assert (refused["status"], refused["customers"]) == (403, [])
    raw = (tmp_path / "audit").read_text()
    assert "c-0000001" not in raw
    assert text not in raw
    assert (tmp_path / "audit").stat().st_mode & 0o777 == 0o600
    other = Audit(Home(tmp_path / "other"), str(tmp_path / "audit"))
    assert other.pseudonym("c-0000001") != scored["customers"][0]


def test_a_log_that_is_moved_away_goes_on_in_a_new_file(
    home: Home,
    guarded: Gate,
    lines: Callable[[], list[dict[str, Any]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serving.audit.SECONDS_BETWEEN_LOOKS", 0)
    _, text = create(home, "crm")
    ask(guarded, SCORE, text)
    (tmp_path / "audit").rename(tmp_path / "audit.1")
    ask(guarded, CUSTOMER, text)
    assert [line["route"] for line in lines()] == ["/v1/customers/…"]


def test_lines_that_cannot_be_written_are_said_once_and_no_answer_waits(
    home: Home, access: Access, inner: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, text = create(home, "crm")
    app = Gate(inner, access, Audit(home, str(tmp_path / "nowhere" / "audit")), lambda: True)
    with caplog.at_level(logging.ERROR, "bentoml.holdfast"):
        assert [kind(ask(app, SCORE, text)) for _ in range(3)] == ["reached"] * 3
    assert len(said(caplog)) == 1
    (tmp_path / "nowhere").mkdir()
    ask(app, SCORE, text)
    assert (tmp_path / "nowhere" / "audit").exists()


def test_a_fault_is_logged_without_what_it_says(
    home: Home, access: Access, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, text = create(home, "crm")

    async def fails(request: Request) -> None:
        raise KeyError(request.path_params["customer_id"])

    routes = [Route("/v1/customers/{customer_id}", fails)]
    inner = Starlette(routes=routes, exception_handlers={Exception: on_failure})
    app = Gate(inner, access, Audit(home, str(tmp_path / "audit")), lambda: True)
    with caplog.at_level(logging.ERROR, "bentoml.holdfast"):
        assert kind(ask(app, CUSTOMER, text)) == "internal-error"
    (record,) = said(caplog)
    assert "KeyError at /v1/customers/…" in record
    assert "in fails" in record
    assert "c-0000001" not in caplog.text


def test_the_default_rate_is_far_from_what_one_asks() -> None:
    assert RATE >= 100
