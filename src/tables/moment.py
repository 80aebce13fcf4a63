"""Moments: instants, stored as microseconds since 1970-01-01 UTC."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tables.refusal import Refused

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
FOREVER = 2**63 - 1


def parse_moment(text: str, zone: str) -> datetime:
    """A date (its first instant in `zone`) or an ISO 8601 timestamp (in `zone` if it names none)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(
            f"a moment is a date or an ISO 8601 timestamp, as in 2026-11-22 or "
            f"2026-11-22T06:00+08:00; came {text!r}"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone_of(zone))


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Refused(f"a time zone is an IANA name, as in Asia/Shanghai; came {name!r}") from error


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exact."""
    if moment.tzinfo is None:
        raise ValueError(f"a moment needs a time zone; came {moment!r}")
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def from_micros(micros: int) -> datetime:
    seconds, rest = divmod(int(micros), SECOND)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest)


def in_zone(micros: int, zone: str) -> datetime:
    return from_micros(micros).astimezone(zone_of(zone))


def local_day(micros: int, zone: str) -> str:
    """The date at a moment in a time zone, as people write it."""
    return f"{in_zone(micros, zone):%Y-%m-%d}"


def first_instant(on: date, zone: str) -> datetime:
    return datetime.combine(on, time(), zone_of(zone))
