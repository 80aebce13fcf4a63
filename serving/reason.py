"""Reasons beside a decision: those that the week published, or computed from the facts as they are now."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from decisions.assess import Assessment, words_of
from models.reason import Money, reasons
from serving import answer
from serving.question import NO_REASONS, STORED, Reasons
from serving.served import Served
from tables.live import Snapshot
from tables.moment import from_micros

Flags = npt.NDArray[np.bool_]


def reasons_beside(
    served: Served, assessed: Assessment, histories: Snapshot, t: int, wanted: Sequence[Reasons]
) -> list[answer.ReasonsBeside | None]:
    """Of each customer assessed as of t, what was wanted of it.

    The week's are said where they still hold: at its own moment, or later while nothing more is known of the
    customer. Otherwise they are computed, so that nobody hears of a silence that has ended.
    """
    holds = holds_still(served, histories, assessed.facts.places, t)
    anew = [
        row for row, each in enumerate(wanted) if each != NO_REASONS and not (each == STORED and holds[row])
    ]
    computed = dict(zip(anew, _computed(served, assessed, t, anew), strict=True)) if anew else {}
    week = from_micros(served.week.moment)
    return [
        None
        if each == NO_REASONS
        else computed[row]
        if row in computed
        else answer.ReasonsBeside(
            moment=week,
            said=[
                answer.Words(en=english, zh=chinese)
                for english, chinese in served.reasons.said(int(assessed.facts.places[row]))
            ],
        )
        for row, each in enumerate(wanted)
    ]


def holds_still(served: Served, histories: Snapshot, places: npt.NDArray[np.int64], t: int) -> Flags:
    """Whose facts at t are the week's but for the time that passed; shape (customers,)."""
    moment, known = served.week.moment, places < len(served.histories)
    if t < moment or (t > moment and served.histories.last_at > moment):
        return np.zeros(len(places), dtype=bool)
    return known if t == moment else known & ~histories.changed(places)


def _computed(served: Served, assessed: Assessment, t: int, rows: list[int]) -> list[answer.ReasonsBeside]:
    chosen = np.array(rows)
    facts = assessed.facts._replace(values=assessed.facts.values[chosen])
    words = words_of(assessed._replace(facts=facts, status=assessed.status[chosen]), served.bundle.scorer)
    money = Money(served.histories.currency, served.histories.minor_units)
    moment = from_micros(t)
    return [
        answer.ReasonsBeside(
            moment=moment, said=[answer.Words(en=each.english, zh=each.chinese) for each in said]
        )
        for said in reasons(words, facts.values, facts.names, money)
    ]
