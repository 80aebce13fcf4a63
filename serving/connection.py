"""What one connection may send before it is a request: uvicorn's HTTP protocol with bounds.

uvicorn keeps a head of any length and waits for its end for ever, and answers what is no HTTP in plain text;
BentoML hands no protocol of one's own to it, so `install` puts this one where uvicorn looks for its default.
"""

import asyncio
import json
from typing import Any, cast

import uvicorn.protocols.http.auto
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from serving.problem import MEDIA_TYPE, Kind, Problem, members

LARGEST_HEAD = 64 * 1024
SLOWEST_HEAD_SECONDS = 10
# Below the usual limit of 1,024 open files, which the service needs some of itself.
MOST_CONNECTIONS = 800


def install() -> None:
    """Before the server starts."""
    uvicorn.protocols.http.auto.AutoHTTPProtocol = Connection


class _Together:
    """A transport whose writes of one turn of the event loop go out as one.

    uvicorn writes the head of an answer and its body apart, and each write is a call of the system, a packet
    and somebody woken: together they took a tenth of the time of a busy worker. All else is the transport's.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():  # who asked may be gone since
            self._transport.write(b"".join(parts))


class Connection(HttpToolsProtocol):
    """Refuses heads (and trailers) that are too large or too slow, and websockets; a problem says why.

    _unread: bytes that came since the last head ended or the last piece of a body.
    """

    _unread = 0
    _is_in_head = True
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast("asyncio.Transport", _Together(transport, self.loop)))
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unread += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._unread > LARGEST_HEAD:
            detail = f"expected at most {LARGEST_HEAD} bytes before the body, and after it"
            self._refuse(Problem(Kind.HEAD_TOO_LARGE, detail))
        elif self._is_in_head and self._unread and self._deadline is None:
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers would be appended to the headers of a request that is being answered.
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._is_in_head = False
        self._unread = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_in_head = True
        self._unread = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(Problem(Kind.NOT_HTTP, "what came is no request of HTTP/1.1"))

    def _should_upgrade(self) -> bool:
        return False

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: the request is answered as if it had not asked to upgrade."""

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(SLOWEST_HEAD_SECONDS, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        detail = f"expected the head of a request within {SLOWEST_HEAD_SECONDS} seconds"
        self._refuse(Problem(Kind.HEAD_TOO_SLOW, detail))

    def _refuse(self, problem: Problem) -> None:
        """Never written into an answer: who is being answered is only cut off."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            body = json.dumps(members(problem, "/")).encode()
            head = (
                f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\ncache-control: no-store\r\n"
                "connection: close\r\n\r\n"
            )
            self.transport.write(STATUS_LINE[problem.kind.status] + head.encode() + body)
        self.transport.close()
