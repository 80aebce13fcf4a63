"""The routes, as one ASGI application."""

from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from releases.decision import new_id
from serving import answer, assessment
from serving.counter import Counter
from serving.decider import Decider
from serving.decision import is_counted
from serving.event import Events, OptOut
from serving.metric import Metrics
from serving.openapi import DOCUMENT
from serving.problem import Kind, Problem, on_failure, on_http_error, on_problem
from serving.question import (
    Asked,
    Customers,
    Deciding,
    Moment,
    idempotency_key,
    read_body,
    read_parameters,
)
from serving.recall import recalled
from serving.reported import reported
from serving.served import Served, Window
from tables.refusal import Refused

# A thread costs more than scoring a few customers; more of them must not keep the others waiting.
MOST_IN_THE_LOOP = 4
JSON = "application/json"
T = TypeVar("T")


def application(window: Window) -> ASGIApp:
    metrics = Metrics(lambda: window.served)
    deciding, counting = (Decider(window, counted=counted) for counted in (False, True))

    def served() -> Served:
        if window.served is None:
            raise Problem(Kind.NOT_READY, "what is published is being loaded, or was refused: see the log")
        return window.served

    async def score(request: Request) -> Response:
        asked, now = await read_body(request, Customers), served()

        def answered() -> Response:
            scores = assessment.score(now, asked.customer_ids, asked.as_of)
            for each in scores.customers:
                metrics.saw_score(each.churn_probability)
            return _json(scores)

        return await _aside(answered, waits=len(asked.customer_ids) > MOST_IN_THE_LOOP)

    async def next_best_offer(request: Request) -> Response:
        asked, now = await read_body(request, Deciding), served()
        decider = counting if is_counted(now, asked.as_of, asked.commit) else deciding
        return Response(await decider.decide(now, asked), media_type=JSON)

    async def customer(request: Request) -> Response:
        asked = read_parameters(request, Moment)
        return _json(assessment.customer(served(), request.path_params["customer_id"], asked.as_of))

    async def events(request: Request) -> Response:
        asked, now = await read_body(request, Events), served()
        key, body = idempotency_key(request), asked.model_dump_json().encode()

        def taken() -> Response:
            told = now.arrivals.take(asked.events, key, body)
            reported(now, window.counter, asked.events)
            return _json(told)

        return await _aside(taken, waits=True)

    async def opt_out(request: Request) -> Response:
        asked, now = await read_body(request, OptOut), served()
        key, body = idempotency_key(request), asked.model_dump_json().encode()
        event_id = f"opt-out-{new_id()}"
        return await _aside(lambda: _json(now.arrivals.opt_out(asked, event_id, key, body)), waits=True)

    async def published(request: Request) -> Response:
        read_parameters(request, Asked)
        return _json(assessment.published(served()))

    async def decision(request: Request) -> Response:
        read_parameters(request, Asked)
        name = request.path_params["decision_id"]
        return await _aside(lambda: _json(recalled(window.home, name)), waits=True)

    async def openapi(request: Request) -> Response:
        read_parameters(request, Asked)
        return Response(DOCUMENT, media_type=JSON)

    async def live(_request: Request) -> Response:
        return _json(answer.Alive(status="alive"))

    async def ready(_request: Request) -> Response:
        here = served()
        now = here.published
        counters = await _aside(lambda: _counters(window.counter, here), waits=True)
        with_what = {"bundle": now.bundle, "policy": now.policy, "week": now.week}
        return _json(answer.Ready(status="ready", counters=counters, **with_what))

    async def show_metrics(_request: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    routes = [
        Route("/v1/score", score, methods=["POST"]),
        Route("/v1/next-best-offer", next_best_offer, methods=["POST"]),
        Route("/v1/events", events, methods=["POST"]),
        Route("/v1/opt-out", opt_out, methods=["POST"]),
        Route("/v1/published", published),
        Route("/v1/decisions/{decision_id}", decision),
        Route("/v1/customers/{customer_id:path}", customer),
        Route("/v1/openapi.json", openapi),
        Route("/livez", live),
        Route("/readyz", ready),
        Route("/metrics", show_metrics),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={Problem: on_problem, HTTPException: on_http_error, Exception: on_failure},
    )
    app.router.redirect_slashes = False
    return metrics.timed(app, {route.endpoint: route.path for route in routes})


async def _aside(answered: Callable[[], T], *, waits: bool) -> T:
    return await run_in_threadpool(answered) if waits else answered()


def _counters(counter: Counter, served: Served) -> Literal["ready", "down"]:
    try:
        counter.look(served.published.week, served.remainder, ())
    except Refused:
        return "down"
    return "ready"


def _json(value: answer.Answer) -> Response:
    return Response(msgspec.json.encode(value), media_type=JSON)
