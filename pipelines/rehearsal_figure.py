"""What a rehearsal says: money with intervals over customers, fatigue, and who changed tier."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from decisions.reach import Cap
from decisions.segment import Segments
from models.metric import Interval, interval_of, resamples
from pipelines.rehearsal import Course
from pipelines.rehearsal_guarantee import made, most_in_days
from simulator.past import Past

Floats = npt.NDArray[np.float64]
REPLICATES = 400
MONTH = Cap(name="28 days", contacts=1, days=28)


def sums(amounts: Floats) -> list[Interval]:
    """The sum of each column over customers with its 95 % percentile interval; amounts: shape (customers,
    columns), each customer's own difference, so that what is paired stays paired."""
    drawn = np.array([weight @ amounts for weight in resamples(len(amounts), REPLICATES)])
    return [interval_of(float(total), drawn[:, k]) for k, total in enumerate(amounts.sum(axis=0))]


def arm_figures(past: Past, course: Course, beside: Course) -> dict[str, Any]:
    """Money (minor units) less that of `beside`, customer by customer; counts of what came."""
    ahead = (course.net - beside.net).T
    weeks = ahead.shape[1]
    found = sums(np.column_stack([ahead.sum(axis=1), ahead, np.cumsum(ahead, axis=1)]))
    ledger = made(past, course)
    contacts = [int(each.is_sent.sum()) for each in course.sent]
    viewed = [seen / told if told else None for seen, told in zip(course.viewed, contacts, strict=True)]
    each = np.bincount(ledger.customer, minlength=ahead.shape[0])
    return {
        "net_value": found[0]._asdict(),
        "margin": float(np.sum(course.margin)),
        "rewards": float(np.sum(course.rewards)),
        "contact_cost": float(np.sum(course.contacting)),
        "promised": float(np.sum(course.expected)),
        "contacts": int(each.sum()),
        "contacts_a_customer": float(each.mean()),
        "contacted": int((each > 0).sum()),
        "most_in_28_days": most_in_days(ledger, MONTH),
        "view_rate": float(np.sum(course.viewed) / each.sum()) if each.sum() else None,
        "redeemed": int(np.sum(course.redeemed)),
        "withdrew": int(sum(len(who) for who in course.withdrew)),
        "complaints": int(np.sum(course.complaints)),
        "active_at_the_end": course.active[-1],
        "by_week": [
            {
                "net_value": found[1 + k]._asdict(),
                "so_far": found[1 + weeks + k]._asdict(),
                "contacts": contacts[k],
                "view_rate": viewed[k],
                "withdrew": len(course.withdrew[k]),
                "active": course.active[k],
            }
            for k in range(weeks)
        ],
    }


def tier_moves(before: Segments, after: Mapping[str, Segments]) -> dict[str, dict[str, dict[str, int]]]:
    """By scheme and arm: who stands higher and who lower at the end than at the beginning."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for scheme, labels in before.tiers.items():
        found[scheme] = {}
        for name, segments in after.items():
            first, last = labels.place, segments.tiers[scheme].place
            known = (first >= 0) & (last >= 0)
            found[scheme][name] = {
                "up": int((known & (last < first)).sum()),
                "down": int((known & (last > first)).sum()),
            }
    return found
