"""What Prometheus reads: how long requests took, what the scores look like, what is being served."""

import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import InfoMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.served import Served

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
PROBABILITIES = tuple(k / 10 for k in range(1, 11))


class Metrics(Collector):
    """One registry of our own: BentoML's counts its own routes, which are not served."""

    def __init__(self, served: Callable[[], Served | None]) -> None:
        self._served = served
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "holdfast_request_seconds",
            "Time to answer a request",
            ("route", "status"),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._churn = Histogram(
            "holdfast_churn_probability",
            "Churn probabilities answered",
            buckets=PROBABILITIES,
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    def collect(self) -> Iterator[InfoMetricFamily]:
        family = InfoMetricFamily("holdfast_published", "What is being served")
        if served := self._served():
            now = served.published
            family.add_metric((), {"bundle": now.bundle, "policy": now.policy, "week": now.week})
        yield family

    def saw_score(self, probability: float | None) -> None:
        if probability is not None:
            self._churn.observe(probability)

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def timed(self, app: ASGIApp, routes: dict[object, str]) -> ASGIApp:
        """The app with every request counted; routes: endpoint -> the route's path."""

        async def timed(scope: Scope, receive: Receive, send: Send) -> None:
            status = "500"
            began = time.perf_counter()

            async def watched(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = str(message["status"])
                await send(message)

            try:
                await app(scope, receive, watched)
            finally:
                # The router leaves in the scope what it found; a path that nobody serves is no label.
                route = routes.get(scope.get("endpoint"), "unknown")
                self._seconds.labels(route, status).observe(time.perf_counter() - began)

        return timed
