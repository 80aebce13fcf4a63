"""What is wrong with a table as a whole, before any row is looked at."""

import json
from pathlib import Path
from typing import Any

import duckdb

from tables.column import ACCEPTED, HINT
from tables.contract import TABLES
from tables.engine import brief, described, literal, verify_parquet
from tables.refusal import Refused
from tables.source import BASE

# Names that a refused row gets, and DuckDB's own for the place of a row in its file.
RESERVED = ("row_number", "reasons", "file_row_number")

EMPTY = "the table is empty; expected rows. Correct its SELECT, or leave the table out"
NO_VALUE = '"NULL"'  # DuckDB's type of a column in which nothing is said


def read_base(incoming: Path) -> dict[str, Any]:
    path = incoming / BASE
    try:
        base: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        refuse_base(base, str(path))
    except (OSError, ValueError, TypeError) as error:
        raise Refused(f"{path}: expected what `import` writes; {error}. Import anew") from error
    return base


def refuse_base(base: dict[str, Any], path: str) -> None:
    if missing := {"source", "time_zone", "currency", "minor_units"} - set(base):
        raise Refused(f"{path}: {', '.join(sorted(missing))} missing; import anew")


def incoming_tables(incoming: Path, is_feed: bool = False) -> list[str]:
    """The tables that came, in the order in which they refer to each other; a feed may bring any."""
    came = {path.stem for path in incoming.glob("*.parquet")}
    unknown = sorted(came - set(TABLES))
    if unknown:
        raise Refused(
            f"{incoming / unknown[0]}.parquet: no table of the contract; expected {', '.join(TABLES)}"
        )
    if not came or (not is_feed and not came & {"customers", "transactions"}):
        raise Refused(
            f"{incoming}: expected at least customers.parquet or transactions.parquet, found "
            f"{', '.join(sorted(came)) or 'no table'}; add one of them to the source"
        )
    return [table for table in TABLES if table in came]


def refuse_shape(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> tuple[int, dict[str, str]]:
    """Rows and columns (with types) of the file; raises Refused with all that is wrong with it."""
    rows = verify_parquet(path)
    if rows == 0:
        raise Refused(f"{path}: {EMPTY}")
    try:
        came = described(connection, f"select * from {scan(path)}")
    except duckdb.Error as error:
        raise Refused(f"{path}: cannot be read: {brief(error)}") from error
    refuse_columns(table, str(path), came)
    return rows, came


def refuse_columns(table: str, path: str, came: dict[str, str]) -> None:
    """Raises Refused with all that is wrong with columns (with DuckDB's names of their types) as such."""
    columns = TABLES[table].columns
    wrong = [
        f"column {name} is missing; found {', '.join(came)}"
        for name, column in columns.items()
        if column.required and name not in came
    ]
    wrong += [
        f"column {name}: expected {HINT[columns[name].kind]}, came {kind}"
        for name, kind in came.items()
        if name in columns and kind not in (*ACCEPTED[columns[name].kind], NO_VALUE)
    ]
    wrong += [f"column {name}: the name is taken, rename it" for name in RESERVED if name in came]
    if wrong:
        raise Refused(f"{path}: " + "; ".join(wrong))


def scan(path: Path) -> str:
    return f"read_parquet({literal(str(path))})"
