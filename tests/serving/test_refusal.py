"""What is refused, with which problem; the server answers afterwards (the client fixture asks it)."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

ID = "c-0000001"
JSON = {"content-type": "application/json"}
BODIES = ("/v1/score", "/v1/next-best-offer")
LATER = "2999-12-31T00:00:00+00:00"


def assert_problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["type"] == f"urn:holdfast:problem:{kind}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"].startswith("/")
    return problem


@pytest.mark.parametrize("route", BODIES)
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"customer_ids": []}', "customer_ids"),
        ('{"customer_ids": ["c-0000001", "c-0000001"]}', "customer_ids"),
        ('{"customer_ids": "c-0000001"}', "customer_ids"),
        ('{"customer_ids": [1]}', "customer_ids.0"),
        ('{"customer_ids": [null]}', "customer_ids.0"),
        ('{"customer_ids": [""]}', "customer_ids.0"),
        ('{"customer_ids": ["\\ud800"]}', "customer_ids.0"),
        ('{"customer_ids": [NaN]}', ""),
        ('{"customer_ids": ["c-0000001"], "as_of": Infinity}', ""),
        ('{"customer_ids": ["c-0000001"], "as_of": -Infinity}', ""),
        ('{"customer_ids": ["c-0000001"], "as_of": 1e999}', "as_of"),
        ('{"customer_ids": ["c-0000001"], "as_of": 0}', "as_of"),
        ('{"customer_ids": ["c-0000001"], "as_of": "yesterday"}', "as_of"),
        ('{"customer_ids": ["c-0000001"], "as_of": "2026-10-01T00:00:00"}', "as_of"),
        ('{"customer_ids": ["c-0000001"], "as_of": "1066-10-14T09:00:00+00:00"}', "as_of"),
        ('{"customer_ids": ["c-0000001"], "as_of": "0001-01-01T00:00:00+14:00"}', "as_of"),
        (f'{{"customer_ids": ["c-0000001"], "as_of": "{LATER}"}}', "as_of"),
        ('{"customer_ids": ["c-0000001"], "limit": 3}', "limit"),
        ('{"customer_ids": ["c-0000001"], "customer_ids": ["c-0000002"]}', "customer_ids"),
        ("{}", "customer_ids"),
        ("[]", ""),
        ("null", ""),
        ("1", ""),
    ],
)
def test_a_wrong_body_is_named_by_field(client: httpx.Client, route: str, body: str, field: str) -> None:
    problem = assert_problem(client.post(route, content=body, headers=JSON), 422, "invalid-request")
    assert problem["errors"][0]["field"] == field


def test_more_customers_than_a_batch_holds_are_refused(client: httpx.Client) -> None:
    ids = [f"c-{k:07}" for k in range(1001)]
    problem = assert_problem(client.post("/v1/score", json={"customer_ids": ids}), 422, "invalid-request")
    assert "1000" in problem["detail"]


def test_a_batch_as_large_as_may_be_is_answered(client: httpx.Client) -> None:
    ids = [f"c-{k:07}" for k in range(1000)]
    answer = client.post("/v1/score", json={"customer_ids": ids})
    assert [each["customer_id"] for each in answer.json()["customers"]] == ids


@pytest.mark.parametrize("route", BODIES)
def test_one_unknown_customer_refuses_the_batch_and_is_named(client: httpx.Client, route: str) -> None:
    response = client.post(route, json={"customer_ids": [ID, "nobody", "né—谁", "zzzz"]})
    assert assert_problem(response, 404, "unknown-customer")["customer_ids"] == ["nobody", "né—谁", "zzzz"]


@pytest.mark.parametrize("customer", ["nobody", "a/b", "%2e%2e%2f", "%00", "%ff", "", "谁"])
def test_an_unknown_customer_is_not_found(client: httpx.Client, customer: str) -> None:
    assert_problem(client.get(f"/v1/customers/{customer}"), 404, "unknown-customer")


@pytest.mark.parametrize(
    "query", ["as_of=yesterday", "as_of=NaN", "as_of=2026-10-01", "limit=3", "as_of=&as_of="]
)
def test_wrong_parameters_are_refused(client: httpx.Client, query: str) -> None:
    assert_problem(client.get(f"/v1/customers/{ID}?{query}"), 422, "invalid-request")


def test_parameters_of_a_route_that_has_none_are_refused(client: httpx.Client) -> None:
    response = client.post("/v1/score?limit=3", json={"customer_ids": [ID]})
    assert_problem(response, 422, "invalid-request")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{'customer_ids': ['a']}", b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"[" * 100_000, b"1" * 100_000],
    ids=["nothing", "half", "python", "utf-16", "byte order mark", "deep", "long number"],
)
def test_what_is_not_json_is_refused(client: httpx.Client, body: bytes) -> None:
    assert_problem(client.post("/v1/score", content=body, headers=JSON), 400, "not-json")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_another_content_type_is_refused(client: httpx.Client, kind: str) -> None:
    response = client.post("/v1/score", content=b"{}", headers={"content-type": kind})
    assert_problem(response, 415, "wrong-content-type")


def test_a_charset_beside_the_content_type_is_allowed(client: httpx.Client) -> None:
    headers = {"content-type": "application/json; charset=utf-8"}
    response = client.post("/v1/score", content=f'{{"customer_ids": ["{ID}"]}}', headers=headers)
    assert response.status_code == 200


def test_a_body_that_is_too_large_is_refused(client: httpx.Client) -> None:
    body = b" " * (2 * 1024 * 1024)
    assert_problem(client.post("/v1/score", content=body, headers=JSON), 413, "body-too-large")


def test_a_body_that_is_too_large_and_does_not_say_so_is_refused(client: httpx.Client) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(64):
            yield b" " * 65_536

    assert_problem(client.post("/v1/score", content=parts(), headers=JSON), 413, "body-too-large")


@pytest.mark.parametrize(
    "route",
    [
        "/",
        "/v1",
        "/v1/",
        "/v1/scores",
        "/v1/score/",
        "/docs.json",
        "/schema.json",
        "/healthz",
        "/static_content",
    ],
)
def test_there_are_no_other_routes(client: httpx.Client, route: str) -> None:
    assert_problem(client.get(route), 404, "unknown-route")


@pytest.mark.parametrize(
    ("method", "route", "allowed"),
    [
        ("GET", "/v1/score", "POST"),
        ("PUT", "/v1/next-best-offer", "POST"),
        ("DELETE", "/v1/customers/c-0000001", "GET, HEAD"),
        ("POST", "/readyz", "GET, HEAD"),
        ("POST", "/metrics", "GET, HEAD"),
    ],
)
def test_another_method_is_refused(client: httpx.Client, method: str, route: str, allowed: str) -> None:
    response = client.request(method, route)
    assert_problem(response, 405, "method-not-allowed")
    assert sorted(re.split(", ", response.headers["allow"])) == sorted(re.split(", ", allowed))
