"""Rows of a PostgreSQL database, fetched as Arrow."""

from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from tables.engine import identifier
from tables.refusal import Refused
from tables.source_settings import SETTINGS, PostgresSettings, with_environment


def copy_postgres(connection: duckdb.DuckDBPyConnection, settings: PostgresSettings, source: Path) -> None:
    """Copy what each select delivers into a table of its name; all selects see the same moment."""
    try:
        from adbc_driver_postgresql import dbapi  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise Refused(
            "a PostgreSQL source needs the extra `postgres`: pip install 'holdfast[postgres]'"
        ) from error
    uri = with_environment(settings.uri, source / SETTINGS)
    at_work = "the connection"
    try:
        with dbapi.connect(uri) as database, database.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
            for view, select in settings.tables.items():
                at_work = view
                cursor.execute(select)
                reader = cursor.fetch_record_batch()
                connection.register("arriving", reader)
                connection.execute(f"create table {identifier(view)} as select * from arriving")
                connection.unregister("arriving")
    except (dbapi.Error, duckdb.Error) as error:
        raise Refused(
            f"{source / SETTINGS}, postgres, {at_work}: {_without_secrets(str(error), uri)}\n"
            "Expected a uri such as postgresql://reader@host:5432/shop and selects that it may run"
        ) from error


def _without_secrets(message: str, uri: str) -> str:
    try:
        password = urlsplit(uri).password
    except ValueError:
        password = None
    message = message.replace(uri, "(the uri)")
    return message.replace(password, "(the password)") if password else message
