"""A fact in draft: a SQL text over the tables as they were known, read at many moments, before it is a loop.

A text is what an oracle of the tests is (docs/adding_a_family.md), so it can become one as it stands. It is
slow, and made for trying: what pays becomes a family, and both are then held against each other.
"""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from features.family import WINDOWS
from features.reader import FactTable, moments_of
from tables.check_rules import whole_row
from tables.code import codes
from tables.contract import CUSTOMER_TABLES, TABLES, Table
from tables.engine import literal
from tables.history import Histories, read_owners
from tables.moment import DAY, FOREVER
from tables.refusal import Refused
from tables.small_table import parts_of, relation

Int64s = npt.NDArray[np.int64]


def read_draft(
    tables: Path, histories: Histories, places: Int64s, moments: Int64s | int, text: str
) -> FactTable:
    """What a SQL text says of the customers at `places`, each at its moment (or all at one), in that order.

    tables: the checked tables of the base. In the text, t() is the moment in microseconds, day() one day,
    in_days(micros) a number of days; `everyone` has each customer_id once, `windows` once a window with its
    days and since; every table is as it was known at t(), with instants in microseconds. A statement gives
    one row a customer (or a customer and days) and its columns are the facts' names, without the window
    where there is a column days. Raises Refused for a text that is no SQL or leaves customers out.
    """
    moments = moments_of(places, moments)
    names: tuple[str, ...] = ()
    values = np.empty((len(places), 0))
    with duckdb.connect() as db:
        _lay_out(db, tables, histories)
        for t in np.unique(moments).tolist():
            rows = moments == t
            _set_moment(db, histories, t)
            found = _facts(db, text, histories.ids)
            if not names:
                names, values = tuple(found), np.empty((len(places), len(found)))
            values[rows] = np.column_stack([found[name][places[rows]] for name in names])
    return FactTable(np.ascontiguousarray(places, np.int64), moments, names, values)


def _lay_out(db: duckdb.DuckDBPyConnection, tables: Path, histories: Histories) -> None:
    """Every version of every row with the time in which it counts, and views that cut them at t()."""
    db.execute(f"set TimeZone = {literal(histories.time_zone)}; set threads = 1")
    db.execute("create macro t() as getvariable('t')")
    db.execute(f"create macro day() as cast({DAY} as bigint)")
    db.execute(f"create macro in_days(micros) as micros / {DAY}")
    db.execute("create table everyone as select unnest(?) as customer_id", [histories.ids.tolist()])
    db.execute("create table owners (customer_id text, owner_id text)")
    for name, table in TABLES.items():
        rows = _versions(db, tables, name, table)
        db.register("rows", rows.append_column("event_code", [codes(rows["event_id"])]))
        # A version counts from when it is seen until one that was known later is.
        db.execute(f"""
            create table all_{name} as
            select *, coalesce(min(seen) over (
              partition by event_id order by known_at rows between 1 following and unbounded following
            ), {FOREVER}) as until
            from (select *, greatest("at", known_at) as seen from rows)
        """)
        db.unregister("rows")
    _join_what_was_known(db)
    now = "seen <= t() and t() < until and not deleted"
    for name in TABLES:
        db.execute(f"create view known_{name} as select * exclude (until) from all_{name} where {now}")
    for name in CUSTOMER_TABLES[1:]:
        db.execute(f"""
            create view {name} as
            select k.* replace (coalesce(owner_id, k.customer_id) as customer_id)
            from known_{name} k left join owners using (customer_id)
        """)
    db.execute("""
        create view customers as
        from known_customers where customer_id not in (select customer_id from owners)
    """)
    days = ", ".join(f"({d})" for d in WINDOWS)
    db.execute(f"""
        create view windows as
        select customer_id, days, t() - days * day() as since from everyone, (values {days}) as w(days)
    """)


def _versions(db: duckdb.DuckDBPyConnection, tables: Path, name: str, table: type[Table]) -> Any:
    """All columns of the contract, instants in microseconds; no rows where the base has no such table."""
    paths = parts_of(tables, name)
    source, present = f"(select {whole_row(table, [])} limit 0)", list(table.columns)
    if paths:
        source = relation(paths)
        present = [row[0] for row in db.execute(f"describe from {source}").fetchall()]
    whole = f"select {whole_row(table, present)} from {source}" if paths else source
    instants = [column.name for column in table.columns.values() if column.kind == "instant"]
    micros = ", ".join(f'epoch_us("{column}") as "{column}"' for column in instants)
    return db.sql(f"select * replace ({micros}) from ({whole})").to_arrow_table()


def _join_what_was_known(db: duckdb.DuckDBPyConnection) -> None:
    """Lines and contacts with what was known of their product or offer when they became visible."""
    for name in CUSTOMER_TABLES:
        joined = TABLES[name].joined
        for other in dict.fromkeys(of for _, of, _ in joined.values()):
            key = next(key for key, of, _ in joined.values() if of == other)
            news = [(new, column) for new, (_, of, column) in joined.items() if of == other]
            told = ", ".join(f"o.{column} as {new}" for new, column in news)
            db.execute(f"""
                create or replace table all_{name} as
                select r.*, {told} from all_{name} r left join all_{other} o
                  on o.{key} = r.{key} and o.seen <= r.seen and r.seen < o.until and not o.deleted
                qualify row_number() over (
                  partition by r.event_id, r.known_at
                  order by o."at" desc nulls last, o.known_at desc, o.event_id desc) = 1
            """)


def _set_moment(db: duckdb.DuckDBPyConnection, histories: Histories, t: int) -> None:
    db.execute(f"set variable t = {t}::bigint")
    db.execute("delete from owners")
    now = [
        (each.customer_id, each.owner_id)
        for each in read_owners(histories.folder)
        if each.since <= t < each.until and each.customer_id != each.owner_id
    ]
    if now:
        db.executemany("insert into owners values (?, ?)", now)


def _facts(
    db: duckdb.DuckDBPyConnection, text: str, ids: npt.NDArray[np.object_]
) -> dict[str, npt.NDArray[np.float64]]:
    """Fact -> value by place, of all statements of a text."""
    found: dict[str, npt.NDArray[np.float64]] = {}
    try:
        for statement in duckdb.extract_statements(text):
            rows = db.execute(statement).fetch_df()
            if statement.type != duckdb.StatementType.SELECT:
                continue  # a table for the next ones
            for days, part in rows.groupby("days") if "days" in rows else [("", rows)]:
                ordered = part.set_index("customer_id").loc[ids]
                if len(ordered) != len(ids):
                    raise Refused("a fact in draft: a customer has several rows; group by customer_id")
                for column in ordered.columns.drop("days", errors="ignore"):
                    name = f"{column}_{days}d" if days else str(column)
                    found[name] = ordered[column].to_numpy(dtype=np.float64, na_value=np.nan)
    except (duckdb.Error, KeyError) as error:
        raise Refused(
            f"a fact in draft: its text must give one row for each of everyone's customer_id; came {error}"
        ) from error
    if not found:
        raise Refused("a fact in draft: the text selects nothing")
    return found
