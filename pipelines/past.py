"""What is asked of weeks already published: who left the base since, and whether their promises were kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from decisions.assess import IN_BASE
from decisions.bounds import OutcomeBounds
from decisions.finding import Change
from features.profile import contract
from models.outcome import Outcome, Promised, outcome_of
from models.question import CONTRACT
from releases.watch import KeptWeek, Memory, read_columns, read_memory, verified
from tables.history import Histories
from tables.moment import DAY

STEP = 28 * DAY
SEED = 7


def outcomes_of(
    kept: Sequence[KeptWeek],
    key: bytes,
    t: int,
    histories: Histories,
    bounds: OutcomeBounds,
    *,
    margin_rate: float,
) -> list[Outcome]:
    """Of the kept weeks whose horizon was over at t, one each four weeks, the oldest first."""
    found: list[Outcome] = []
    for week in reversed(kept):
        if len(found) == bounds.most_weeks:
            break
        if (found and found[-1].moment - week.moment < STEP) or not verified(week, key):
            continue
        memory = read_memory(week.folder)
        if memory is None or week.moment + memory.question.known_after > t:
            continue
        if memory.question.kind == CONTRACT and not histories.present.issuperset(contract.sources):
            continue  # this base cannot tell what came of them
        promised = _promised(week, memory, histories, bounds.most_customers)
        if len(promised.places) < bounds.least_customers:
            continue
        least = bounds.least_customers
        found.append(outcome_of(histories, memory.question, promised, margin_rate=margin_rate, least=least))
    return found[::-1]


def change_of(last: Path, week: Path) -> Change:
    """Who left the base since last week and who came, by name; both are folders of weeks."""
    before, now = _in_base(last), _in_base(week)
    stayed = int(pc.sum(pc.is_in(before, value_set=now)).as_py() or 0)
    return Change(lost=len(before) - stayed, gained=len(now) - stayed, before=len(before))


def _in_base(week: Path) -> Any:
    rows = read_columns(week, ["customer_id", "status"])
    return rows.filter(pc.equal(rows["status"], IN_BASE))["customer_id"].combine_chunks()


def _promised(week: KeptWeek, memory: Memory, histories: Histories, most: int) -> Promised:
    wanted = ["customer_id", "status", "churn_probability", "expected_value", "risk_band"]
    rows = read_columns(week.folder, [*wanted, "chosen_offer", "held_out"])
    rows = rows.filter(pc.equal(rows["status"], IN_BASE))
    if len(rows) > most:
        lots = np.random.default_rng(SEED).random(len(rows))  # a hash of three million names takes longer
        rows = rows.filter(pa.array(lots < most / len(rows)))
    place = pc.index_in(rows["customer_id"], value_set=pa.array(histories.ids, pa.string()))
    known = rows.filter(pc.is_valid(place))
    held = known["held_out"].to_numpy()
    given = pc.is_valid(known["chosen_offer"]).to_numpy()
    offer = np.where(held, "held out", np.where(given, "given an offer", "no offer")).astype(object)
    return Promised(
        moment=week.moment,
        bundle=memory.bundle,
        places=pc.drop_null(place).to_numpy().astype(np.int64),
        churn=known["churn_probability"].to_numpy(),
        value=known["expected_value"].to_numpy(),
        labels={"risk": known["risk_band"].to_numpy().astype(object), "offer": offer},
        unknown=len(rows) - len(known),
    )
