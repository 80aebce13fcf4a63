"""What Prometheus reads: how long requests took, what was scored, chosen and refused, what is being served.

Of several workers, whichever is asked answers for all: counts stand in files of the server's folder, one for
each place a worker can take, so a worker that is started anew goes on counting where the one before it died.
"""

import math
import os
import time
from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import psutil
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from releases.decision import Decision
from serving.crew import Crew, Standing
from serving.served import Window
from tables.offer import Offer

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
PROBABILITIES = tuple(k / 10 for k in range(1, 11))
MICROSECONDS = 1e6


def share(crew: Crew) -> None:
    """From now on, what this process counts stands where the others find it; before anything is counted."""
    folder = counted_in(crew)
    folder.mkdir(exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: crew.worker)  # type: ignore[no-untyped-call]


def counted_in(crew: Crew) -> Path:
    return crew.folder / "metrics"


class Metrics:
    """One registry of our own: BentoML's counts its own routes, which are not served."""

    def __init__(self, window: Window) -> None:
        own = CollectorRegistry()
        self._seconds = Histogram(
            "holdfast_request_seconds",
            "Time to answer a request",
            ("route", "status"),
            buckets=SECONDS,
            registry=own,
        )
        self._churn = Histogram(
            "holdfast_churn_probability",
            "Churn probabilities of who was asked for",
            buckets=PROBABILITIES,
            registry=own,
        )
        self._decisions = Counter(
            "holdfast_decisions",
            "Decisions by kind of offer and channel, both empty where nothing was offered",
            ("kind", "channel"),
            registry=own,
        )
        self._considered = Counter(
            "holdfast_offers_considered",
            "Offers considered in decisions, by the rule that chose or refused them",
            ("why",),
            registry=own,
        )
        self._not_recorded = Counter(
            "holdfast_decisions_not_recorded",
            "Decisions not given out because the log could not be written",
            registry=own,
        )
        self._loads = Counter(
            "holdfast_loads",
            "Times a worker loaded what is published, by whether it serves it",
            ("result",),
            registry=own,
        )
        self._registry = own
        if window.crew:
            self._registry = CollectorRegistry()
            MultiProcessCollector(self._registry, str(counted_in(window.crew)))  # type: ignore[no-untyped-call]
        self._registry.register(_Workers(window))
        window.told = self._loaded
        # By route and status: to look them up each time takes longer than to count.
        self._seconds_of = cache(self._seconds.labels)

    def saw_score(self, probability: float | None) -> None:
        if probability is not None:
            self._churn.observe(probability)

    def decided(self, decisions: Sequence[Decision], offers: Iterable[Offer]) -> None:
        """Counts decisions that are on disk, those of a pass at once; offers: those of the policy."""
        kinds = {offer.offer_id: offer.kind for offer in offers}
        rules: Tally[str] = Tally()
        chosen: Tally[tuple[str, str]] = Tally()
        for decision in decisions:
            rules.update([each.why for each in decision.considered])
            channel = next((e.channel for e in decision.considered if e.offer == decision.chosen), "")
            chosen[kinds.get(decision.chosen, ""), channel] += 1
            (probability,) = decision.scores["churn"]
            self.saw_score(None if math.isnan(probability) else probability)
        for why, times in rules.items():
            self._considered.labels(why).inc(times)
        for labels, times in chosen.items():
            self._decisions.labels(*labels).inc(times)

    def not_recorded(self, decisions: int) -> None:
        self._not_recorded.inc(decisions)

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
                self._seconds_of(route, status).observe(time.perf_counter() - began)

        return timed

    def _loaded(self, is_served: bool) -> None:
        self._loads.labels("served" if is_served else "refused").inc()


class _Workers(Collector):
    """What each worker that lives says of itself, and what its process needs."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def collect(self) -> Iterator[Metric]:
        published = InfoMetricFamily("holdfast_published", "What a worker serves", labels=("worker",))
        moment = _gauge("holdfast_week_moment_seconds", "As of when the week speaks, Unix time")
        last = _gauge("holdfast_base_last_event_seconds", "When the base's last event happened, Unix time")
        refusing = _gauge("holdfast_refusing", "1 where what is published was refused")
        counters = _gauge("holdfast_counters_up", "0 where the counters could not be used when last asked")
        memory = _gauge("holdfast_worker_resident_bytes", "Memory of a worker, mapped files too")
        files = _gauge("holdfast_worker_open_files", "Open file descriptors of a worker")
        for each in self._standings():
            worker = (str(each.worker),)
            if now := each.serving:
                published.add_metric(worker, {"bundle": now.bundle, "policy": now.policy, "week": now.week})
                moment.add_metric(worker, each.moment / MICROSECONDS)
                last.add_metric(worker, each.last_event / MICROSECONDS)
            refusing.add_metric(worker, each.refused is not None)
            counters.add_metric(worker, not each.counters_down)
            try:
                process = psutil.Process(each.process)
                memory.add_metric(worker, process.memory_info().rss)
                files.add_metric(worker, process.num_fds())
            except psutil.NoSuchProcess:
                continue  # it ended since it was looked for
        yield from (published, moment, last, refusing, counters, memory, files)

    def _standings(self) -> list[Standing]:
        window, served = self._window, self._window.served
        if window.crew:
            return window.crew.all()
        return [
            Standing(
                1,
                os.getpid(),
                serving=served.published if served else None,
                refused=window.refused,
                moment=served.week.moment if served else 0,
                last_event=served.histories.last_at if served else 0,
                counters_down=window.counter.is_down,
            )
        ]


def _gauge(name: str, meaning: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=("worker",))
