"""Errors as problem details (RFC 9457): the kinds there are, and how one is answered."""

import json
from enum import Enum
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Kind(Enum):
    """Status and title; the `type` URI is made from the name. What a name means never changes."""

    NOT_HTTP = (400, "This is no request of HTTP")
    NOT_JSON = (400, "The body is not JSON")
    NO_KEY = (401, "A key is needed")
    WRONG_KEY = (401, "The key is not good")
    OTHER_BASE = (403, "The key is one of another customer base")
    MISSING_SCOPE = (403, "The key is not allowed this")
    UNKNOWN_ROUTE = (404, "There is no such route")
    UNKNOWN_CUSTOMER = (404, "A customer is not known")
    UNKNOWN_DECISION = (404, "A decision is not known")
    METHOD_NOT_ALLOWED = (405, "The route does not know this method")
    EVENT_CONFLICT = (409, "The event says something else already")
    HEAD_TOO_SLOW = (408, "The head of the request did not arrive in time")
    BODY_TOO_SLOW = (408, "The body did not arrive in time")
    BODY_TOO_LARGE = (413, "The body is too large")
    WRONG_CONTENT_TYPE = (415, "The body is not declared as JSON")
    INVALID_REQUEST = (422, "The request is not what the route expects")
    KEY_REUSED = (422, "The idempotency key came with another request")
    RATE_LIMITED = (429, "The key asks too often")
    HEAD_TOO_LARGE = (431, "The head of the request is too large")
    INTERNAL_ERROR = (500, "The service failed")
    NOT_READY = (503, "Nothing is loaded yet")
    NOT_RECORDED = (503, "It could not be recorded")
    OVERLOADED = (503, "Too many requests wait already")
    KEYS_DAMAGED = (503, "The keys cannot be read")

    @property
    def status(self) -> int:
        return self.value[0]

    @property
    def title(self) -> str:
        return self.value[1]

    @property
    def uri(self) -> str:
        return f"urn:holdfast:problem:{self.name.lower().replace('_', '-')}"


class Problem(Exception):
    """A request that is refused. `more`: members beside the standard ones, as JSON values."""

    def __init__(self, kind: Kind, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.more = more


def invalid(*errors: dict[str, str]) -> Problem:
    """errors: field ('' for the whole body), expected, came."""
    first = errors[0]
    detail = f"{first['field'] or 'the body'}: expected {first['expected']}; came {first['came']}"
    return Problem(Kind.INVALID_REQUEST, detail, errors=list(errors))


def members(problem: Problem, instance: str) -> dict[str, Any]:
    kind = problem.kind
    return {
        "type": kind.uri,
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        "instance": instance,
        **problem.more,
    }


def answer(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    body = members(problem, quote(request.url.path))
    return Response(json.dumps(body), problem.kind.status, headers, MEDIA_TYPE)


def on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(request, error)


def on_http_error(request: Request, error: Exception) -> Response:
    """What the router itself refuses."""
    assert isinstance(error, HTTPException)
    if error.status_code == Kind.METHOD_NOT_ALLOWED.status:
        allowed = (error.headers or {}).get("Allow", "")
        detail = f"expected {allowed}; came {request.method}"
        return answer(request, Problem(Kind.METHOD_NOT_ALLOWED, detail), {"Allow": allowed})
    detail = f"{request.url.path!r} is no route; /v1/openapi.json lists them"
    return answer(request, Problem(Kind.UNKNOWN_ROUTE, detail))


def on_failure(request: Request, _error: Exception) -> Response:
    """A fault of ours: the log has it, the caller does not."""
    return answer(request, Problem(Kind.INTERNAL_ERROR, "the fault is in the service's log; try again"))
