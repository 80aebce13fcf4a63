"""Offers as they are known at a moment."""

from dataclasses import dataclass, fields
from pathlib import Path

import duckdb

from tables.contract import CONTACT_CHANNELS, OFFER_KINDS
from tables.moment import FOREVER
from tables.small_table import parts_of, relation


@dataclass(frozen=True)
class Offer:
    """One offer. Money in minor units; moments in microseconds; `cost` is what a redemption costs us;
    `stock`: redemptions that are left, None where there is no end of them."""

    offer_id: str
    kind: str
    name: str
    reward: int
    cost: int
    contact_cost: int = 0
    minimum_spend: int = 0
    category: str = ""
    starts_at: int = 0
    ends_at: int = FOREVER
    stock: int | None = None
    channels: tuple[str, ...] = CONTACT_CHANNELS

    @property
    def kind_place(self) -> int:
        """Its place among the kinds, from 1, as records keep it."""
        return OFFER_KINDS.index(self.kind) + 1


OPTIONAL = {
    "name": "offer_id",
    "contact_cost": "0",
    "minimum_spend": "0",
    "category": "''",
    "ends_at": "null",
    "stock": "null",
    "channels": f"'{','.join(CONTACT_CHANNELS)}'",
}


def offers_at(tables: Path, t: int) -> tuple[Offer, ...]:
    """The offers of the checked folder `tables` known at t, in order of their ids; none without the table."""
    parts = parts_of(tables, "offers")
    if not parts:
        return ()
    rows_there = relation(parts)
    db = duckdb.connect()  # small: it needs no folder to spill to
    present = {row[0] for row in db.execute(f"describe from {rows_there}").fetchall()}
    optional = {
        name: f"coalesce({name}, {default})" if name in present else default
        for name, default in OPTIONAL.items()
    }
    rows = db.execute(
        f"""
        with versions as (
          from {rows_there}
          where epoch_us("at") <= $t and epoch_us(known_at) <= $t
          qualify row_number() over (partition by event_id order by known_at desc) = 1
        )
        select offer_id, kind, {optional["name"]}, reward, cost, {optional["contact_cost"]},
          {optional["minimum_spend"]}, {optional["category"]}, epoch_us(starts_at),
          coalesce(epoch_us(cast({optional["ends_at"]} as timestamptz)), {FOREVER}), {optional["stock"]},
          {optional["channels"]}
        from versions where not deleted
        qualify row_number() over (partition by offer_id order by "at" desc, known_at desc, event_id desc) = 1
        order by offer_id
        """,
        {"t": t},
    ).fetchall()
    return tuple(Offer(**dict(zip(NAMES, row, strict=True)) | {"channels": _words(row[-1])}) for row in rows)


NAMES = tuple(field.name for field in fields(Offer))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
