"""Who decides: requests that wait are decided together, in one pass, and written to the log together.

A decision is a few hundred calls of NumPy, whether for one customer or for fifty. So one thread takes all
that waits, and what comes meanwhile is the next group: nobody waits for a clock, and the more there is to do,
the less each costs. While a group waits for the disk, the next one is computed.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from serving.decision import Offered, next_best_offers
from serving.metric import Metrics
from serving.problem import Kind, Problem
from serving.question import AsOf, Deciding
from serving.served import Served, Window, log
from tables.refusal import Refused

# So many customers are decided for together at most; a request for more is decided by itself.
MOST_TOGETHER = 64
# One computes, one waits for the disk.
RUNNERS = 2


class _With(NamedTuple):
    """What must be the same for requests to be decided together."""

    served: Served
    as_of: AsOf | None

    def is_as(self, other: "_With") -> bool:
        return self.served is other.served and self.as_of == other.as_of


class Given(NamedTuple):
    """What a request is answered: JSON; its decisions, which are on disk."""

    body: bytes
    decision_ids: list[str]


@dataclass(frozen=True, eq=False)
class _Waiting:
    decided_with: _With
    asked: Deciding
    done: "asyncio.Future[Given]"


# Requests that were decided together, and what came of it.
_Part = tuple[list[_Waiting], Offered | Exception]


class Decider:
    """For the requests of one event loop. counted: whether its decisions are taken from the counters; they
    wait for a disk or another machine, so that those who do not should have a decider of their own."""

    def __init__(self, window: Window, metrics: Metrics, *, counted: bool) -> None:
        self._window = window
        self._metrics = metrics
        self._counted = counted
        self._waiting: deque[_Waiting] = deque()
        self._queueing = threading.Lock()
        self._computing = threading.Lock()
        self._runners = 0

    async def decide(self, served: Served, asked: Deciding) -> Given:
        """The answer, once its decisions are on disk; raises Problem."""
        loop = asyncio.get_running_loop()
        mine = _Waiting(_With(served, asked.as_of), asked, loop.create_future())
        if len(asked.customer_ids) > MOST_TOGETHER:
            loop.run_in_executor(None, lambda: self._finish([self._alone(mine)], loop))
            return await mine.done
        with self._queueing:
            self._waiting.append(mine)
            starts = self._runners < RUNNERS
            self._runners += starts
        if starts:
            loop.run_in_executor(None, self._run, loop)
        return await mine.done

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        """Decide group after group until nobody waits."""
        while True:
            with self._computing:
                group = self._next_group()
                parts = self._computed(group) if group else []
            if not group:
                return
            self._finish(parts, loop)

    def _next_group(self) -> list[_Waiting]:
        """All that wait for the same, the first of them first; nobody ends this runner."""
        with self._queueing:
            if not self._waiting:
                self._runners -= 1
                return []
            group: list[_Waiting] = []
            later: deque[_Waiting] = deque()
            seen: set[str] = set()
            size = 0
            first = self._waiting[0].decided_with
            for each in self._waiting:
                fits = size + len(each.asked.customer_ids) <= MOST_TOGETHER
                # A second decision that counts begins with what the first one took.
                again = self._counted and not seen.isdisjoint(each.asked.customer_ids)
                if each.decided_with.is_as(first) and fits and not again:
                    group.append(each)
                    seen.update(each.asked.customer_ids)
                    size += len(each.asked.customer_ids)
                else:
                    later.append(each)
            self._waiting = later
            return group

    def _computed(self, group: list[_Waiting]) -> list[_Part]:
        """The group in one pass. Who asks for somebody unknown is decided for alone, and everybody where the
        pass fails: nobody is refused for what another one asked."""
        try:
            return [self._pass(group)]
        except Exception as error:
            unknown = error.more.get("customer_ids", ()) if isinstance(error, Problem) else ()
            known = [each for each in group if unknown and not set(each.asked.customer_ids) & set(unknown)]
        parts = self._computed(known) if known else []
        return parts + [self._alone(each) for each in group if each not in known]

    def _alone(self, asked: _Waiting) -> _Part:
        try:
            return self._pass([asked])
        except Exception as error:
            return [asked], error

    def _pass(self, group: list[_Waiting]) -> _Part:
        served, as_of = group[0].decided_with
        counter = self._window.counter if self._counted else None
        return group, next_best_offers(served, [each.asked for each in group], as_of, counter)

    def _finish(self, parts: list[_Part], loop: asyncio.AbstractEventLoop) -> None:
        """Write to the log what was decided, then answer."""
        for group, offered in parts:
            outcomes: Sequence[Given | Exception]
            try:
                if isinstance(offered, Exception):
                    raise offered
                outcomes = self._recorded(group, offered)
            except Exception as error:
                outcomes = [error] * len(group)
            loop.call_soon_threadsafe(_answer, group, outcomes)

    def _recorded(self, group: list[_Waiting], offered: Offered) -> list[Given]:
        """The answers, once their decisions are on disk; raises Problem if they are not, and then what was
        taken is given back."""
        try:
            self._window.decisions.write(offered.decisions)
        except Refused as error:
            log.error("refused: %s", error)
            self._metrics.not_recorded(len(offered.decisions))
            if offered.takes:
                week = group[0].decided_with.served.published.week
                self._window.counter.give_back(week, offered.takes)
            detail = (
                "the log of decisions cannot be written (the service's log says why); nothing was decided"
            )
            raise Problem(Kind.NOT_RECORDED, detail) from error
        self._metrics.decided(offered.decisions, group[0].decided_with.served.policy.offers)
        made = iter(offered.decisions)
        return [
            Given(body, [next(made).decision_id for _ in each.asked.customer_ids])
            for each, body in zip(group, offered.answers, strict=True)
        ]


def _answer(group: list[_Waiting], outcomes: Sequence[Given | Exception]) -> None:
    for each, outcome in zip(group, outcomes, strict=True):
        if each.done.cancelled():
            continue  # nobody waits for it any more; the log has it
        if isinstance(outcome, Exception):
            each.done.set_exception(outcome)
        else:
            each.done.set_result(outcome)
