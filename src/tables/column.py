"""Kinds of columns, and the one place where their types and units are stated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "instant", "day", "integer", "money", "number", "flag", "choice", "choices"]

# What a source may deliver for each kind, in DuckDB's type names. Money is never a float: sums must
# be exact and equal on every engine and thread.
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
ACCEPTED: dict[Kind, tuple[str, ...]] = {
    "text": ("VARCHAR",),
    "instant": (
        "TIMESTAMP WITH TIME ZONE",
        "TIMESTAMP",
        "TIMESTAMPTZ_NS",
        "TIMESTAMP_NS",
        "TIMESTAMP_MS",
        "DATE",
    ),
    "day": ("DATE",),
    "integer": INTEGERS,
    "money": INTEGERS,
    "number": (*INTEGERS, "DOUBLE", "FLOAT"),
    "flag": ("BOOLEAN",),
    "choice": ("VARCHAR",),
    "choices": ("VARCHAR",),
}
HINT: dict[Kind, str] = {
    "text": "cast(... as varchar)",
    "instant": "cast(... as timestamptz), or a timestamp in the base's time zone",
    "day": "cast(... as date)",
    "integer": "cast(... as bigint)",
    "money": "whole minor units, as in cast(round(... * 100) as bigint)",
    "number": "cast(... as double)",
    "flag": "a boolean, as in (... = 'Y')",
    "choice": "one of the listed words",
    "choices": "listed words joined by commas, as in 'email,sms'",
}
# The type of the checked column.
STORED: dict[Kind, str] = {
    "text": "varchar",
    "instant": "timestamptz",
    "day": "date",
    "integer": "bigint",
    "money": "bigint",
    "number": "double",
    "flag": "boolean",
    "choice": "varchar",
    "choices": "varchar",
}
# What one history record keeps of it. A text becomes its code (tables.code), a choice its place in the list
# counted from 1 (0 is missing), choices a set of bits, an instant microseconds since 1970 UTC. A column of 32
# bits keeps half of that: texts that are compared within one customer's history only, and small numbers.
RECORD: dict[Kind, str] = {
    "text": "i8",
    "instant": "i8",
    "day": "i4",
    "integer": "i8",
    "money": "i8",
    "number": "f8",
    "flag": "i1",
    "choice": "i1",
    "choices": "i4",
}


@dataclass(frozen=True)
class Column:
    """One column of a table: what it means, whether it must be there, and what it refers to."""

    kind: Kind
    meaning: str
    required: bool = True
    choices: tuple[str, ...] = ()
    references: str = ""
    recorded: bool = True
    bits: int = 64
    name: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)

    @property
    def record(self) -> str:
        """The type of its field in a history record."""
        kept = RECORD[self.kind]
        return kept.replace("8", "4") if self.bits == 32 else kept


def text(
    meaning: str, *, required: bool = True, references: str = "", recorded: bool = True, bits: int = 64
) -> Column:
    return Column("text", meaning, required, references=references, recorded=recorded, bits=bits)


def instant(meaning: str, *, required: bool = True) -> Column:
    return Column("instant", meaning, required)


def day(meaning: str, *, required: bool = True) -> Column:
    return Column("day", meaning, required)


def integer(meaning: str, *, required: bool = True, bits: int = 64) -> Column:
    return Column("integer", meaning, required, bits=bits)


def money(meaning: str, *, required: bool = True) -> Column:
    return Column("money", meaning, required)


def number(meaning: str, *, required: bool = True) -> Column:
    return Column("number", meaning, required)


def flag(meaning: str, *, required: bool = True) -> Column:
    return Column("flag", meaning, required)


def choice(meaning: str, choices: Sequence[str], *, required: bool = True) -> Column:
    return Column("choice", meaning, required, tuple(choices))


def choices(meaning: str, allowed: Sequence[str], *, required: bool = True) -> Column:
    return Column("choices", meaning, required, tuple(allowed))
