"""Sources: how raw data becomes the contract's tables.

A source is a folder: `source.yaml` says what the raw data is and names views on it, `<table>.sql` is one
SELECT that delivers a table of the contract, `views/<name>.sql` a SELECT that several of them share, and
`counted.sql` states (what, rows) left out on purpose.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from tables.column import ACCEPTED
from tables.contract import TABLES
from tables.engine import brief, described, engine, identifier, rows_of, write_parquet
from tables.refusal import Refused
from tables.sealed import canonical_json, write_whole
from tables.source_file import create_file_view, found
from tables.source_postgres import copy_postgres
from tables.source_settings import SourceSettings, read_settings

BASE = "base.json"
COUNTED = "counted"
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Base:
    """What holds for all tables of a base; `counted` are rows of the raw data left out on purpose."""

    source: str
    description: str
    time_zone: str
    currency: str
    minor_units: int
    counted: dict[str, int]


@dataclass(frozen=True)
class ImportReport:
    base: Base
    rows: dict[str, int]


def import_source(
    source: Path, raw: Path | None, into: Path, progress: Progress | None = None
) -> ImportReport:
    """Write `into`/<table>.parquet for each <table>.sql of `source`, and base.json.

    `raw` is the folder of the raw files. `progress` is told (table, rows so far). Rows come as the select
    orders them. Raises Refused; `into` then holds a part without base.json.
    """
    settings = read_settings(source)
    selects = selects_of(source)
    into.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(prefix=".import-", dir=into) as passing,
        engine(Path(passing), settings.time_zone) as connection,
    ):
        for view, said in settings.files.items():
            if raw is None:
                raise Refused(f"{source}: the source reads files; name the folder that holds them (raw)")
            create_file_view(connection, view, said, found(view, said.path, raw), Path(passing))
        if settings.postgres:
            copy_postgres(connection, settings.postgres, source)
        for path in sorted((source / "views").glob("*.sql")):
            with _refusing(path, settings):
                connection.execute(f"create view {identifier(path.stem)} as {sql_of(path)}")
        rows = {}
        for table, path in selects.items():
            with _refusing(path, settings):
                query = _with_instants(connection, table, sql_of(path))
                told = None if progress is None else _about(progress, table)
                rows[table] = write_parquet(connection, query, into / f"{table}.parquet", told)
        base = base_of(settings, _counted(connection, source / f"{COUNTED}.sql", settings))
    write_whole(into / BASE, canonical_json(asdict(base)))
    return ImportReport(base, rows)


def base_of(settings: SourceSettings, counted: dict[str, int]) -> Base:
    """What the tables of a source say of themselves; counted: what its own SQL counted."""
    return Base(
        settings.name,
        settings.description,
        settings.time_zone,
        settings.currency,
        settings.minor_units,
        counted,
    )


def selects_of(source: Path) -> dict[str, Path]:
    """The SELECT of each table that the source delivers, in the contract's order; Refused for any other."""
    paths = {path.stem: path for path in source.glob("*.sql")}
    unknown = sorted(set(paths) - set(TABLES) - {COUNTED})
    if unknown:
        raise Refused(
            f"{source}: {unknown[0]}.sql is no table of the contract; expected {', '.join(TABLES)}, or "
            f"{COUNTED}; a SELECT that several share belongs into views/"
        )
    selects = {table: paths[table] for table in TABLES if table in paths}
    if not selects:
        raise Refused(f"{source}: expected at least customers.sql or transactions.sql, found none")
    return selects


def sql_of(path: Path) -> str:
    """The statement of a file, so that it can stand in another."""
    try:
        return path.read_text(encoding="utf-8").strip().removesuffix(";")
    except UnicodeDecodeError as error:
        raise Refused(f"{path}: expected SQL in UTF-8; {error}. Save it as UTF-8") from error


def _with_instants(connection: duckdb.DuckDBPyConnection, table: str, select: str) -> str:
    """A timestamp or date where the contract wants an instant is one in the base's time zone."""
    columns = TABLES[table].columns
    wanted = [
        f"cast({identifier(name)} as timestamptz) as {identifier(name)}"
        if name in columns and columns[name].kind == "instant" and kind in ACCEPTED["instant"]
        else identifier(name)
        for name, kind in described(connection, select).items()
    ]
    return f"select {', '.join(wanted)} from ({select}\n)"


def _counted(connection: duckdb.DuckDBPyConnection, path: Path, settings: SourceSettings) -> dict[str, int]:
    if not path.exists():
        return {}
    with _refusing(path, settings):
        rows = rows_of(
            connection,
            "select cast(what as varchar), cast(coalesce(sum(rows), 0) as bigint) "
            f"from ({sql_of(path)}\n) where what is not null group by 1 order by 1",
        )
    return dict(rows)


@contextmanager
def _refusing(path: Path, settings: SourceSettings) -> Iterator[None]:
    """Turn an error of DuckDB into a refusal that names the SQL file."""
    try:
        yield
    except duckdb.Error as error:
        views = [*settings.files, *(settings.postgres.tables if settings.postgres else ())]
        raise Refused(
            f"{path}: {brief(error)}\nThe select can read {', '.join(views)} and what views/ holds"
        ) from error


def _about(progress: Progress, table: str) -> Callable[[int], None]:
    return lambda rows: progress(table, rows)
