"""The judgement: a week held against all its bounds."""

from collections.abc import Sequence

from decisions.bounds import Bounds
from decisions.finding import Change, Finding
from decisions.finding_data import changed, gone_from, kept, late, shrunk
from decisions.finding_drift import drifted, means, missing
from models.comparison import Compared
from models.outcome import Outcome
from tables.arrival import Pace


def find(
    bounds: Bounds,
    compared: Compared,
    paces: Sequence[Pace],
    gone: Sequence[str],
    change: Change | None,
    outcomes: Sequence[Outcome],
    promised_auc: float | None,
    *,
    recent: bool,
    same_bundle: bool,
) -> tuple[Finding, ...]:
    """Every broken bound, those that stop first.

    gone: tables and columns ("table.column") that last week had; recent: whether what differs from last
    week may stop this one; same_bundle: whether that holds for scores too.
    """
    against_last = [
        *drifted(bounds, compared, "last_week"),
        *means(bounds, compared),
        *gone_from(bounds.tables, gone),
        *shrunk(bounds.tables, paces),
        *(changed(bounds.base, change) if change else ()),
    ]
    found = [
        *(
            each if recent and (same_bundle or not each.bound.startswith("scores.")) else _only_told(each)
            for each in against_last
        ),
        *drifted(bounds, compared, "training"),
        *missing(bounds, compared, recent),
        *late(bounds.tables, paces),
        *kept(bounds.outcomes, outcomes, promised_auc),
    ]
    rooms = ("tables", "facts", "scores", "base", "outcomes")  # causes before what they lead to
    return tuple(
        sorted(found, key=lambda each: (each.level != "stop", rooms.index(each.bound.split(".")[0])))
    )


def _only_told(finding: Finding) -> Finding:
    return Finding(**{**vars(finding), "level": "warn"})
