"""The bounds of a connection, in a real uvicorn around an application that says what it was asked."""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from serving import connection
from serving.connection import Connection

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


@pytest.fixture
def port() -> Iterator[int]:
    async def tells(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        await JSONResponse({"headers": request.headers.items(), "body": body.decode()})(scope, receive, send)

    config = uvicorn.Config(
        tells, port=0, http=Connection, lifespan="off", log_config=None, timeout_keep_alive=60
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    _until(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(20)


def open_line(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 20)


def answer(line: socket.socket) -> tuple[int, dict[str, object]]:
    response = http.client.HTTPResponse(line)
    response.begin()
    return response.status, json.loads(response.read())


def test_more_connections_than_allowed_are_closed_and_others_go_on(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 3)
    lines = [open_line(port) for _ in range(3)]
    for line in lines:
        line.sendall(GET)
        assert answer(line)[0] == 200
    with open_line(port) as refused, contextlib.suppress(ConnectionResetError):
        assert refused.recv(1) == b""
    lines[0].close()

    def served_again() -> bool:
        with open_line(port) as line:
            try:
                line.sendall(GET)
                return answer(line)[0] == 200
            except OSError:
                return False

    _until(served_again)
    for line in lines[1:]:
        line.sendall(GET)
        assert answer(line)[0] == 200
        line.close()


def test_a_slow_head_ends_the_first_request_and_a_later_one(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SLOWEST_HEAD_SECONDS", 0.3)
    with open_line(port) as line:
        line.sendall(GET)
        assert answer(line)[0] == 200
        time.sleep(0.6)  # between two requests a connection may wait for longer
        line.sendall(GET)
        assert answer(line)[0] == 200
        line.sendall(GET[:10])
        assert answer(line)[0] == 408
        assert line.recv(1) == b""


def test_trailers_are_no_headers_of_the_request(port: int) -> None:
    with open_line(port) as line:
        line.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
        line.sendall(b"authorization: Bearer of-somebody\r\n\r\n")
        status, said = answer(line)
        assert (status, said["body"]) == (200, "{}")
        assert "authorization" not in json.dumps(said)
        line.sendall(GET)
        assert answer(line)[0] == 200


def test_requests_in_one_piece_are_all_answered(port: int) -> None:
    with open_line(port) as line:
        line.sendall(GET * 5)
        received = b""
        while received.count(b"HTTP/1.1 200") < 5:
            received += line.recv(65_536)


def test_a_body_of_many_pieces_is_no_large_head(port: int) -> None:
    with open_line(port) as line:
        line.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\n")
        for _ in range(30):
            line.sendall(b"a" * 10_000)
        assert len(str(answer(line)[1]["body"])) == 300_000


def _until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)
