"""The routes by which something comes in: events and opt-outs."""

from collections.abc import Callable

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from releases.decision import new_id
from serving import answer
from serving.audit import note
from serving.counter import Counter
from serving.event import Events, OptOut
from serving.gate import KEY_ID
from serving.question import idempotency_key, read_body
from serving.reported import reported
from serving.served import Served


def event_routes(served: Callable[[], Served], counter: Counter) -> list[Route]:
    """served: what is served now; raises Problem."""

    async def events(request: Request) -> Response:
        asked, now = await read_body(request, Events), served()
        key, body = _own_key(request), asked.model_dump_json().encode()
        note(request, now.published, [each.customer_id for each in asked.events])

        def taken() -> answer.EventsTaken:
            told = now.inbox.take(asked.events, key, body)
            reported(now, counter, asked.events)
            return told

        return _json(await run_in_threadpool(taken))

    async def opt_out(request: Request) -> Response:
        asked, now = await read_body(request, OptOut), served()
        key, body = _own_key(request), asked.model_dump_json().encode()
        note(request, now.published, [asked.customer_id])
        name = f"opt-out-{new_id()}"
        return _json(await run_in_threadpool(now.inbox.opt_out, asked, name, key, body))

    return [
        Route("/v1/events", events, methods=["POST"]),
        Route("/v1/opt-out", opt_out, methods=["POST"]),
    ]


def _own_key(request: Request) -> str:
    """Idempotency keys are the caller's own: two who happen to say the same mean two things."""
    said = idempotency_key(request)
    return said and f"{request.scope.get(KEY_ID, '')}:{said}"


def _json(told: answer.EventsTaken) -> Response:
    return Response(msgspec.json.encode(told), media_type="application/json")
