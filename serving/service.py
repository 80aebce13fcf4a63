"""The BentoML service: BentoML runs and supervises the worker, our application answers every route.

BentoML's own routes answer errors in a form of their own and take NaN for a number; so ours stands before
them, and none of them is reached. It comes in as the innermost of BentoML's middlewares, and once the worker
begins it stands before those too: spans that are recorded nowhere and a timer a request, kept for a minute,
took a third of a millisecond and filled the collector's heap.
"""

import os
from pathlib import Path

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from releases.home import Home
from serving import connection, control
from serving.access import Access
from serving.application import application
from serving.collector import settle
from serving.served import Window


class Front:
    """Answers every request; `app`, BentoML's, is left its start and its end."""

    def __init__(self, app: ASGIApp) -> None:
        self._bento = app
        home = Home(Path(os.environ.get("HOLDFAST_HOME", "home")))
        self._window = Window(home)
        self._window.settle = settle
        self._ours = application(self._window, Access(home))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._ours(scope, receive, send)
            return
        scope["app"].middleware_stack = self
        self._window.start()
        try:
            await self._bento(scope, receive, send)
        finally:
            self._window.stop()


class Holdfast:
    """Scores, offers and what is known of customers, from what is published."""


service = bentoml.service(
    name="holdfast",
    workers=1,
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
