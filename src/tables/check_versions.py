"""Rules that look at several rows: versions of one event, and customers merged into each other.

They work on three relations of the table at hand: the view `checked` (all rows, whole), and the tables
`broken` (row_number, rule) and `repeated` (row_number), which they fill.
"""

import duckdb

from tables.check_rules import MERGED_INTO_A_CUSTOMER, NO_CYCLE, ONE_CUSTOMER, ONE_VERSION
from tables.contract import Table
from tables.engine import identifier, literal, rows_of


def break_versions(connection: duckdb.DuckDBPyConnection, table: type[Table]) -> None:
    """Identical rows collapse into the first; rows that differ at one moment are all refused."""
    customer = "customer_id" if table.is_of_a_customer() else "null"
    # Hashes of the names keep the grouping of all rows small; two names with one hash do no harm here.
    connection.execute(
        f"""create or replace table versions as
        select row_number, event_id, known_at, {customer} as customer_id, row_number() over (
            partition by {", ".join(map(identifier, table.columns))} order by row_number) > 1 as repeats
        from checked
        where event_id is not null and hash(event_id) in (
            select hash(event_id) from checked group by 1 having count(*) > 1)"""
    )
    connection.execute("insert into repeated select row_number from versions where repeats")
    connection.execute("delete from broken where row_number in (from repeated)")
    connection.execute(
        f"""insert into broken
        select row_number, {literal(ONE_VERSION)} from versions where not repeats
        qualify count(*) over (partition by event_id, known_at) > 1
        union all
        select row_number, {literal(ONE_CUSTOMER)} from versions where not repeats
        qualify min(customer_id) over (partition by event_id)
             <> max(customer_id) over (partition by event_id)"""
    )


def break_merges(
    connection: duckdb.DuckDBPyConnection, known: str | None = None, merged: str | None = None
) -> None:
    """A merge leads to a customer with a row that holds, and never back to where it began.

    known, merged: SQL for the customers and mergers of the base that a feed is added to.

    All rows not refused so far count, also those that a later version corrects: a cycle over time is
    refused as well. A repeated row stands for nobody: the row that it repeats may be refused.
    """
    connection.execute(
        """create or replace table standing as
        select row_number, customer_id, merged_into from checked
        where customer_id is not null and row_number not in (from repeated)
        and row_number not in (select row_number from broken)"""
    )
    connection.execute("create or replace table merges as from standing where merged_into is not null")
    _break_cycles(connection, merged)
    if known:
        connection.execute(f"insert into standing select -1, customer_id, null from ({known})")
    # A refused row may take away the customer that another row names: repeat until none is refused.
    lost = f"""select row_number, {literal(MERGED_INTO_A_CUSTOMER)} from merges
        where row_number not in (select row_number from broken)
        and merged_into not in (
            select customer_id from standing where row_number not in (select row_number from broken))"""
    while _changed(connection, f"insert into broken {lost}"):
        pass


def _break_cycles(connection: duckdb.DuckDBPyConnection, merged: str | None) -> None:
    """Peel off merges that nothing leads to or that lead nowhere on; what remains goes round."""
    connection.execute(
        "create or replace table round as select distinct customer_id, merged_into from merges "
        "where customer_id <> merged_into"
    )
    if merged:
        connection.execute(f"insert into round {merged}")
    peel = """delete from round where customer_id not in (select merged_into from round)
        or merged_into not in (select customer_id from round)"""
    while _changed(connection, peel):
        pass
    connection.execute(
        f"""insert into broken select row_number, {literal(NO_CYCLE)} from merges
        where (customer_id, merged_into) in (select (customer_id, merged_into) from round)"""
    )


def _changed(connection: duckdb.DuckDBPyConnection, change: str) -> int:
    return int(rows_of(connection, change)[0][0])
