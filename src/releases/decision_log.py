"""The log of decisions: appended to by one thread a process, on disk before anybody is told.

A decision that waits is written at once, and those that come while the disk is busy are written together the
next time: they share one forced write, and nobody waits for a clock.
"""

import contextlib
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import NamedTuple

from releases.customer_key import CustomerKeys
from releases.decision import Decision
from releases.decision_record import record_of
from releases.home import Home
from releases.log_chain import SEGMENT_BYTES, Chain, claim
from tables.refusal import Refused

# How long an answer waits for the disk before it is not given. A disk that needs longer is as good as none.
SECONDS_TO_DISK = 5.0
# Written together at most, so that the first of them need not wait for thousands.
MOST_AT_ONCE = 1000


class _Waiting(NamedTuple):
    decisions: tuple[Decision, ...]
    done: "Future[None]"


class DecisionLog:
    """The decisions of one process, for any number of threads.

    Nothing is opened before the first decision: who only scores needs no log.
    """

    def __init__(self, home: Home, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._home = home
        self._segment_bytes = segment_bytes
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._keys: CustomerKeys | None = None
        self._chain: Chain | None = None

    def append(self, decisions: Sequence[Decision]) -> "Future[None]":
        """Done once all of them are on disk; Refused when they cannot be, and then none of them counts."""
        done: Future[None] = Future()
        with self._starting:
            if self._closed:
                raise Refused(f"{self._home.decisions}: the log is closed; nothing more is decided")
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="decisions", daemon=True)
                self._thread.start()
            self._waiting.put(_Waiting(tuple(decisions), done))
        return done

    def write(self, decisions: Sequence[Decision]) -> None:
        """Append and wait; raises Refused."""
        done = self.append(decisions)
        try:
            done.result(SECONDS_TO_DISK)
        except TimeoutError as error:
            done.cancel()
            raise Refused(f"{self._home.decisions}: not on disk within {SECONDS_TO_DISK} seconds") from error

    def close(self) -> None:
        """Write what waits, then let the chain go for the next process."""
        with self._starting:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._waiting.put(None)
            thread.join()

    def _serve(self) -> None:
        try:
            going_on = True
            while going_on:
                going_on = self._commit_next()
        finally:
            self._let_go()

    def _commit_next(self) -> bool:
        """Write all that waits, up to MOST_AT_ONCE; False when the log was closed."""
        waiting: list[_Waiting] = []
        each = self._waiting.get()
        with contextlib.suppress(queue.Empty):
            while each is not None:
                if each.done.set_running_or_notify_cancel():
                    waiting.append(each)
                if sum(len(one.decisions) for one in waiting) >= MOST_AT_ONCE:
                    break
                each = self._waiting.get_nowait()
        if waiting:
            self._commit(waiting)
        return each is not None

    def _commit(self, waiting: list[_Waiting]) -> None:
        failed: Refused | None = None
        try:
            self._write([decision for each in waiting for decision in each.decisions])
        except Refused as error:
            failed = error
        except Exception as error:  # whatever it is, nobody shall wait for ever
            failed = Refused(f"{self._home.decisions}: the log cannot be written ({error})")
            failed.__cause__ = error
        for each in waiting:
            if failed is None:
                each.done.set_result(None)
            else:
                each.done.set_exception(failed)

    def _write(self, decisions: list[Decision]) -> None:
        if self._keys is None:
            self._keys = CustomerKeys(self._home.decisions, self._home.key())
        if self._chain is None:
            self._chain = claim(self._home.decisions, self._home.key(), self._segment_bytes)
        # On disk before the first record that needs them.
        keys = self._keys.in_use(dict.fromkeys(each.customer_id for each in decisions))
        self._chain.append((each.decision_id, record_of(each, keys[each.customer_id])) for each in decisions)

    def _let_go(self) -> None:
        if self._chain is not None:
            self._chain.close()
        if self._keys is not None:
            self._keys.close()
