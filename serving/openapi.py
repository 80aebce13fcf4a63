"""The OpenAPI document, made from the classes of questions and answers and from the examples.

`python -m serving.openapi > serving/openapi.json` writes the copy that is checked in.
"""

import json
from typing import Any

import msgspec
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from releases.access import SCOPES
from serving import answer
from serving.event import Events, OptOut
from serving.example import (
    ANY_BODY,
    CUSTOMER,
    DECISION,
    EVENTS,
    EXAMPLES,
    OFFER,
    OPT_OUT,
    PUBLISHED,
    SCORE,
)
from serving.gate import OF_CUSTOMERS, scope_of
from serving.problem import MEDIA_TYPE, Kind
from serving.question import LONGEST_ID, LONGEST_KEY, Customers, Deciding, Moment

JSON = "application/json"
KEY = "key"
# What any route that asks for a key may answer, before it is reached.
KEYED = {
    Kind.NO_KEY: "No key came.",
    Kind.WRONG_KEY: "The key is not known, expired or revoked.",
    Kind.OTHER_BASE: "The key is one of another customer base.",
    Kind.MISSING_SCOPE: "The key is not allowed this.",
    Kind.RATE_LIMITED: "The key asks too often; Retry-After says how long to wait, in seconds.",
    Kind.KEYS_DAMAGED: "The service cannot read its keys, and knows none like this from before.",
}
REFERENCE = "#/components/schemas/{model}"
ANSWERS: dict[str, tuple[str, str, type[answer.Answer]]] = {
    SCORE: ("post", "Churn probability, expected value and reasons", answer.Scores),
    OFFER: ("post", "The next best offer, and why each of the others is not", answer.NextBestOffers),
    CUSTOMER: ("get", "What is known of one customer", answer.Customer),
    EVENTS: ("post", "What happened, seen by the next question", answer.EventsTaken),
    OPT_OUT: ("post", "What a customer no longer wants, from the next request on", answer.EventsTaken),
    DECISION: ("get", "A decision as it was made", answer.DecisionAnswer),
    PUBLISHED: ("get", "What is published, and how fresh it is", answer.Published),
    "/livez": ("get", "Whether the process runs", answer.Alive),
    "/readyz": ("get", "Whether something published is loaded", answer.Ready),
}


_CUSTOMER_ID = {"type": "string", "minLength": 1, "maxLength": LONGEST_ID}
ASKED: dict[str, type[BaseModel]] = {SCORE: Customers, OFFER: Deciding, EVENTS: Events, OPT_OUT: OptOut}


def document() -> dict[str, Any]:
    _, asked = models_json_schema([(model, "validation") for model in ASKED.values()], ref_template=REFERENCE)
    _, answered = msgspec.json.schema_components(
        [*(model for _, _, model in ANSWERS.values()), answer.ReadyForAll, answer.ProblemDetails],
        ref_template=REFERENCE.replace("{model}", "{name}"),
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Holdfast",
            "version": "1",
            "description": "Who is about to leave, why, and which offer changes that. "
            "Answers name the bundle, the policy, the week and the moment they were made with.",
        },
        "servers": [{"url": "http://127.0.0.1:3000"}],
        "paths": {path: {method: _operation(path)} for path, (method, _, _) in ANSWERS.items()} | _texts(),
        "security": [{KEY: []}],
        "components": {
            "securitySchemes": {
                KEY: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key as `holdfast keys create` prints it; its scopes are of "
                    f"{', '.join(SCOPES)}.",
                }
            },
            "schemas": dict(sorted((asked["$defs"] | answered).items())),
        },
    }


