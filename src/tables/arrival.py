"""Arrivals: when the rows of each table reached us, counted back from a moment, in one pass.

Whole numbers again: the arrivals of some customers added to those of the others are the arrivals of all.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tables.compiled import compiled
from tables.contract import CUSTOMER_TABLES
from tables.history import Bucket
from tables.moment import DAY
from tables.record import CORRECTS, WITHDRAWS

Counts = npt.NDArray[np.int64]
DAYS = 182
WEEKS = DAYS // 7
# Of fewer arrivals nobody can say what is usual.
LEAST_DAYS = 5
USUAL_WEEKS = 12
NEVER = -(2**62)


@dataclass(frozen=True)
class Arrivals:
    """What had arrived at a moment t. by_day: rows first seen in (t - (d + 1) days, t - d days], shape
    (tables, DAYS); visible: events known at t, less those withdrawn; last_seen_at: microseconds, NEVER
    without a row."""

    t: int
    by_day: Counts
    visible: Counts
    last_seen_at: Counts

    @staticmethod
    def none(t: int) -> "Arrivals":
        tables = len(CUSTOMER_TABLES)
        return Arrivals(
            t, np.zeros((tables, DAYS), np.int64), np.zeros(tables, np.int64), np.full(tables, NEVER)
        )

    def add(self, bucket: Bucket) -> None:
        """Count the stored rows of some customers, in place."""
        for k, tiers in enumerate(bucket.rows):
            for rows in tiers:
                visible, last = _count(rows["seen_at"], rows["mark"], self.t, self.by_day[k])
                self.visible[k] += visible
                self.last_seen_at[k] = max(int(self.last_seen_at[k]), last)

    def __add__(self, other: "Arrivals") -> "Arrivals":
        if self.t != other.t:
            raise ValueError("arrivals counted back from different moments cannot be added")
        return Arrivals(
            self.t,
            self.by_day + other.by_day,
            self.visible + other.visible,
            np.maximum(self.last_seen_at, other.last_seen_at),
        )

    def arrays(self) -> dict[str, Counts]:
        """What a job that may be killed keeps of the part it has counted."""
        return {"by_day": self.by_day, "visible": self.visible, "last_seen_at": self.last_seen_at}

    @staticmethod
    def of_arrays(t: int, kept: dict[str, Any]) -> "Arrivals":
        names = ("by_day", "visible", "last_seen_at")
        return Arrivals(t, *(np.array(kept[name], np.int64) for name in names))

    def pace(self, table: str, last_week: "Arrivals | None" = None) -> "Pace":
        k = CUSTOMER_TABLES.index(table)
        weeks = self.by_day[k].reshape(WEEKS, 7).sum(1)
        last = int(self.last_seen_at[k])
        return Pace(
            table=table,
            visible=int(self.visible[k]),
            visible_before=int(last_week.visible[k]) if last_week else None,
            silent_days=(self.t - last) / DAY if last != NEVER else None,
            usual_gap_days=usual_gap(self.by_day[k]),
            rows_of_week=int(weeks[0]),
            usual_rows=int(np.sort(weeks[1 : USUAL_WEEKS + 1])[1]),
            weeks=tuple(weeks.tolist()),
        )


@dataclass(frozen=True)
class Pace:
    """How a table arrives. visible, visible_before: rows that count now, and that did last week;
    silent_days: since the last row; usual_gap_days: see usual_gap; rows_of_week: first seen in the last seven
    days; usual_rows: the second fewest of the twelve weeks before, so that neither a campaign nor one gap in
    the past counts; weeks: rows, the latest week first."""

    table: str
    visible: int
    visible_before: int | None
    silent_days: float | None
    usual_gap_days: float | None
    rows_of_week: int
    usual_rows: int
    weeks: tuple[int, ...]


def usual_gap(by_day: Counts) -> float | None:
    """Days from one arrival to the next that 19 of 20 gaps of the last half year kept within, one at least;
    None when there were too few to know. by_day: shape (DAYS,), the latest first."""
    days = np.flatnonzero(by_day)
    if len(days) < LEAST_DAYS:
        return None
    return float(max(1, np.quantile(np.diff(days), 0.95, method="higher")))


@compiled
def _count(seen_at: Any, marks: Any, t: int, by_day: Any) -> Any:
    visible, last = 0, NEVER
    for i in range(len(seen_at)):
        seen = seen_at[i]
        if seen > t:
            continue
        last = max(last, seen)
        if marks[i] & WITHDRAWS:
            visible -= 1
        elif not marks[i] & CORRECTS:
            visible += 1
        day = (t - seen) // DAY
        if day < DAYS:
            by_day[day] += 1
    return visible, last
