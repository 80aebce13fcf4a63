"""How a bad request is written down: as the bytes of one connection, in parts.

A number between the parts is a pause in seconds. `%KEY%` is replaced by a key that may do everything,
`%READER%` by one that may only read, and so on (test_bad_input.keys).
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from serving.problem import Kind

ID = "c-0000001"
SCORE, OFFER = "/v1/score", "/v1/next-best-offer"
MIB = 1024 * 1024
Part = bytes | float


class Class(NamedTuple):
    """problem: None where nobody can be answered, and the connection ends."""

    problem: Kind | None
    cases: list[tuple[Part, ...]]


def head(method: str, path: str, *headers: str, key: str | None = "Bearer %KEY%") -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "host: holdfast",
        *([f"authorization: {key}"] if key is not None else []),
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def get(path: str, *headers: str, key: str | None = "Bearer %KEY%", method: str = "GET") -> tuple[Part, ...]:
    return (head(method, path, *headers, key=key),)


def post(
    body: Any,
    path: str = SCORE,
    *,
    kind: str | None = "application/json",
    headers: Iterable[str] = (),
    key: str | None = "Bearer %KEY%",
    method: str = "POST",
) -> tuple[Part, ...]:
    """body: bytes as they are; anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    stated = [f"content-type: {kind}"] if kind is not None else []
    length = f"content-length: {len(content)}"
    return (head(method, path, *stated, length, *headers, key=key) + content,)


def chunked(*chunks: bytes) -> tuple[Part, ...]:
    begin = head("POST", SCORE, "content-type: application/json", "transfer-encoding: chunked")
    return (begin, *chunks)


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def both(*bodies: Any) -> list[tuple[Part, ...]]:
    return [post(body, path) for body in bodies for path in (SCORE, OFFER)]


def ids(*named: Any) -> list[tuple[Part, ...]]:
    return both(*({"customer_ids": [each]} for each in named))


def texts(*bodies: str) -> list[tuple[Part, ...]]:
    return both(*(body.encode() for body in bodies))


def as_of(*moments: Any) -> list[tuple[Part, ...]]:
    return both(*({"customer_ids": [ID], "as_of": each} for each in moments))


def customers(*paths: str) -> list[tuple[Part, ...]]:
    return [get(f"/v1/customers/{each}") for each in paths]


def authorized(*values: str | None) -> list[tuple[Part, ...]]:
    """Every kind of route, the unknown ones too."""
    asked = {"customer_ids": [ID]}
    return [
        each
        for value in values
        for each in (
            post(asked, key=value),
            get(f"/v1/customers/{ID}", key=value),
            get("/metrics", key=value),
            get("/docs.json", key=value),
        )
    ]
