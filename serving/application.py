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

from releases.home import Published
from serving import answer, assessment
from serving.access import Access
from serving.audit import Audit, note
from serving.counter import Counter
from serving.decider import Decider
from serving.decision import is_counted
from serving.event_route import event_routes
from serving.gate import Gate
from serving.metric import Metrics
from serving.openapi import DOCUMENT
from serving.problem import Kind, Problem, on_failure, on_http_error, on_problem
from serving.question import (
    Asked,
    Customers,
    Deciding,
    Moment,
    one_customer,
    read_body,
    read_parameters,
)
from serving.recall import recalled
from serving.served import Served, Window
from tables.refusal import Refused

# A thread costs more than scoring a few customers; more of them must not keep the others waiting.
MOST_IN_THE_LOOP = 4
JSON = "application/json"
T = TypeVar("T")


def application(window: Window, access: Access | None = None) -> ASGIApp:
    """Without `access` nobody's key is looked at: for who asks from within the process."""
    metrics = Metrics(window)
    deciding, counting = (Decider(window, metrics, counted=counted) for counted in (False, True))

    def served() -> Served:
        if window.served is None:
            raise Problem(Kind.NOT_READY, "what is published is being loaded, or was refused: see the log")
        return window.served

    async def score(request: Request) -> Response:
        asked, now = await read_body(request, Customers), served()
        note(request, now.published, asked.customer_ids)

        def answered() -> Response:
            scores = assessment.score(now, asked.customer_ids, asked.as_of)
            for each in scores.customers:
                metrics.saw_score(each.churn_probability)
            return _json(scores)

        return await _aside(answered, waits=len(asked.customer_ids) > MOST_IN_THE_LOOP)

    async def next_best_offer(request: Request) -> Response:
        asked, now = await read_body(request, Deciding), served()
        note(request, now.published, asked.customer_ids)
        decider = counting if is_counted(now, asked.as_of, asked.commit) else deciding
        given = await decider.decide(now, asked)
        note(request, decisions=given.decision_ids)
        return Response(given.body, media_type=JSON)

    async def customer(request: Request) -> Response:
        asked, now = read_parameters(request, Moment), served()
        customer_id = one_customer(request.path_params["customer_id"])
        note(request, now.published, [customer_id])
        return _json(assessment.customer(now, customer_id, asked.as_of))

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
        refused = _refused(window.refused)
        return _json(answer.Ready(status="ready", counters=counters, refused=refused, **with_what))

    async def show_metrics(_request: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    routes = [
        Route("/v1/score", score, methods=["POST"]),
        Route("/v1/next-best-offer", next_best_offer, methods=["POST"]),
        *event_routes(served, window.counter),
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
    inside = (
        app if access is None else Gate(app, access, Audit(window.home), lambda: window.served is not None)
    )
    return metrics.timed(inside, {route.endpoint: route.path for route in routes})


async def _aside(answered: Callable[[], T], *, waits: bool) -> T:
    return await run_in_threadpool(answered) if waits else answered()


def _counters(counter: Counter, served: Served) -> Literal["ready", "down"]:
    try:
        counter.look(served.published.week, served.remainder, ())
    except Refused:
        return "down"
    return "ready"


def _refused(published: Published | None) -> answer.RefusedAnswer | None:
    if published is None:
        return None
    return answer.RefusedAnswer(bundle=published.bundle, policy=published.policy, week=published.week)


def _json(value: answer.Answer) -> Response:
    return Response(msgspec.json.encode(value), media_type=JSON)
