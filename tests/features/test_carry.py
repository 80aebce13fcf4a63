"""The carry-over: facts of a customer whose old events were carried over are those of the whole history, to
the bit, and no carried total could be left out."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.carry import nothing_carried
from features.family import LONGEST
from features.reader import CARRIED, names_of, read_facts
from tables.history import Histories
from tables.moment import DAY

WHOLE = 2**62
BUSY = ("c000", "c001", "c002")
# In St. John's the clock went from one minute past midnight back to 23:01 of the day before.
BACK_IN_TIME = 1_289_097_060_000_000
# Half of what happens to the busy ones is old by then.
LATE = 1_767_744_000_000_000 + 300 * DAY


def busy_base(make: Callable[..., Any], seed: int, events: int, customers: int = 12) -> Any:
    """A random base of which three customers have many events of every kind; the second was merged into the
    first in every other base."""
    base = make(seed, customers=customers)
    for customer_id in BUSY:
        for name in CARRIED:
            for _ in range(base.random.randint(events // 2, events)):
                base.add_event(name, customer_id)
    for row in base.rows["customers"]:
        if row["customer_id"] in BUSY:
            row["merged_into"] = "c000" if row["customer_id"] == "c001" and seed % 2 else None
    for row in base.rows["interactions"]:  # sums of these depend on their order
        row["rating"] = None if row["rating"] is None else base.random.uniform(1, 5)
    for row in base.rows["points"]:  # so that some lapse soon
        row["points"] = row["points"] // 5 if row["kind"] != "earned" else row["points"]
        if base.random.random() < 0.3:
            row["expires_at"] = LATE + base.random.randint(-60, 91) * DAY
    for row in base.rows["transactions"]:  # so that orders follow the last return
        if base.random.random() < 0.97:
            row["quantity"], row["amount"] = abs(row["quantity"]), abs(row["amount"])
    first = min(row["at"] for row in base.rows["transactions"])
    for customer_id in BUSY:
        for day in range(0, 100, 9):
            row = base.new_row("transactions", customer_id)
            base.rows["transactions"].append(row | {"at": first + day * DAY, "known_at": first + 200 * DAY})
        row = base.new_row("interactions", customer_id)  # the first event of all is not one that stays
        base.rows["interactions"].append(row | {"at": first - 400 * DAY, "known_at": first, "kind": "visit"})
    return base


def unlike(histories: Histories, t: int, heavy: int) -> list[str]:
    """Facts that differ, in any bit, from those of the whole history."""
    everyone = np.arange(len(histories))
    whole = read_facts(histories, everyone, t, heavy=WHOLE).values.view(np.int64)
    cut = read_facts(histories, everyone, t, heavy=heavy).values.view(np.int64)
    return [names_of()[k] for k in np.flatnonzero((whole != cut).any(axis=0))]


@pytest.mark.parametrize("seed", range(6))
def test_carried_over_or_not_every_fact_is_the_same_to_the_bit(
    seed: int, random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path
) -> None:
    histories = busy_base(random_base, seed, 120).write(tmp_path)
    rng = np.random.default_rng(seed)
    later = rng.integers(moments[0] + LONGEST * DAY, moments[-1] + 900 * DAY, 12).tolist()
    for t in (*moments, LATE, *later):
        for heavy in (0, 25):
            assert not unlike(histories, t, heavy), f"at {t}, above {heavy}"


def test_a_clock_set_back_to_the_day_before_changes_nothing(
    random_base: Callable[..., Any], tmp_path: Path
) -> None:
    base = random_base(1, customers=1)
    base.zone = "America/St_Johns"
    for name in CARRIED:
        base.rows[name] = []
    minutes = [(-1500, 1), (-3, 1), (-1, -1), (0, 2), (20, 1), (61, 1), (61 + 1440, 1), (62 + 1440, 3)]
    for minute, quantity in minutes:
        row = base.new_row("transactions", "c000")
        at = BACK_IN_TIME + minute * 60_000_000
        base.rows["transactions"].append(row | {"at": at, "known_at": at, "quantity": quantity, "amount": 0})
    histories = base.write(tmp_path)
    for last in range(1, len(minutes) + 1):
        t = BACK_IN_TIME + minutes[last - 1][0] * 60_000_000
        assert not unlike(histories, t + LONGEST * DAY, 0)


FORGETTING = """
import json, sys
from pathlib import Path
import numpy as np
from features.carry import nothing_carried
from features.catalogue import FAMILIES
from features.family import as_python_reads
from features.reader import CARRIED, visible_history
from tables.history import read_histories

histories = read_histories(Path(sys.argv[1]))
families = [each for each in FAMILIES if "carried" in each.plain.__code__.co_names]
nothing, needed = nothing_carried(), {"anything": 0}

def facts(history, t):
    found = [value for each in families for value in each.plain(history, t)]
    return np.array([each for value in found for each in np.atleast_1d(value)], float).tobytes()

for t in map(int, sys.argv[2:]):
    for place in range(len(histories)):
        history = as_python_reads(visible_history(histories, place, t))
        whole, carried = facts(history, t), nothing._replace(first_at=min(
            (rows[0].at for rows in history[:-1] if len(rows)), default=nothing.first_at))
        for table, (carry, totals) in CARRIED.items():
            found = carry(getattr(history, table), t, 0)
            rows, of_rows = found if totals else (found, None)
            history = history._replace(**{table: rows})
            carried = carried._replace(**({totals: of_rows} if totals else {}))
        needed["anything"] += facts(history._replace(carried=carried), t) != whole
        for totals in ("lines", "points", "reviews"):
            kept, empty = getattr(carried, totals), getattr(nothing, totals)
            for field in empty._fields:
                less = carried._replace(**{totals: kept._replace(**{field: getattr(empty, field)})})
                name = f"{totals}.{field}"
                needed.setdefault(name, 0)
                needed[name] += facts(history._replace(carried=less), t) != whole
        less = carried._replace(first_at=nothing.first_at)
        needed["first_at"] = needed.get("first_at", 0) + (facts(history._replace(carried=less), t) != whole)
print(json.dumps(needed, default=int))
"""


def test_no_total_could_be_left_out(
    random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path
) -> None:
    busy_base(random_base, 5, 80, customers=3).write(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", FORGETTING, tmp_path / "histories", str(LATE)],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    customers = json.loads(done.stdout)  # for whom facts differ
    assert customers.pop("anything") == 0
    assert len(customers) == 1 + sum(len(totals._fields) for totals in nothing_carried()[:-1])
    unneeded = [name for name, count in customers.items() if not count]
    assert not unneeded
