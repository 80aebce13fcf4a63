"""The rules of a table as SQL: what a row must be, by the name that a broken row gets."""

from tables.column import STORED, Column
from tables.contract import KEYS, Table
from tables.engine import identifier, literal

# From when they hold may be announced before; all other tables tell what happened.
ANNOUNCED = ("customers", "products", "offers")
ONE_VERSION = "an event has one version at one moment"
ONE_CUSTOMER = "an event keeps its customer"
MERGED_INTO_A_CUSTOMER = "merged_into names a row of customers"
NO_CYCLE = "merges make no cycle"


def written_columns(table: type[Table], present: list[str]) -> list[str]:
    """The columns of rows that hold: those of the contract that came, and those that are filled."""
    return [name for name in table.columns if name in present or name in ("known_at", "deleted")]


def whole_row(table: type[Table], present: list[str]) -> str:
    """All contract columns in their stored types; known_at and deleted filled, missing columns null."""
    said = {name: identifier(name) if name in present else "null" for name in table.columns}
    said["known_at"] = f"coalesce({said['known_at']}, {said['at']})"
    said["deleted"] = f"coalesce({said['deleted']}, false)"
    return ", ".join(
        f"cast({said[name]} as {STORED[column.kind]}) as {name}" for name, column in table.columns.items()
    )


def row_rules(table: type[Table], now: str, kept: dict[str, str]) -> dict[str, str]:
    """Rule name -> condition that one row must meet; null counts as met.

    `now` is an SQL instant, `kept` has SQL for the keys of another table's rows that hold.
    """
    rules: dict[str, str] = {}
    for column in table.columns.values():
        rules |= _column_rules(column)
    rules["known_at lies not in the future"] = f"known_at <= {now}"
    if table.table_name in ANNOUNCED:  # known_at may be our own filling, and then it is `at`
        rules["known_at lies not in the future"] += ' or known_at = "at"'
    if table.table_name not in ANNOUNCED:
        rules["at lies not in the future"] = f'"at" <= {now}'
        rules["known_at is not before at"] = 'known_at >= "at"'
    rules |= table.rules
    for column in table.columns.values():
        if column.references in kept:
            key = KEYS[column.references]
            rules[f"{column.name} names a row of {column.references}"] = (
                f"{column.name} is null or {column.name} in (select {key} from ({kept[column.references]}))"
            )
    return rules


def _column_rules(column: Column) -> dict[str, str]:
    name = identifier(column.name)
    rules: dict[str, str] = {}
    if column.required:
        blank = f" and trim({name}) <> ''" if column.kind == "text" else ""
        rules[f"{column.name} is missing"] = f"{name} is not null{blank}"
    if column.kind == "integer" and column.bits == 32:
        rules[f"{column.name} lies between -2,147,483,647 and 2,147,483,647"] = (
            f"{name} between -2147483647 and 2147483647"
        )
    if column.kind in ("instant", "day", "number"):
        rules[f"{column.name} is finite"] = f"isfinite({name})"
    listed = "[" + ", ".join(literal(choice) for choice in column.choices) + "]"
    allowed = ", ".join(column.choices)
    if column.kind == "choice":
        rules[f"{column.name} is one of {allowed}"] = f"list_contains({listed}, {name})"
    if column.kind == "choices":
        rules[f"{column.name} holds only {allowed}"] = (
            f"{name} = '' or list_has_all({listed}, string_split({name}, ','))"
        )
    return rules


def order_of(table: type[Table]) -> str:
    key = "customer_id" if table.is_of_a_customer() else KEYS[table.table_name]
    return f'{key}, "at", event_id, known_at'
