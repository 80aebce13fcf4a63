"""The week, the service and replay say the same to the bit: facts, scores, and at the same prices choices.

Everybody is decided for as of the week's moment by the service's own functions, a thousand at once and some
alone, and held against the week's rows and facts read for the whole base; some decisions go through the log
and are replayed. The last line of the output is one JSON object.
"""

import argparse
import functools
import json
import platform
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.endpoint_home import made_home
from features.reader import read_facts
from pipelines import replay as replay_job
from releases.decision import Decision, facts_hash
from releases.home import Home
from releases.week import read_week_rows
from serving.decision import next_best_offers
from serving.question import WEEK, Deciding
from serving.served import Served, Window

AT_ONCE = 1000
ALONE, REPLAYED = 2000, 500


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--folder", type=Path, help="where the home is, or is made; by default a passing one")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = asked.folder or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        print(json.dumps(compare(Home(made_home(folder, asked.customers)))))


def compare(home: Home) -> dict[str, Any]:
    window = Window(home)
    window.look()
    served = window.served
    assert served is not None
    ids = served.histories.ids.tolist()
    began = time.perf_counter()
    together = [d for k in range(0, len(ids), AT_ONCE) for d in decided(served, ids[k : k + AT_ONCE])]
    seconds = time.perf_counter() - began
    some = random.Random(1).sample(range(len(ids)), min(ALONE, len(ids)))
    alone = {k: decided(served, [ids[k]])[0] for k in some}
    different = Counter(
        {
            "facts against the batch": other_facts(served, together),
            "scores and choices against the week": other_rows(home, together),
            "alone against together": sum(not same(alone[k], together[k]) for k in some),
            "replayed": other_replays(window, [together[k] for k in some[:REPLAYED]]),
        }
    )
    window.stop()
    return {
        "claim": (__doc__ or "").splitlines()[0],
        "size": {"customers": len(ids), "alone": len(some), "replayed": min(REPLAYED, len(some))},
        "different": dict(different),
        "decisions_per_second": len(ids) / seconds,
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "holds": not sum(different.values()),
    }


def decided(served: Served, ids: list[str]) -> list[Decision]:
    return next_best_offers(served, [Deciding(customer_ids=ids, as_of=WEEK)], WEEK).decisions


def same(one: Decision, other: Decision) -> bool:
    """But for their names, which are drawn."""
    return text_of(one) == text_of(other)


def text_of(each: Decision) -> str:
    """All of it; repr tells floats apart to the bit, and nan is nan."""
    return repr(
        (each.setting, each.propensity, each.customer_id, each.status, each.held_out, each.facts)
    ) + repr((each.scores, each.chosen, each.considered))


def other_facts(served: Served, decisions: list[Decision]) -> int:
    """Of how many customers the facts are not those read for the whole base at once."""
    histories = served.histories
    facts = read_facts(histories, np.arange(len(histories)), served.week.moment)
    return sum(facts_hash(facts, k) != each.facts for k, each in enumerate(decisions))


def other_rows(home: Home, decisions: list[Decision]) -> int:
    """How many customers the week scored, or chose for, in another way."""
    rows = read_week_rows(home.weeks / home.published().week)
    assert rows["customer_id"].to_pylist() == [each.customer_id for each in decisions]
    columns = ("churn_probability", "expected_value", "chosen_offer", "chosen_channel", "held_out")
    week = list(zip(*(rows[name].to_pylist() for name in columns), strict=True))
    return sum(
        row
        != (number(each.scores["churn"][0]), number(each.scores["value"][0]), *chosen(each), each.held_out)
        for row, each in zip(week, decisions, strict=True)
    )


def chosen(each: Decision) -> tuple[str | None, str | None]:
    channel = next((one.channel for one in each.considered if one.offer == each.chosen), None)
    return (each.chosen or None, channel if each.chosen else None)


def number(value: float) -> float | None:
    return None if np.isnan(value) else value


def other_replays(window: Window, decisions: list[Decision]) -> int:
    """How many come out different when they are made again from the log."""
    for k in range(0, len(decisions), AT_ONCE):
        window.decisions.write(decisions[k : k + AT_ONCE])
    found = 0
    with pytest.MonkeyPatch.context() as patch:
        for name in ("read_bundle", "read_frozen_policy", "read_week_about", "read_event_histories"):
            patch.setattr(replay_job, name, functools.cache(getattr(replay_job, name)))
        for each in decisions:
            found += not replay_job.replay(window.home, each.decision_id, None)["same"]
    return found


if __name__ == "__main__":
    main()
