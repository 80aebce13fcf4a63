"""The moment a job speaks of, and the offers known at it."""

import json
from pathlib import Path
from typing import Protocol

from decisions.policy import read_offers
from features.reader import Progress
from pipelines.configuration import configuration
from releases.home import Home
from tables.history import BUCKETS_KEPT, Histories, read_histories
from tables.memory import left
from tables.moment import local_day, parse_moment, to_micros
from tables.offer import Offer, offers_at
from tables.refusal import Refused
from tables.sealed import verify
from tables.source import BASE


class Dated(Protocol):
    """What a base knows of its time."""

    @property
    def time_zone(self) -> str: ...

    @property
    def first_at(self) -> int: ...

    @property
    def last_at(self) -> int: ...


def open_base(home: Home, progress: Progress | None = None) -> tuple[Path, Histories]:
    """The current base, verified, and its histories; progress: bytes verified, of how many."""
    base = home.current_base()
    verify(base, progress)
    return base, read_histories(base / "histories", BUCKETS_KEPT if left() is None else 1)


def source_of(base: Path) -> str:
    """The name of the source that the base's tables came from."""
    said = json.loads((base / "tables" / BASE).read_text(encoding="utf-8"))
    return str(said["source"])


def moment_of(histories: Dated, as_of: str | None) -> int:
    """The moment asked for, by default the last one the data knows; refused before the data begins."""
    if as_of is None:
        return histories.last_at
    try:
        t = to_micros(parse_moment(as_of, histories.time_zone))
    except OverflowError as error:
        raise Refused(f"--as-of {as_of} lies outside the calendar") from error
    if t < histories.first_at:
        raise Refused(
            f"--as-of {as_of} lies before the data, which begins on "
            f"{local_day(histories.first_at, histories.time_zone)}"
        )
    return t


def offers_of(base: Path, t: int, zone: str) -> tuple[Offer, ...]:
    """The base's offers known at t, with those of config/offers.yaml."""
    return read_offers(configuration() / "offers.yaml", offers_at(base / "tables", t), zone)
