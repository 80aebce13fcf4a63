"""A random base with all that happens to one: versions, late arrivals, withdrawals, mergers, gaps."""

import json
import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.family import WINDOWS
from tables.check_rules import ANNOUNCED
from tables.column import Column
from tables.contract import CUSTOMER_TABLES, TABLES
from tables.event_row import TYPES
from tables.history import Histories, read_histories
from tables.moment import DAY, HOUR
from tables.sorting import write_histories

Row = dict[str, Any]
START = 1_690_000_000_000_000 // DAY * DAY
END = START + 900 * DAY
MOMENTS = (START + 300 * DAY, START + 640 * DAY + 6 * HOUR, END)


class RandomBase:
    """Rows of every table in the checked format; instants are microseconds until they are written."""

    def __init__(self, seed: int, customers: int = 24) -> None:
        self.random = random.Random(seed)
        self.zone = self.random.choice(["Asia/Shanghai", "America/New_York", "UTC"])
        self.ids = [f"c{k:03d}" for k in range(customers)]
        self.rows: dict[str, list[Row]] = {name: [] for name in TABLES}
        self.events = 0
        for _ in range(30):
            self.add_event("products", None)
        for _ in range(12):
            self.add_event("offers", None)
        for customer_id in self.ids:
            busy = self.random.choice([0, 1, 3])
            for name in CUSTOMER_TABLES:
                most = 4 if name == "customers" else 14
                for _ in range(busy * self.random.randint(0, most)):
                    self.add_event(name, customer_id)

    def add_event(self, name: str, customer_id: str | None) -> None:
        """An event, and perhaps later versions of it."""
        row = self.new_row(name, customer_id)
        self.rows[name].append(row)
        while self.random.random() < 0.25:
            row = self.later_version(name, row)
            self.rows[name].append(row)

    def new_row(self, name: str, customer_id: str | None) -> Row:
        self.events += 1
        row: Row = {"event_id": f"{name}-{self.events}", "deleted": False}
        if customer_id:
            row["customer_id"] = customer_id
        row["at"] = self.some_moment(name, customer_id)
        row["known_at"] = row["at"]
        if self.random.random() < 0.4:
            row["known_at"] += self.random.randint(-2 * DAY, 40 * DAY)
        return self.possible(name, row | self.values(name, row))

    def possible(self, name: str, row: Row) -> Row:
        """What is not announced is known when it happens or later."""
        return row if name in ANNOUNCED else row | {"known_at": max(row["known_at"], row["at"])}

    def later_version(self, name: str, row: Row) -> Row:
        later = row | {"known_at": row["known_at"] + self.random.randint(1, 60 * DAY)}
        if self.random.random() < 0.3:
            return self.possible(name, later | {"deleted": True})
        if self.random.random() < 0.3:
            later["at"] = self.some_moment(name, row.get("customer_id"))
        return self.possible(name, later | self.values(name, later))

    def some_moment(self, name: str, customer_id: str | None) -> int:
        """Any hour, that of another row of the customer or a day later, or the very edge of a window."""
        chance = self.random.random()
        same = [row["at"] for row in self.rows[name][-40:] if row.get("customer_id") == customer_id]
        if chance < 0.35 and same:
            return int(self.random.choice(same)) + self.random.choice([0, 0, DAY])
        if chance < 0.5:
            edge = self.random.choice(WINDOWS) * self.random.choice([0, 1, 1, 2])
            return self.random.choice(MOMENTS) - edge * DAY + self.random.choice([-1, 0, 0, 1])
        return START + self.random.randrange(900 * 24) * HOUR

    def values(self, name: str, row: Row) -> Row:
        made = {
            column.name: self.value(column, row)
            for column in TABLES[name].columns.values()
            if column.name not in ("event_id", "customer_id", "at", "known_at", "deleted")
        }
        if name == "transactions":
            made["quantity"] = self.random.choice([1, 1, 2, 3, 5, -1, -2])
            made["amount"] = self.random.randint(0, 50_000) * (1 if made["quantity"] > 0 else -1)
        if name == "customers":
            earlier = [
                other for other in self.ids if other < row["customer_id"]
            ]  # so that none goes in circles
            merges = earlier and self.random.random() < 0.15
            made["merged_into"] = self.random.choice(earlier) if merges else None
        if name == "surveys":
            made["score"] = float(
                self.random.randint(0, 10) if made["kind"] == "nps" else self.random.randint(1, 5)
            )
        return made

    def value(self, column: Column, row: Row) -> Any:
        rng = self.random
        if not column.required and rng.random() < 0.2:
            return None
        make: dict[str, Callable[[], Any]] = {
            "text": lambda: self.text(column.name),
            "choice": lambda: rng.choice(column.choices),
            "choices": lambda: ",".join(rng.sample(column.choices, rng.randint(1, len(column.choices)))),
            "instant": lambda: rng.choice([row["at"], *MOMENTS]) + rng.choice([-30, 0, 28, 60, 91]) * DAY,
            "day": lambda: date(1990, 1, 1) + timedelta(days=rng.randint(0, 15_000)),
            "number": lambda: rng.choice([1.0, 2.0, 3.5, 4.0, 5.0]),
            "flag": lambda: rng.random() < 0.5,
            "integer": lambda: rng.choice([0, rng.randint(1, 4), rng.randint(0, 9_000)]),
            "money": lambda: rng.choice([0, rng.randint(1, 4), rng.randint(0, 9_000)]),
        }
        return make[column.kind]()

    def text(self, name: str) -> str:
        contacts = self.rows["contacts"]
        if name == "contact_id" and contacts and self.random.random() < 0.9:
            return str(self.random.choice(contacts[-20:])["event_id"])
        return f"{name}-{self.random.randint(0, 2 if name == 'case_id' else 8)}"

    def changed_where_hidden(self, t: int) -> "RandomBase":
        """Another base that differs in what is not visible at t: more, less, and other versions of rows."""
        other = RandomBase(self.random.randrange(2**32), customers=0)
        other.zone, other.ids, other.events = self.zone, [*self.ids, "d000"], 10**6
        for name, rows in self.rows.items():
            kept = [row for row in rows if max(row["at"], row["known_at"]) <= t]
            hidden = [row for row in rows if max(row["at"], row["known_at"]) > t]
            for row in hidden:
                if other.random.random() < 0.6:
                    kept.append(row)
                elif other.random.random() < 0.5:
                    kept.append(row | other.values(name, row) | {"deleted": other.random.random() < 0.2})
            again = other.random.sample(kept, len(kept) // 3)
            kept += [other.hidden_after(name, row, t) for row in again]
            for _ in range(len(rows) // 5 + 2):
                owner = other.random.choice(other.ids) if TABLES[name].is_of_a_customer() else None
                kept.append(other.hidden_after(name, other.new_row(name, owner), t))
            once = {(row["event_id"], row["known_at"]): row for row in reversed(kept)}
            other.rows[name] = list(once.values())
        return other

    def hidden_after(self, name: str, row: Row, t: int) -> Row:
        """A version of the row that happened, or became known, only after t."""
        later = self.later_version(name, row)
        if self.random.random() < 0.5:
            return self.possible(name, later | {"at": t + self.random.randint(1, 90 * DAY)})
        return later | {"known_at": max(t + 1, later["known_at"]) + self.random.randint(0, 90 * DAY)}

    def write(self, folder: Path, without: tuple[str, ...] = ()) -> Histories:
        """Checked tables and histories of this base, without these tables and columns ("table.column")."""
        tables = folder / "tables"
        tables.mkdir(parents=True)
        columns = {}
        for name, table in TABLES.items():
            if name in without:
                continue
            kept = {c: column for c, column in table.columns.items() if f"{name}.{c}" not in without}
            columns[name] = list(kept)
            rows = self.random.sample(self.rows[name], len(self.rows[name]))
            arrays = {c: pa.array([row[c] for row in rows], TYPES[column.kind]) for c, column in kept.items()}
            pq.write_table(pa.table(arrays), tables / f"{name}.parquet")
        base = {"columns": columns, "time_zone": self.zone, "currency": "CNY", "minor_units": 2}
        (tables / "base.json").write_text(json.dumps(base))
        write_histories(tables, folder / "histories")
        return read_histories(folder / "histories")


@pytest.fixture
def random_base() -> Callable[..., RandomBase]:
    return RandomBase


@pytest.fixture(scope="session")
def moments() -> tuple[int, ...]:
    return MOMENTS
