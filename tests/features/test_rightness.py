"""Rightness: an independent SQL text of each family, over the tables as they were known, gives the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pytest

from features.catalogue import FAMILIES
from features.family import WINDOWS
from features.reader import names_of, read_facts
from tables.code import codes
from tables.contract import CUSTOMER_TABLES, TABLES
from tables.history import Histories

ORACLES = Path(__file__).parent / "oracles"
MODULES = sorted({family.plain.__module__.rsplit(".", maxsplit=1)[-1] for family in FAMILIES})


class Oracle:
    """The tables of a base as they were known at a moment, and queries over them."""

    def __init__(self, tables: Path, histories: Histories) -> None:
        self.ids = list(histories.ids)
        self.db = duckdb.connect()
        self.db.execute(f"set TimeZone = '{histories.time_zone}'; set threads = 1")
        self.db.execute("create macro t() as getvariable('t')")
        self.db.execute("create macro day() as cast(86400000000 as bigint)")
        self.db.execute("create macro in_days(micros) as micros / 86400000000")
        self.db.execute("create table everyone as select unnest(?) as customer_id", [self.ids])
        for name in TABLES:
            rows = self.db.sql(f"from read_parquet('{tables / name}.parquet')").to_arrow_table()
            rows = rows.append_column("event_code", [codes(rows["event_id"])])
            self.db.register("rows", rows)
            instants = [c.name for c in TABLES[name].columns.values() if c.kind == "instant"]
            micros = ", ".join(f'epoch_us("{column}") as "{column}"' for column in instants)
            self.db.execute(f"""
                create table all_{name} as
                select *, greatest("at", known_at) as seen from (select * replace ({micros}) from rows)
            """)

    def upto(self, t: int) -> None:
        """Cut every table at t: what happened and was known, each event as it was last known."""
        self.db.execute(f"set variable t = {t}::bigint")
        for name in TABLES:
            self.db.execute(f"""
                create or replace temp table known_{name} as select * exclude (latest) from (
                  select *, row_number() over (partition by event_id order by known_at desc) = 1 as latest
                  from all_{name} where seen <= t()
                ) where latest and not deleted
            """)
        self._follow_mergers()
        for name in CUSTOMER_TABLES[1:]:
            self.db.execute(f"""
                create or replace temp table {name} as
                select k.* replace (coalesce(owner_id, k.customer_id) as customer_id)
                from known_{name} k left join owners using (customer_id)
            """)
        self.db.execute("""
            create or replace temp table customers as
            from known_customers where customer_id not in (select customer_id from owners)
        """)
        self._enrich(
            "transactions", "product_id", "products", "o.category, o.brand, o.list_price, o.unit_cost"
        )
        self._enrich("contacts", "offer_id", "offers", "o.kind as offer_kind, o.reward")
        days = ", ".join(f"({d})" for d in WINDOWS)
        self.db.execute(f"""
            create or replace temp table windows as
            select customer_id, days, t() - days * day() as since from everyone, (values {days}) as w(days)
        """)

    def _follow_mergers(self) -> None:
        steps = dict(
            self.db.execute("""
                select customer_id, arg_max(merged_into, (seen, merged_into)) from known_customers
                where merged_into is not null group by customer_id
            """).fetchall()
        )
        self.db.execute("create or replace temp table owners (customer_id text, owner_id text)")
        for customer_id, owner in steps.items():
            last = owner
            while last in steps:
                last = steps[last]
            self.db.execute("insert into owners values (?, ?)", [customer_id, last])

    def _enrich(self, name: str, key: str, other: str, news: str) -> None:
        """What was known of the product when the line became visible."""
        self.db.execute(f"""
            create or replace temp table {name} as
            with pairs as (
              select r.event_id as row_id, r.{key} as wanted, o.*,
                row_number() over (partition by r.event_id, o.event_id order by o.known_at desc) as place
              from {name} r join all_{other} o on o.seen <= r.seen
            ), best as (
              select * from pairs o where place = 1 and not deleted and {key} = wanted
              qualify row_number() over (
                partition by row_id order by "at" desc, known_at desc, event_id desc) = 1
            )
            select r.*, {news} from {name} r left join best o on o.row_id = r.event_id
        """)

    def facts(self, module: str) -> dict[str, npt.NDArray[np.float64]]:
        """Column -> value by customer, of all statements of a text; `days` makes one column a window."""
        found: dict[str, npt.NDArray[np.float64]] = {}
        text = (ORACLES / f"{module}.sql").read_text()
        for statement in duckdb.extract_statements(text):
            rows = self.db.execute(statement).fetch_df()
            if statement.type != duckdb.StatementType.SELECT:
                continue  # a table for the next ones
            by_window = rows.groupby("days") if "days" in rows else [("", rows)]
            for days, part in by_window:
                ordered = part.set_index("customer_id").loc[self.ids]
                for column in ordered.columns.drop("days", errors="ignore"):
                    name = f"{column}_{days}d" if days else column
                    found[name] = ordered[column].to_numpy(dtype=np.float64, na_value=np.nan)
        return found


def assert_right(histories: Histories, oracle: Oracle, t: int) -> dict[str, int]:
    """Every fact equals the oracle's; returns how many customers have a value other than 0, by fact."""
    ours = read_facts(histories, np.arange(len(histories)), t)
    oracle.upto(t)
    theirs: dict[str, Any] = {}
    for module in MODULES:
        theirs |= oracle.facts(module)
    for name in names_of():
        np.testing.assert_allclose(
            ours.column(name), theirs[name], rtol=1e-9, atol=1e-9, err_msg=f"{name} at {t}"
        )
    return {n: int(np.count_nonzero(np.nan_to_num(ours.column(n)))) for n in names_of()}


@pytest.mark.parametrize("seed", range(4))
def test_every_family_agrees_with_its_sql(
    seed: int, random_base: Callable[..., Any], moments: tuple[int, ...], tmp_path: Path
) -> None:
    histories = random_base(seed, customers=90).write(tmp_path)
    oracle = Oracle(tmp_path / "tables", histories)
    filled = [assert_right(histories, oracle, t) for t in moments]
    never = [name for name in names_of() if not any(counts[name] for counts in filled)]
    assert len(never) < 9, f"the random base leaves these facts untested: {never}"


def test_every_family_has_an_oracle() -> None:
    assert [path.stem for path in sorted(ORACLES.glob("*.sql"))] == MODULES