def _operation(path: str) -> dict[str, Any]:
    method, summary, model = ANSWERS[path]
    operation: dict[str, Any] = {
        "operationId": path.removeprefix("/v1/").partition("/{")[0].strip("/").replace("-", "_"),
        "summary": summary,
    }
    if path == CUSTOMER:
        moment = Moment.model_json_schema()["properties"]["as_of"]
        operation["parameters"] = [
            {"name": "customer_id", "in": "path", "required": True, "schema": _CUSTOMER_ID},
            {"name": "as_of", "in": "query", "description": moment.pop("description"), "schema": moment},
        ]
    if path == DECISION:
        operation["parameters"] = [
            {"name": "decision_id", "in": "path", "required": True, "schema": {"type": "string"}}
        ]
    if path in (EVENTS, OPT_OUT):
        operation["parameters"] = [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same again gives the first answer again, for a day.",
                "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
            }
        ]
    if method == "post":
        operation["requestBody"] = {
            "required": True,
            "content": {JSON: _content(ASKED[path], {e.name: e.body for e in EXAMPLES if e.path == path})},
        }
    operation["responses"] = _responses(path, model, takes_body=method == "post")
    if path == "/readyz":
        # A stranger is told no more than that it is ready.
        schemas = [{"$ref": REFERENCE.format(model=each.__name__)} for each in (model, answer.ReadyForAll)]
        operation["responses"]["200"]["content"][JSON]["schema"] = {"anyOf": schemas}
    return operation | _security(path)


def _security(path: str) -> dict[str, Any]:
    if path == "/livez":
        return {"security": []}
    if path == "/readyz":
        return {"security": [{}, {KEY: []}]}
    scope = scope_of(path)
    return {"security": [{KEY: [scope] if scope else []}]}


def _responses(path: str, model: type[answer.Answer], *, takes_body: bool) -> dict[str, Any]:
    mine = [example for example in EXAMPLES if example.path == path]
    responses: dict[str, Any] = {}
    for status in sorted({example.status for example in mine}):
        shown = {e.name: e.answer for e in mine if e.status == status}
        good = status == 200
        responses[str(status)] = {
            "description": "As asked" if good else next(k.title for k in Kind if _is(k, mine, status)),
            "content": {
                JSON if good else MEDIA_TYPE: _content(model if good else answer.ProblemDetails, shown)
            },
        }
    kinds = ANY_BODY if takes_body else {}
    if path != "/livez":
        kinds = kinds | {Kind.NOT_READY: "Nothing is loaded yet."} | KEYED
    if scope_of(path) in OF_CUSTOMERS:
        kinds = kinds | {Kind.OVERLOADED: "Too many requests wait already; ask again after Retry-After."}
    if path == OFFER:
        kinds |= {Kind.NOT_RECORDED: "The decision could not be recorded, so it is not given out."}
    if path == OPT_OUT:
        kinds |= {Kind.UNKNOWN_CUSTOMER: "The customer is not known."}
    if path in (EVENTS, OPT_OUT):
        kinds |= {
            Kind.NOT_RECORDED: "It could not be recorded, so nothing was taken.",
            Kind.KEY_REUSED: "The Idempotency-Key came before with another request.",
        }
    return _problems(responses, kinds)


def _problems(responses: dict[str, Any], kinds: dict[Kind, str]) -> dict[str, Any]:
    """The responses with those of these kinds of problems, in the order of their status."""
    for kind, description in kinds.items():
        shown = responses.get(str(kind.status), {})
        before = shown.get("description")
        said = f"{description} Type: {kind.uri}"
        responses[str(kind.status)] = {
            "description": f"{before} Or: {said}" if before else said,
            "content": shown.get("content") or {MEDIA_TYPE: _content(answer.ProblemDetails, {})},
        }
    return dict(sorted(responses.items()))


def _is(kind: Kind, examples: list[Any], status: int) -> bool:
    return any(e.status == status and e.answer.get("type") == kind.uri for e in examples)


def _content(model: type[BaseModel] | type[answer.Answer], examples: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": REFERENCE.format(model=model.__name__)}}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    return content


def _texts() -> dict[str, Any]:
    """The routes that answer no class of ours."""

    def text(name: str, summary: str, media_type: str) -> dict[str, Any]:
        responses = {"200": {"description": summary, "content": {media_type: {}}}}
        problems = _problems(responses, KEYED)
        return {"get": {"operationId": name, "summary": summary, "responses": problems}}

    return {
        path: {"get": text["get"] | _security(path)}
        for path, text in {
            "/v1/openapi.json": text("openapi", "This document", JSON),
            "/metrics": text("metrics", "Figures of the service for Prometheus", "text/plain"),
        }.items()
    }


DOCUMENT = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"

if __name__ == "__main__":
    print(DOCUMENT, end="")
