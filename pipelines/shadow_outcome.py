"""Who was right: a challenger's promises and those that were given, held against what happened, paired."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.frame import churned_after
from models.lift import captured_at
from models.metric import auc, brier, calibration_error, with_interval
from models.paired import paired
from models.question import Question
from models.stake import stake_of
from pipelines.terminal import grid
from tables.history import Histories

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
DEPTH = 0.2


class Said(NamedTuple):
    """Churn as both promised it, of customers by their places at moments (microseconds); shape (rows,)."""

    places: Int64s
    moments: Int64s
    shadow: Floats
    given: Floats


def outcome(
    histories: Histories, question: Question, said: Said, margin_rate: float, given: str
) -> dict[str, Any]:
    """What came of it, for both, and the differences with intervals over customers; given: what the promises
    that were given are called. Every moment's horizon must be over."""
    happened = churned_after(histories, question, said.places, said.moments)
    stake = stake_of(histories, question, said.places, said.moments, margin_rate)
    ours, theirs, who = said.shadow, said.given, said.places
    ranked = paired(auc, ours, theirs, happened, who)
    return {
        "customers_known": len(np.unique(who)),
        "happened": float(happened.mean()),
        "promised": {"shadow": float(ours.mean()), given: float(theirs.mean())},
        "auc": {"shadow": ranked.ours, given: ranked.theirs},
        "calibration_error": {
            "shadow": with_interval(calibration_error, ours, happened, who),
            given: with_interval(calibration_error, theirs, happened, who),
        },
        "ahead": {
            "auc": ranked.ahead,
            "brier": paired(brier, ours, theirs, happened, who).ahead,
            "captured": paired(captured_at(DEPTH), ours * stake, theirs * stake, happened * stake, who).ahead,
        },
    }


def outcome_table(name: str, given: str, rows: list[tuple[list[str], dict[str, Any]]]) -> Any:
    """A line for each: what it is called, and what `outcome` says of it."""
    lines = []
    for called, each in rows:
        ahead, money = each["ahead"], each["ahead"]["captured"]
        lines.append(
            [
                *called,
                str(each["auc"]["shadow"]),
                str(each["auc"][given]),
                str(ahead["auc"]),
                str(ahead["brier"]),
                f"{money.value:,.1f} ({money.low:,.1f}–{money.high:,.1f})",
            ]
        )
    head = [name, "version", "AUC", f"AUC of the {given}", "AUC ahead", "Brier ahead", "captured ahead"]
    return grid(f"What happened: shadow less {given}", head, lines)
