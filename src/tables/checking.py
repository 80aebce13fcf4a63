"""Checking: each row of each table holds, repeats an earlier one, or is refused by the rules' names."""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from tables.check_incoming import incoming_tables, read_base, refuse_shape, scan
from tables.check_rows import REASONS, break_row_rules, lay_out
from tables.check_rules import order_of, row_rules, written_columns
from tables.check_versions import break_merges, break_versions
from tables.contract import KEYS, TABLES
from tables.engine import brief, engine, identifier, literal, rows_of, write_parquet
from tables.feed import Onto
from tables.refusal import Refused
from tables.sealed import canonical_json, write_whole
from tables.source import BASE

CHECK = "check.json"


@dataclass(frozen=True)
class Broken:
    """How many rows break a rule, and the row numbers (from 1) of up to ten of them."""

    rows: int
    first: list[int]


@dataclass(frozen=True)
class TableCheck:
    """rows == hold + refused + repeated; `ignored` are columns that the contract does not know."""

    rows: int
    hold: int
    refused: int
    repeated: int
    broken: dict[str, Broken] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    usable: bool = True


@dataclass(frozen=True)
class _Task:
    incoming: Path
    into: Path
    refused: Path
    share: float
    now: datetime
    onto: Onto | None

    def written(self, table: str) -> Path:
        """Where the rows that hold go."""
        return self.into / (self.onto.file_name(table) if self.onto else f"{table}.parquet")

    def has(self, table: str) -> bool:
        """Whether the base that the rows are added to has the table."""
        return self.onto is not None and table in self.onto.base["columns"]

    def keys(self, table: str, done: list[str]) -> str:
        """SQL for the keys that rows may refer to."""
        here = f"select {KEYS[table]} from {scan(self.written(table))}" if table in done else ""
        known = self.onto.keys(table) if self.onto and self.has(table) else ""
        return " union all ".join(each for each in (here, known) if each)


@dataclass(frozen=True)
class CheckReport:
    usable: bool
    share: float
    tables: dict[str, TableCheck]


def check_tables(
    incoming: Path,
    into: Path,
    refused: Path,
    *,
    share: float = 0.01,
    now: datetime,
    onto: Onto | None = None,
) -> CheckReport:
    """Split `incoming` into the rows that hold (`into`) and those that do not (`refused`), and report.

    `into`/<table>.parquet has the contract's columns in its order and stored types, sorted by customer (or
    key), at, event_id; with `onto` the rows are a feed that is added to that base, and its file has the
    feed's number. `refused`/<table>.parquet, written where a row is refused, has the rows as they
    came, their `row_number` (from 1) and `reasons`. A table is usable if a row holds and at most `share`
    of its rows are refused; whether to publish an unusable base is the caller's decision. Raises Refused
    for what is wrong with a whole table.
    """
    if now.tzinfo is None:
        raise ValueError(f"now: expected a moment with a time zone, came {now!r}")
    task = _Task(incoming, into, refused, share, now, onto)
    base = read_base(incoming)
    tables = incoming_tables(incoming, onto is not None)
    into.mkdir(parents=True, exist_ok=True)
    refused.mkdir(parents=True, exist_ok=True)
    checks: dict[str, TableCheck] = {}
    columns: dict[str, list[str]] = {}
    with engine(into, base["time_zone"]) as connection:
        for table in tables:
            try:
                checks[table], columns[table] = _check_table(connection, table, task, list(checks))
            except duckdb.Error as error:
                raise Refused(f"{incoming / table}.parquet: cannot be checked: {brief(error)}") from error
    report = CheckReport(all(check.usable for check in checks.values()), share, checks)
    write_whole(refused / CHECK, canonical_json(asdict(report)))
    if onto:
        onto.refuse_other(base, columns)
    whole = onto.joined_base(base, columns) if onto else {**base, "columns": columns}
    write_whole(into / BASE, canonical_json(whole))
    return report


def read_check(refused: Path) -> CheckReport:
    """The report that `check_tables` left in `refused`."""
    said = json.loads((refused / CHECK).read_text(encoding="utf-8"))
    tables = {
        table: TableCheck(**{**check, "broken": {rule: Broken(**b) for rule, b in check["broken"].items()}})
        for table, check in said["tables"].items()
    }
    return CheckReport(said["usable"], said["share"], tables)


def _check_table(
    connection: duckdb.DuckDBPyConnection, table: str, task: _Task, done: list[str]
) -> tuple[TableCheck, list[str]]:
    path = task.incoming / f"{table}.parquet"
    rows, came = refuse_shape(connection, table, path)
    contract = TABLES[table]
    written = written_columns(contract, list(came))
    connection.execute(
        f"create or replace view incoming as select file_row_number + 1 as row_number, * from {scan(path)}"
    )
    lay_out(connection, contract, list(came))
    now = f"timestamptz {literal(task.now.isoformat())}"
    if task.onto and table == "responses":
        task.onto.find_contacts(connection)
    kept = {other: task.keys(other, done) for other in KEYS if other in done or task.has(other)}
    break_row_rules(connection, row_rules(contract, now, kept))
    break_versions(connection, contract)
    if task.onto:
        task.onto.break_known(connection, contract)
    if table == "customers" and task.onto:
        break_merges(connection, task.onto.keys("customers"), task.onto.merges())
    elif table == "customers":
        break_merges(connection)
    hold = write_parquet(
        connection,
        f"select {', '.join(map(identifier, written))} from checked where row_number not in (from repeated) "
        f"and row_number not in (select row_number from broken) order by {order_of(contract)}",
        task.written(table),
    )
    count = rows_of(connection, "select count(distinct row_number) from broken")[0][0]
    (task.refused / f"{table}.parquet").unlink(missing_ok=True)
    if count:
        _write_refused(connection, task.refused / f"{table}.parquet")
    repeated = rows_of(connection, "select count(*) from repeated")[0][0]
    if rows != hold + count + repeated:
        raise RuntimeError(f"{path}: {rows} rows came, but {hold} + {count} + {repeated} went")
    check = TableCheck(
        rows=rows,
        hold=hold,
        refused=count,
        repeated=repeated,
        broken=_broken(connection),
        ignored=[name for name in came if name not in contract.columns],
        usable=hold + (repeated if task.onto else 0) > 0 and count <= task.share * rows,
    )
    return check, written


def _write_refused(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    write_parquet(
        connection,
        f"""select incoming.* exclude (row_number), row_number, reasons
        from incoming join ({REASONS}) using (row_number)
        order by row_number""",
        path,
    )


def _broken(connection: duckdb.DuckDBPyConnection) -> dict[str, Broken]:
    counted = rows_of(
        connection,
        "select rule, count(*), min(row_number, 10) from broken group by rule order by 2 desc, 1",
    )
    return {rule: Broken(rows, list(first)) for rule, rows, first in counted}
