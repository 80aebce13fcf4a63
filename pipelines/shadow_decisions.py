"""`holdfast shadow --decisions VERSION`: what a challenger would have decided where the service did.

The service bears no shadow. Its log names the base, the moment, the policy and the week of every decision, so
a challenger's answer can be made afterwards, from the facts that the service had, as `holdfast replay` makes
the old one again. That costs the service nothing, and any version can be asked about any period that is kept.
"""

from collections import Counter
from contextlib import closing
from typing import Any

import numpy as np

from decisions.bounds import read_bounds
from decisions.policy import read_policy
from pipelines.as_of import open_base
from pipelines.configuration import configuration
from pipelines.fetch import fetch_shadow
from pipelines.shadow import AT_ONCE, Shadow
from pipelines.shadow_answer import ERASED, REPEATED, Compared, Opened, answers, why_not
from pipelines.shadow_outcome import Floats, Said, outcome, outcome_table
from pipelines.terminal import bar, grid
from pipelines.watch import BOUNDS
from releases.customer_key import CustomerKeys
from releases.decision import Decision
from releases.decision_archive import decisions_between
from releases.decision_record import Erased, decision_of
from releases.home import Home
from tables.history import Histories
from tables.moment import FOREVER, from_micros, parse_moment, to_micros


def compare_decisions(home: Home, version: int, since: str | None, until: str | None) -> dict[str, Any]:
    """Of the decisions made from `since` until before `until` (days or instants by the service's clock): what
    both said and chose, and what happened where the horizon is over. Raises Refused when there is no such
    version, or the log is damaged."""
    shadow = fetch_shadow(home, version)
    with bar("verifying the base") as progress:
        _, histories = open_base(home, progress)
    zone = histories.time_zone
    begin, end = (to_micros(parse_moment(each, zone)) if each else None for each in (since, until))
    left_out: Counter[str] = Counter()
    asked = _asked(home, begin or 0, FOREVER if end is None else end, left_out)
    rows = _compared(home, shadow, asked, left_out)
    told = {
        "model": shadow.model,
        "version": version,
        "since": since,
        "until": until,
        "decisions": sum(left_out.values()) + len(rows),
        "compared": len(rows),
        "left_out": {why: number for why, number in left_out.items() if number},
        "says": "",
    }
    if not rows:
        return told | {"says": "no decision could be compared"}
    return told | _beside(rows) | _happened(histories, shadow, rows)


def _asked(home: Home, since: int, until: int, left_out: "Counter[str]") -> list[Decision]:
    """What the log can still say, one decision a customer, moment and model."""
    last: dict[tuple[str, int, str], Decision] = {}
    with closing(CustomerKeys(home.decisions, home.key())) as keys:
        for body in decisions_between(home, since, until):
            try:
                made = decision_of(body, keys)
            except Erased:
                left_out[ERASED] += 1
                continue
            key = made.customer_id, made.setting.moment, made.setting.bundle
            before = last.get(key)
            left_out[REPEATED] += before is not None
            if before is None or before.decision_id < made.decision_id:
                last[key] = made
    return list(last.values())


def _compared(home: Home, shadow: Shadow, asked: list[Decision], left_out: "Counter[str]") -> list[Compared]:
    """Decisions made with the same things at the same moment are made again together."""
    together: dict[tuple[Any, ...], list[Decision]] = {}
    for made in asked:
        what = made.setting
        key = what.bundle, what.policy, what.week, what.base, what.moment, what.events
        together.setdefault(key, []).append(made)
    rows: list[Compared] = []
    opened = Opened(home)
    done = 0
    with bar("decisions") as progress:
        for group in together.values():
            why = why_not(opened, shadow, group[0])
            if why:
                left_out[why] += len(group)
            else:
                for k in range(0, len(group), AT_ONCE):
                    rows += answers(opened, shadow, group[k : k + AT_ONCE], left_out)
            done += len(group)
            progress(done, len(asked))
    return rows


def _beside(rows: list[Compared]) -> dict[str, Any]:
    """How far the two agree, before anything is known of what happened."""
    ours, theirs = _churn(rows)
    moments = [each.moment for each in rows]
    return {
        "customers": len({each.customer_id for each in rows}),
        "moments": [from_micros(each(moments)).isoformat() for each in (min, max)],
        "same_choice": float(np.mean([each.chosen == each.shadow_chosen for each in rows])),
        "offers": {
            "shadow": sum(each.shadow_chosen != "" for each in rows),
            "champion": sum(each.chosen != "" for each in rows),
            "given": sum(each.given != "" for each in rows),
        },
        "mean_churn": {"shadow": float(ours.mean()), "service": float(theirs.mean())},
        "mean_distance": float(np.abs(ours - theirs).mean()),
    }


def _churn(rows: list[Compared]) -> tuple[Floats, Floats]:
    """The shadow's and the service's, shape (decisions,)."""
    return np.array([each.shadow_churn for each in rows]), np.array([each.churn for each in rows])


def _happened(histories: Histories, shadow: Shadow, rows: list[Compared]) -> dict[str, Any]:
    """Of the rows whose horizon is over, as the base of today knows it."""
    question = shadow.bundle.question
    places = histories.find([each.customer_id for each in rows])
    moments = np.array([each.moment for each in rows])
    known = (moments + question.known_after <= histories.last_at) & (places >= 0)
    least = read_bounds(configuration() / BOUNDS).outcomes.least_customers
    customers = len(np.unique(places[known]))
    if customers < least:
        return {"says": f"what came is known of {customers} customers; {least} are needed to compare"}
    ours, theirs = (each[known] for each in _churn(rows))
    rate = read_policy(configuration() / "policy.yaml").margin_rate
    return outcome(histories, question, Said(places[known], moments[known], ours, theirs), rate, "service")


def render(result: dict[str, Any]) -> list[Any]:
    parts: list[Any] = []
    name = f"version {result['version']}"
    if result["compared"]:
        offers = result["offers"]
        row = [
            name,
            f"{result['compared']:,}",
            f"{result['customers']:,}",
            f"{result['same_choice']:.1%}",
            f"{offers['shadow']:,} / {offers['champion']:,} / {offers['given']:,}",
            f"{result['mean_distance']:.3f}",
        ]
        head = [
            "shadow",
            "decisions",
            "customers",
            "same choice",
            "offers: shadow / champion / given",
            "mean distance of promises",
        ]
        parts.append(grid("The service's decisions", head, [row]))
    if result["left_out"]:
        counts = [[why, number] for why, number in sorted(result["left_out"].items())]
        parts.append(grid(f"Left out, of {result['decisions']:,}", ["because", "decisions"], counts))
    if result["says"]:
        parts.append(result["says"])
    if "ahead" in result:
        span = " to ".join(each[:10] for each in result["moments"])
        parts.append(outcome_table("decisions", "service", [([span, str(result["version"])], result)]))
    return parts
