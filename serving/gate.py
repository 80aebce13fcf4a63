"""Who comes in: every request passes here before any route, as plain ASGI for it costs microseconds."""

import traceback
from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from releases.access import Key
from serving import answer
from serving.access import Access
from serving.audit import NOTED, Audit, Noted
from serving.problem import Kind, Problem
from serving.problem import answer as refusal
from serving.served import log

# What a key must be allowed, by path; '' where any key will do. A path that is not here is no route for
# anybody, so a route that was forgotten here is missed and not open.
ANY = ""
PATHS = {
    "/v1/score": "score",
    "/v1/next-best-offer": "decide",
    "/v1/events": "events",
    "/v1/opt-out": "events",
    "/v1/published": ANY,
    "/v1/openapi.json": ANY,
    "/readyz": ANY,
    "/metrics": "operate",
}
UNDER = {"/v1/customers/": "read", "/v1/decisions/": "read"}
OF_CUSTOMERS = ("score", "decide", "read", "events")
# Where a request says whose it is.
KEY_ID = "holdfast.key"
# Requests inside at once, in each process: what waits is bounded, and so is the memory of bodies.
MOST_INSIDE = 256
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


def scope_of(path: str) -> str | None:
    """What a key must be allowed for a path; None where there is no such route."""
    if (exact := PATHS.get(path)) is not None:
        return exact
    return next((scope for prefix, scope in UNDER.items() if path.startswith(prefix)), None)


class Gate:
    """Keys, scopes, rates, a bound on what waits, headers and the audit's lines around `app`.

    is_ready: all that strangers are told of readiness.
    """

    def __init__(self, app: ASGIApp, access: Access, audit: Audit, is_ready: Callable[[], bool]) -> None:
        self._app = app
        self._access = access
        self._audit = audit
        self._is_ready = is_ready
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        path = scope["path"]
        authorization = _authorization(scope)
        sending = _with_headers(send)
        if path == "/livez":
            await self._guarded(scope, receive, sending)
        elif path == "/readyz" and authorization is None:
            await self._readiness(scope)(scope, receive, sending)
        else:
            try:
                key = self._access.key(authorization)
                self._access.spend(key)
                needed = _needed(path)
                await self._let_in(key, needed, scope, receive, sending)
            except Problem as problem:
                await _refused(scope, problem)(scope, receive, sending)

    async def _let_in(self, key: Key, needed: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises Problem before anything was sent."""
        scope[KEY_ID] = key.id
        audited = needed in OF_CUSTOMERS
        if needed and needed not in key.scopes:
            if audited:
                self._audit.write(key, scope["method"], _route(scope), Kind.MISSING_SCOPE.status, Noted())
            raise Problem(Kind.MISSING_SCOPE, f"the key {key.name!r} may not {needed}")
        if not audited:
            await self._guarded(scope, receive, send)
            return
        if self._inside >= MOST_INSIDE:
            raise Problem(Kind.OVERLOADED, f"{MOST_INSIDE} requests wait already", retry_after=1)
        self._inside += 1
        try:
            await self._guarded(scope, receive, self._audited(key, scope, send))
        finally:
            self._inside -= 1

    def _audited(self, key: Key, scope: Scope, send: Send) -> Send:
        """Nothing is given out before its line is written."""
        noted: Noted = scope.setdefault(NOTED, Noted())

        async def audited(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._audit.write(key, scope["method"], _route(scope), message["status"], noted)
            await send(message)

        return audited

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A fault is logged by where it was; its message may hold what is of a customer."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s at %s\n%s", type(error).__name__, _route(scope), where)

    def _readiness(self, scope: Scope) -> Response:
        if self._is_ready():
            return Response(msgspec.json.encode(answer.ReadyForAll()), media_type="application/json")
        return _refused(scope, Problem(Kind.NOT_READY, "nothing that is published is loaded yet"))


def _needed(path: str) -> str:
    if (needed := scope_of(path)) is None:
        raise Problem(Kind.UNKNOWN_ROUTE, f"{path!r} is no route; /v1/openapi.json lists them")
    return needed


def _authorization(scope: Scope) -> str | None:
    """Several of them are as good as a wrong one."""
    came = [value for name, value in scope["headers"] if name == b"authorization"]
    return b",".join(came).decode("latin-1") if came else None


def _route(scope: Scope) -> str:
    """The path, without what stands in it of a customer."""
    path: str = scope["path"]
    return next((prefix + "…" for prefix in UNDER if path.startswith(prefix)), path)


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *HEADERS]
        await send(message)

    return with_headers


def _refused(scope: Scope, problem: Problem) -> Response:
    headers = {}
    if problem.kind in (Kind.NO_KEY, Kind.WRONG_KEY):
        headers["WWW-Authenticate"] = 'Bearer realm="holdfast"'
    if seconds := problem.more.get("retry_after"):
        headers["Retry-After"] = str(seconds)
    return refusal(Request(scope), problem, headers)
