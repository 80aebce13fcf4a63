"""The routes, as one ASGI application."""

import asyncio
from collections.abc import Callable
from typing import Literal, TypeVar

from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from releases.counter import Take
from releases.decision import Decision
from releases.decision_log import SECONDS_TO_DISK, DecisionLog
from serving import answer, assessment
from serving.access import Access
from serving.audit import Audit, note
from serving.counter import Counter
from serving.gate import Gate
from serving.metric import Metrics
from serving.openapi import DOCUMENT
from serving.problem import Kind, Problem, on_failure, on_http_error, on_problem
from serving.question import Asked, Customers, Deciding, Moment, one_customer, read_body, read_parameters
from serving.served import Served, Window, log
from tables.refusal import Refused

# A thread costs more than scoring a few customers; more of them must not keep the others waiting.
MOST_IN_THE_LOOP = 4
T = TypeVar("T")


def application(window: Window, access: Access | None = None) -> ASGIApp:
    """Without `access` nobody's key is looked at: for who asks from within the process."""
    metrics = Metrics(lambda: window.served)

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

        return await _aside(answered, len(asked.customer_ids))

    async def next_best_offer(request: Request) -> Response:
        asked, now = await read_body(request, Deciding), served()
        note(request, now.published, asked.customer_ids)
        counted = assessment.is_counted(now, asked.as_of, asked.commit)
        counter = window.counter if counted else None

        def answered() -> tuple[Response, list[Decision], list[Take]]:
            found = assessment.next_best_offer(now, asked.customer_ids, asked.as_of, counter)
            return _json(found.answer), found.decisions, found.takes

        # The counters are a disk or another machine: nobody else waits for them.
        waits = counted or len(asked.customer_ids) > MOST_IN_THE_LOOP
        response, decisions, takes = await (run_in_threadpool(answered) if waits else _here(answered))
        try:
            await _record(window.decisions, decisions)
        except Problem:
            if takes:
                await run_in_threadpool(window.counter.give_back, now.published.week, takes)
            raise
        note(request, decisions=[each.decision_id for each in decisions])
        return response

    async def customer(request: Request) -> Response:
        asked, now = read_parameters(request, Moment), served()
        customer_id = one_customer(request.path_params["customer_id"])
        note(request, now.published, [customer_id])
        return _json(assessment.customer(now, customer_id, asked.as_of))

    async def openapi(request: Request) -> Response:
        read_parameters(request, Asked)
        return Response(DOCUMENT, media_type="application/json")

    async def live(_request: Request) -> Response:
        return _json(answer.Alive())

    async def ready(_request: Request) -> Response:
        here = served()
        now = here.published
        counters = await run_in_threadpool(_counters, window.counter, here)
        return _json(answer.Ready(counters=counters, bundle=now.bundle, policy=now.policy, week=now.week))

    async def show_metrics(_request: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    routes = [
        Route("/v1/score", score, methods=["POST"]),
        Route("/v1/next-best-offer", next_best_offer, methods=["POST"]),
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


async def _aside(answered: Callable[[], T], customers: int) -> T:
    return answered() if customers <= MOST_IN_THE_LOOP else await run_in_threadpool(answered)


async def _here(answered: Callable[[], T]) -> T:
    return answered()


def _counters(counter: Counter, served: Served) -> Literal["ready", "down"]:
    try:
        counter.look(served.published.week, served.remainder, ())
    except Refused:
        return "down"
    return "ready"


async def _record(decisions_log: DecisionLog, decisions: list[Decision]) -> None:
    """Returns once the decisions are on disk; raises Problem if they are not, so that none is given out."""
    try:
        async with asyncio.timeout(SECONDS_TO_DISK):
            await asyncio.wrap_future(decisions_log.append(decisions))
    except (Refused, TimeoutError) as error:
        log.error("refused: %s", str(error) or f"decisions were not on disk within {SECONDS_TO_DISK} s")
        detail = "the log of decisions cannot be written (the service's log says why); nothing was decided"
        raise Problem(Kind.NOT_RECORDED, detail) from error


def _json(value: BaseModel) -> Response:
    return Response(value.model_dump_json(), media_type="application/json")
