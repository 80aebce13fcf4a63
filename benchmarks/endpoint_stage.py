"""What a decision's own time goes to, stage by stage, in this process: for one customer and for a group."""

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from decisions.assess import IN_BASE, Assessment, spread, status_of
from decisions.choice import choose
from decisions.circumstance import circumstances
from decisions.standing import standing_of
from features.reader import read_facts
from models.scorer import Scores
from releases.decision import Setting, circumstances_of, decided, new_id
from releases.decision_log import DecisionLog
from releases.home import Home
from serving.answer import ReasonsBeside
from serving.decision import found_of, next_best_offers
from serving.question import WEEK, Deciding, parse
from serving.segment import segments_of
from serving.served import Served

T = TypeVar("T")


def stages(served: Served, groups: list[list[str]]) -> dict[str, float]:
    """Milliseconds a group by stage, the median of the groups; and `whole`, the pass as the service runs it,
    without question and log."""
    spent: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        log = DecisionLog(Home(Path(folder)))
        for group in groups:
            _warm_log(log, served, group)
            for name, seconds in _once(served, group, log).items():
                spent[name].append(seconds)
        log.close()
    return {name: round(float(np.median(each)) * 1e3, 3) for name, each in spent.items()}


def _warm_log(log: DecisionLog, served: Served, group: list[str]) -> None:
    """A customer's first decision makes them a key, which is forced to disk of its own."""
    log.write(next_best_offers(served, _asked(group), WEEK).decisions)


def _asked(group: list[str]) -> list[Deciding]:
    return [Deciding(customer_ids=[each], as_of=WEEK) for each in group]


def _once(served: Served, group: list[str], log: DecisionLog) -> dict[str, float]:
    spent: dict[str, float] = {}

    def timed(name: str, run: Callable[[], T]) -> T:
        begun = time.perf_counter()
        result = run()
        spent[name] = time.perf_counter() - begun
        return result

    frozen, bundle, histories, t = served.policy, served.bundle, served.histories, served.week.moment
    policy, offers, scorer = frozen.policy, frozen.offers, bundle.scorer
    bodies = [json.dumps({"customer_ids": [each]}).encode() for each in group]
    timed("question", lambda: [Deciding.model_validate(parse(body)) for body in bodies])
    places = timed("find", lambda: served.inbox.snapshot(group)).places
    facts = timed("facts", lambda: read_facts(histories, places, t))

    def scored() -> tuple[object, Scores]:
        status = status_of(facts, bundle.question)
        inside = np.flatnonzero(status == IN_BASE)
        scores = scorer.score(facts.values[inside], facts.names, offers, t)
        return status, Scores(*(spread(part, inside, len(places), np.nan) for part in scores))

    status, scores = timed("scores", scored)
    standing = timed("life cycle", lambda: standing_of(histories, places, t, policy, facts, scores))
    who = timed("consents, contacts", lambda: circumstances(histories, places, t, facts, standing, policy))
    assessed = Assessment(facts, status, scores, standing, who)  # type: ignore[arg-type]
    segments = timed("segments", lambda: standing.segments(policy, frozen.frozen))
    reserved = served.reserved.at(places)
    choices = timed(
        "choice", lambda: choose(scores, offers, who, segments, policy, t, served.market, reserved)
    )
    now = served.published
    setting = Setting(now.bundle, now.policy, now.week, served.week.base, t, circumstances_of(served.market))
    names = [new_id() for _ in group]
    decisions = timed("record", lambda: decided(names, [setting] * len(group), offers, assessed, choices))

    def answered() -> list[bytes]:
        told = segments_of(frozen, segments, standing)
        nothing: list[ReasonsBeside | None] = [None] * len(group)
        found = found_of(served, assessed, choices, told, nothing, [each.decision_id for each in decisions])
        return [msgspec.json.encode(each) for each in found]

    timed("answer", answered)
    timed("log, on disk", lambda: log.write(decisions))
    timed("whole", lambda: next_best_offers(served, _asked(group), WEEK))
    return spent
