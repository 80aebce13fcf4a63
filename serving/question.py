"""What is asked of the service: bodies and parameters, read strictly and refused by name."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from starlette.requests import ClientDisconnect, Request

from serving.problem import Kind, Problem, invalid

LARGEST_BODY = 1024 * 1024
SLOWEST_BODY_SECONDS = 10
MOST_CUSTOMERS = 1000
LONGEST_ID = 256
MOST_ERRORS = 20
LONGEST_KEY = 200
# In the place of a moment: the published week's.
WEEK: Final = "week"
# What pydantic's kinds of errors expected.
EXPECTED = {
    "missing": "the field",
    "extra_forbidden": "no such field",
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
    "string_too_long": f"at most {LONGEST_ID} characters",
    "string_unicode": "a text in Unicode",
    "list_type": "a list",
    "too_short": "at least one customer",
    "too_long": f"at most {MOST_CUSTOMERS} customers",
    "model_type": "an object",
    "literal_error": "one of none, stored and now",
}


def instant(value: Any) -> datetime:
    """In UTC; raises ValueError that says what was expected."""
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("no zone")
        return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("an ISO 8601 timestamp with a zone, as in 2026-10-01T00:00:00+08:00") from error


def _moment(value: Any) -> datetime | str:
    if value == WEEK:
        return WEEK
    try:
        moment = instant(value)
    except ValueError as error:
        raise ValueError(f"{WEEK!r}, or {error}") from error
    if moment > datetime.now(UTC):
        raise ValueError("a moment that is not in the future")
    return moment


def _each_once(ids: list[str]) -> list[str]:
    if twice := _twice(ids):
        raise ValueError(f"each customer once; named again: {', '.join(map(repr, twice[:10]))}")
    return ids


def _twice(names: list[str]) -> list[str]:
    if len(set(names)) == len(names):
        return []
    return [name for name, times in Counter(names).items() if times > 1]


AsOf = Annotated[AwareDatetime | Literal["week"], BeforeValidator(_moment)]
When = Annotated[
    AsOf | None,
    Field(description="Facts as of then; by default, as of now; week: as of the published week."),
]
CustomerId = Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Moment(Asked):
    """The parameters of a customer."""

    as_of: Annotated[
        AsOf | None,
        Field(description="Facts as of then; by default, of now; week: as of the published week."),
    ] = None


class Customers(Asked):
    """The customers asked for; if one of them is not known, none is answered."""

    customer_ids: Annotated[
        list[CustomerId],
        Field(min_length=1, max_length=MOST_CUSTOMERS, json_schema_extra={"uniqueItems": True}),
        AfterValidator(_each_once),
    ]
    as_of: Annotated[
        AsOf | None,
        Field(description="Facts as of then; by default, of now; week: as of the published week."),
    ] = None


# How a decision comes with its reasons.
NO_REASONS, STORED, NOW = "none", "stored", "now"
Reasons = Literal["none", "stored", "now"]


class Deciding(Customers):
    """The customers to decide for."""

    commit: Annotated[
        bool | None,
        Field(
            description="Whether what is chosen is going to be made: it is then counted against every limit "
            "and cap, and what is left may be spent. By default, now and after the week's moment; not "
            "for a moment before it."
        ),
    ] = None
    reasons: Annotated[
        Reasons,
        Field(
            description="Why the customer may leave: none; stored, as the week published them, computed anew "
            "only where more is known since; now, computed from the facts at the answer's moment."
        ),
    ] = "none"


T = TypeVar("T", bound=Asked)


async def read_body(request: Request, kind: type[T]) -> T:
    """The body as `kind`; raises Problem."""
    read_parameters(request, Asked)
    declared = request.headers.get("content-type", "")
    if declared.partition(";")[0].strip().lower() != "application/json":
        raise Problem(Kind.WRONG_CONTENT_TYPE, f"expected application/json; came {declared!r}")
    return _validated(kind, parse(await _whole_body(request)))


def idempotency_key(request: Request) -> str:
    """What a request that is tried again says again; '' for none."""
    keys = request.headers.getlist("idempotency-key")
    if len(keys) > 1 or any(not 0 < len(key) <= LONGEST_KEY or not key.isprintable() for key in keys):
        raise invalid(
            {
                "field": "Idempotency-Key",
                "expected": f"one header of 1 to {LONGEST_KEY} printable characters",
                "came": _short(keys),
            }
        )
    return keys[0] if keys else ""


def read_parameters(request: Request, kind: type[T]) -> T:
    """The query parameters as `kind`, each at most once; raises Problem."""
    pairs = request.query_params.multi_items()
    if twice := _twice([name for name, _ in pairs]):
        raise invalid({"field": twice[0], "expected": "each parameter once", "came": "more"})
    return _validated(kind, dict(pairs))


def one_customer(customer_id: str) -> str:
    """The id that stands in a path; raises Problem where no customer can have it."""
    if len(customer_id) > LONGEST_ID:
        expected, came = EXPECTED["string_too_long"], f"{len(customer_id)} characters"
        raise invalid({"field": "customer_id", "expected": expected, "came": came})
    return customer_id


def parse(body: bytes) -> Any:
    """JSON as RFC 8259 has it: UTF-8, no NaN, no infinity; and no name twice in an object."""
    try:
        return _decoder.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise Problem(Kind.NOT_JSON, f"expected JSON in UTF-8; {error}") from error


def _no_number(word: str) -> NoReturn:
    raise invalid({"field": "", "expected": "numbers that JSON knows", "came": word})


def _names_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if twice := _twice([name for name, _ in pairs]):
        raise invalid({"field": twice[0], "expected": "each name once in an object", "came": "more"})
    return dict(pairs)


_decoder = json.JSONDecoder(parse_constant=_no_number, object_pairs_hook=_names_once)


async def _whole_body(request: Request) -> bytes:
    """Reads on past the limit without keeping anything: a caller still sending would not see the answer."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(SLOWEST_BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size <= LARGEST_BODY:
                    parts.append(part)
    except TimeoutError:
        detail = f"expected the body within {SLOWEST_BODY_SECONDS} seconds; {size} bytes came"
        raise Problem(Kind.BODY_TOO_SLOW, detail) from None
    except ClientDisconnect:
        raise Problem(Kind.NOT_JSON, f"the connection ended after {size} bytes of the body") from None
    if size > LARGEST_BODY:
        raise Problem(Kind.BODY_TOO_LARGE, f"expected at most {LARGEST_BODY} bytes; came {size}")
    return b"".join(parts)


def _validated(kind: type[T], value: Any) -> T:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise invalid(
            *(
                {
                    "field": ".".join(map(str, each["loc"])),
                    "expected": EXPECTED.get(each["type"], each["msg"].removeprefix("Value error, ")),
                    "came": "nothing" if each["type"] == "missing" else _short(each["input"]),
                }
                for each in error.errors(include_url=False, include_context=False)[:MOST_ERRORS]
            )
        ) from error


def _short(value: Any) -> str:
    text = f"{len(value)} items" if isinstance(value, list) else ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
