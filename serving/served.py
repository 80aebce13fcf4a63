"""What is served: one immutable object behind one reference, so that to change it is an assignment."""

import json
import logging
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from decisions.assess import assess
from decisions.choice import Market, Reserved
from releases.bundle import Bundle, read_bundle
from releases.decision_log import DecisionLog
from releases.event_store import open_journal
from releases.home import Home, Published
from releases.policy import FrozenPolicy, read_frozen_policy
from releases.reservation import market_of, remainder_of, reserved_of
from releases.week import WeekAbout, read_week_about
from releases.week_reason import WeekReasons, week_reasons
from serving.clock import Clock
from serving.counter import Counter
from serving.crew import Crew
from serving.inbox import Inbox
from tables.history import NEARLY_ALL, Histories, read_histories
from tables.once import forget
from tables.refusal import Refused
from tables.sealed import FileHashes, file_hash, verify
from tables.source import BASE

# A roll-back is effective after this and the time that loading takes.
SECONDS_BETWEEN_LOOKS = 0.5
# 1: time goes on from the week's moment (serving.clock).
SANDBOX = "HOLDFAST_SANDBOX"
SIMULATED = "simulator"
# A child of BentoML's logger: the handlers are there.
log = logging.getLogger("bentoml.holdfast")


@dataclass(frozen=True)
class Served:
    """What the pointer named when it was loaded, verified. remainder: what the week left of each limit."""

    published: Published
    bundle: Bundle
    policy: FrozenPolicy
    week: WeekAbout
    inbox: Inbox
    market: Market
    remainder: npt.NDArray[np.float64]
    reserved: Reserved
    reasons: WeekReasons

    @property
    def histories(self) -> Histories:
        """Of the week's base, without what came since."""
        return self.inbox.stored


def load(
    home: Home,
    published: Published,
    before: Served | None = None,
    clock: Clock | None = None,
    hash_of: Callable[[Path], str] = file_hash,
) -> Served:
    """Verify and load what is published; raises Refused. Histories already held are not read again.

    hash_of: of a base's files.
    """
    if not (published.bundle and published.policy and published.week):
        raise Refused("nothing is published yet; run `holdfast score`")
    forget()  # or what was worked out of all policies and bundles before would keep them
    key = home.key()
    week = read_week_about(home.weeks / published.week, key)
    if before and before.week.base == week.base:
        inbox = before.inbox
    else:
        base = home.bases / week.base
        verify(base, hash_of=hash_of)
        clock = clock or Clock()
        if clock.is_sandbox:
            _require_simulated(base)
            clock.begin(week.moment)
        histories = read_histories(base / "histories", NEARLY_ALL)
        histories.open()
        inbox = Inbox(histories, open_journal(home), clock)
    policy = read_frozen_policy(home.policies / published.policy, key)
    served = Served(
        published=published,
        bundle=read_bundle(home.bundles / published.bundle, key),
        policy=policy,
        market=market_of(week, policy),
        remainder=remainder_of(week),
        reserved=reserved_of(home.weeks / published.week, policy),
        reasons=week_reasons(home.weeks / published.week),
        week=week,
        inbox=inbox,
    )
    # The first reading compiles; nobody should wait for it.
    somebody = served.inbox.snapshot(
        served.histories.ids_of(np.arange(min(1, len(served.histories)))).tolist()
    )
    assessed = assess(
        somebody,
        somebody.places,
        week.moment,
        served.bundle.scorer,
        served.bundle.question,
        served.policy.offers,
        served.policy.policy,
    )
    assessed.standing.segments(policy.policy, policy.frozen)
    return served


def _require_simulated(base: Path) -> None:
    """Raises Refused for a base of real customers: a sandbox's clock is not theirs."""
    source = json.loads((base / "tables" / BASE).read_text(encoding="utf-8"))["source"]
    if source != SIMULATED:
        raise Refused(f"{base}: a sandbox is for simulated customers; these came from {source!r}")


class Window:
    """Shows what is served now, looks all the time whether something else was published, and holds the log of
    what is decided from it and the counters of what was given out.

    crew: the workers of this server, who change together. told: called with True for every load that is
    served from then on, with False for one that was refused.
    """

    def __init__(self, home: Home, crew: Crew | None = None) -> None:
        self.home = home
        self.crew = crew
        self.served: Served | None = None
        self.refused: Published | None = None
        self.told: Callable[[bool], None] = lambda _: None
        # What the process does after each load (serving.collector).
        self.settle: Callable[[], None] = lambda: None
        self.decisions = DecisionLog(home)
        self.counter = Counter(home)
        self.clock = Clock(sandbox=os.environ.get(SANDBOX) == "1")
        # The way back is short, and a week shares most files with the one before: to hash all of a base of
        # 3,000,000 takes some ten seconds.
        self._hash_of = FileHashes()
        self._looked_at: Published | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Returns once something is served, or was refused; then goes on looking."""
        last = self.crew.last_served() if self.crew else None
        if last:
            self._attempt(lambda: self._show(load(self.home, last, None, self.clock, self._hash_of)))
        if self.served is None:
            self._attempt(self.look)
        threading.Thread(target=self._watch, name="published", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self.decisions.close()
        self.counter.close()

    def look(self) -> None:
        """Load what is published if it is new; what is refused leaves the old one in its place."""
        published = self.home.published()
        if published == self._looked_at:
            return
        if self.served and published == self.served.published:  # what was refused is not published any more
            self._looked_at, self.refused = published, None
            if self.crew:
                self.crew.tell(refused=None)
            return
        try:
            served = load(self.home, published, self.served, self.clock, self._hash_of)
            if self.crew and not self.crew.agree(published, lambda: self.home.published() != published):
                return
        except Refused as error:
            # Refused once is refused until something else is published.
            self._looked_at = self.refused = published
            if self.crew:
                self.crew.tell(ready=None, refused=published)
            self.told(False)
            log.error("refused: %s: %s; serving %s", _named(published), error, self._current())
            return
        self._show(served)

    def _show(self, served: Served) -> None:
        self.served, self._looked_at, self.refused = served, served.published, None
        if self.crew:
            self.crew.serves(served.published, served.week.moment, served.histories.last_at)
        self.settle()
        self.told(True)
        log.info("serving %s", self._current())

    def _watch(self) -> None:
        while not self._stopped.wait(SECONDS_BETWEEN_LOOKS):
            self._attempt(self.look)
            if self.crew is None:
                continue
            if self.crew.mine.counters_down != self.counter.is_down:
                self._attempt(self._tell_counters)
            if self.crew.is_orphaned:
                log.error("the supervisor is gone; this worker ends too")
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _tell_counters(self) -> None:
        assert self.crew
        self.crew.tell(counters_down=self.counter.is_down)

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:  # a full disk, a pointer that cannot be read: the next look may succeed
            log.exception("what is published could not be loaded; serving %s", self._current())

    def _current(self) -> str:
        return _named(self.served.published) if self.served else "nothing"


def _named(published: Published) -> str:
    return f"bundle {published.bundle}, policy {published.policy}, week {published.week}"
