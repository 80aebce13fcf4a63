"""Rows at hand under the rules: which of them break which rules, each on its own.

The rows stand in the relation `incoming`: `row_number` (from 1) and the columns as they came. What is found
goes into the tables `broken` (row_number, rule) and `repeated` (row_number); tables.check_versions fills
them too.
"""

import duckdb

from tables.check_rules import whole_row
from tables.contract import Table
from tables.engine import literal

# The names of the rules that a refused row breaks.
REASONS = "select row_number, list(rule order by rule) as reasons from broken group by row_number"


def lay_out(connection: duckdb.DuckDBPyConnection, table: type[Table], came: list[str]) -> None:
    """The view `checked`: the rows of `incoming`, which has the columns `came`, whole; nothing found yet."""
    connection.execute(
        f"create or replace view checked as select row_number, {whole_row(table, came)} from incoming"
    )
    begin_finding(connection)


def begin_finding(connection: duckdb.DuckDBPyConnection) -> None:
    """Nothing is broken or repeated so far."""
    connection.execute("create or replace table broken (row_number bigint, rule varchar)")
    connection.execute("create or replace table repeated (row_number bigint)")


def break_row_rules(connection: duckdb.DuckDBPyConnection, rules: dict[str, str]) -> None:
    """One pass over `checked`; each row gets the list of the rules (tables.check_rules) that it breaks."""
    reasons = ", ".join(
        f"case when not ({condition}) then {literal(rule)} end" for rule, condition in rules.items()
    )
    # A file's statistics pass over "not a number": by them 1 to 5 is all there is, and no condition is asked.
    connection.execute("set disabled_optimizers = 'statistics_propagation'")
    connection.execute(
        f"""insert into broken
        select row_number, unnest(reasons) from (
            select row_number, list_filter([{reasons}], lambda reason: reason is not null) as reasons
            from checked)
        where len(reasons) > 0"""
    )
    connection.execute("reset disabled_optimizers")
