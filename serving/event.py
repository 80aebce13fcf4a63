"""What may come online: rows of the contract's tables, asked for as its columns are stated."""

from collections import Counter
from datetime import date
from typing import Annotated, Any, Literal, Union

from pydantic import AfterValidator, BeforeValidator, Field, create_model

from serving.question import Asked, CustomerId, instant
from tables.column import Column
from tables.contract import CONTACT_CHANNELS, CUSTOMER_TABLES, TABLES
from tables.moment import to_micros

MOST_EVENTS = 1000
# A caller's clock may be so much ahead of ours.
SECONDS_AHEAD = 60
LARGEST_NUMBER = 2**53
# Mergers come with the feed: they change whose history an event is read in.
NOT_ONLINE = ("event_id", "customer_id", "at", "known_at", "deleted", "merged_into")


def _micros(value: Any) -> int:
    return to_micros(instant(value))


def _day(value: Any) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError) as error:
        raise ValueError("an ISO 8601 date, as in 1990-12-31") from error


def _no_number(value: Any) -> Any:
    """0 equals False, and a literal asks for no more."""
    if value is not None and not isinstance(value, bool):
        raise ValueError("false, or nothing")
    return value


def _written(form: str) -> Any:
    return Annotated[str, Field(json_schema_extra={"format": form})]


Instant = Annotated[int, BeforeValidator(_micros, json_schema_input_type=_written("date-time"))]
Day = Annotated[str, BeforeValidator(_day, json_schema_input_type=_written("date"))]
Number = Annotated[int, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
# Types that are made of the contract are beyond the type checker.
LITERAL: Any = Literal
UNION: Any = Union
KINDS: dict[str, Any] = {
    "text": Text,
    "instant": Instant,
    "day": Day,
    "integer": Number,
    "money": Number,
    "number": Annotated[float, Field(allow_inf_nan=False)],
    "flag": bool,
}


class Event(Asked):
    """An event of a customer; the other fields are the columns of its table."""

    event_id: Annotated[
        Text,
        Field(description="Names the event: the same again changes nothing, in Monday's feed too."),
    ]
    customer_id: CustomerId
    at: Annotated[Instant | None, Field(description="When it happened; by default, when it came.")] = None
    deleted: Annotated[bool, Field(description="true: the event is withdrawn.")] = False
    correction: Annotated[
        bool,
        Field(
            description="true: what is said of the event before is not so; without it, another content "
            "under the same event_id is refused."
        ),
    ] = False


def _type_of(column: Column) -> Any:
    if column.kind == "choice":
        return LITERAL[column.choices]
    if column.kind == "choices":
        return list[LITERAL[column.choices]]
    return KINDS[column.kind]


def _model_of(name: str) -> type[Event]:
    table = TABLES[name]
    fields: dict[str, Any] = {"table": (LITERAL[name], ...)}
    for column in table.columns.values():
        if column.name not in NOT_ONLINE:
            kind = _type_of(column) if column.required else _type_of(column) | None
            described = Field(... if column.required else None, description=column.meaning)
            fields[column.name] = (kind, described)
    return create_model(f"{name.capitalize()}Event", __base__=Event, __doc__=table.__doc__, **fields)


MODELS = {name: _model_of(name) for name in CUSTOMER_TABLES}
AnyEvent: Any = Annotated[UNION[tuple(MODELS.values())], Field(discriminator="table")]


def _named_once(events: list[Event]) -> list[Event]:
    names = Counter((each.table, each.event_id) for each in events)  # type: ignore[attr-defined]
    if twice := [name for (_, name), times in names.items() if times > 1]:
        raise ValueError(f"each event once; named again: {', '.join(map(repr, twice[:10]))}")
    return events


class Events(Asked):
    """What happened, in the order in which it did; all of it is taken, or nothing."""

    events: Annotated[
        list[AnyEvent],
        Field(min_length=1, max_length=MOST_EVENTS),
        AfterValidator(_named_once),
    ]


class OptOut(Asked):
    """What a customer no longer wants; it holds from the next request on."""

    event_id: Annotated[Text | None, Field(description="Names it; by default, a name of its own.")] = None
    customer_id: CustomerId
    channels: Annotated[
        list[Literal[CONTACT_CHANNELS]],  # type: ignore[valid-type]
        Field(
            default_factory=lambda: list(CONTACT_CHANNELS),
            description="On which the customer is no longer contacted; by default, all.",
        ),
    ]
    personalised: Annotated[
        Literal[False] | None,
        BeforeValidator(_no_number),
        Field(description="false: nothing is to be chosen from what is known of the customer either."),
    ] = None


def row_of(event: Event) -> dict[str, Any]:
    """The event as the journal keeps it (tables.event_row), without what was not said."""
    said = event.model_dump(exclude_none=True, exclude={"correction"})
    if not said["deleted"]:
        del said["deleted"]
    return {
        name: ",".join(dict.fromkeys(value)) if isinstance(value, list) else value
        for name, value in said.items()
    }
