"""What a customer's last visible row states, in the contract's words again."""

from datetime import date, timedelta

import msgspec

from tables.column import Column
from tables.contract import Customers
from tables.history import MISSING_DAY, MISSING_NUMBER, Records
from tables.moment import from_micros

Value = str | int | bool | list[str] | None
# Texts are kept as codes, from which no text comes back.
STATED = {
    name: column
    for name, column in Customers.columns.items()
    if column.recorded and column.kind != "text" and name not in ("at", "known_at", "deleted")
}


def attributes(rows: Records, present: frozenset[str]) -> dict[str, Value]:
    """Attribute -> value as of the last of the visible rows, None where it is not stated.

    Columns that the base does not have are left out.
    """
    return {
        name: _value(rows[-1][name].item(), column) if len(rows) else None
        for name, column in STATED.items()
        if f"customers.{name}" in present
    }


def _value(kept: int, column: Column) -> Value:
    if column.kind == "choice":
        return column.choices[kept - 1] if kept > 0 else None
    if kept in (MISSING_NUMBER, MISSING_DAY):
        return None
    if column.kind == "choices":
        return [word for place, word in enumerate(column.choices) if (kept >> place) & 1]
    if column.kind == "day":
        return (date(1970, 1, 1) + timedelta(days=kept)).isoformat()
    if column.kind == "instant":
        return str(msgspec.to_builtins(from_micros(kept)))
    return kept
