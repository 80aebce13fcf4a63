"""The BentoML service: BentoML runs and supervises the worker, our application answers every route.

BentoML's own routes answer errors in a form of their own and take NaN for a number; so ours stands before
them, and none of them is reached. It comes in as the innermost of BentoML's middlewares, and once the worker
begins it stands before those too: spans that are recorded nowhere and a timer a request, kept for a minute,
took 0.4 ms, more than half of what a request cost that asks for nothing.
"""

import asyncio
import os
from pathlib import Path

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from releases.home import Home
from serving import connection, control
from serving.collector import settle
from serving.crew import Crew
from serving.lean import leave_out
from serving.variable import EXAMPLE, SERVER, WORKERS
from tables.sealed import write_whole


class Front:
    """Answers every request; `app`, BentoML's, is left its start and its end."""

    def __init__(self, app: ASGIApp) -> None:
        # The supervisor reads this file too, and needs none of these to start its workers.
        leave_out()
        from serving.access import Access  # noqa: PLC0415
        from serving.application import application  # noqa: PLC0415
        from serving.metric import share  # noqa: PLC0415
        from serving.served import Window  # noqa: PLC0415

        self._bento = app
        home = Home(Path(os.environ.get("HOLDFAST_HOME", "home")))
        crew = _crew()
        if crew:
            share(crew)
        self._window = Window(home, crew)
        self._window.settle = settle
        self._ours = application(self._window, Access(home))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._ours(scope, receive, send)
            return
        scope["app"].middleware_stack = self
        # Only then does the worker accept connections: until it can answer, the others do.
        await asyncio.to_thread(self._start)
        try:
            await self._bento(scope, receive, send)
        finally:
            self._window.stop()

    def _start(self) -> None:
        """Load; who is the first to serve names somebody whom the greeting may ask for."""
        self._window.start()
        served, crew = self._window.served, self._window.crew
        if served and crew and not (crew.folder / EXAMPLE).exists():
            customer = example_customer(self._window.home.weeks / served.published.week)
            write_whole(crew.folder / EXAMPLE, customer)


def example_customer(week: Path) -> str:
    """Somebody of the week, with a score where there is one."""
    from decisions.assess import IN_BASE  # noqa: PLC0415
    from releases.week import week_parts  # noqa: PLC0415

    first = next(week_parts(week, columns=["customer_id", "status"]))
    rows = first.slice(0, 1000).to_pylist()
    return str(next((row for row in rows if row["status"] == IN_BASE), rows[0])["customer_id"])


def _crew() -> Crew | None:
    """The workers of this server; None of a single one that `bentoml serve` started."""
    folder = os.environ.get(SERVER)
    if folder:
        return Crew(Path(folder), int(bentoml.server_context.worker_index or 1))
    if number_of_workers() > 1:
        raise RuntimeError("several workers have nowhere to agree; start them with `python -m serving.run`")
    return None


def number_of_workers() -> int:
    return int(os.environ.get(WORKERS, "1"))


class Holdfast:
    """Scores, offers and what is known of customers, from what is published."""


service = bentoml.service(
    name="holdfast",
    workers=number_of_workers(),
    http={"host": "127.0.0.1"},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    envs=[
        # One customer is too little work to share: on busy cores, waiting for a second thread made 3 ms 200.
        {"name": "OMP_NUM_THREADS", "value": "1"},
        {"name": "OTEL_SDK_DISABLED", "value": "true"},
    ],
)(Holdfast)
service.add_asgi_middleware(Front)
connection.install()
control.make_private()
