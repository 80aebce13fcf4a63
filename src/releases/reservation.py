"""What a week reserved, as the service needs it to choose again: prices, everybody's offer and channel."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from decisions.choice import NOTHING, Market, Reserved, free_market
from decisions.plan import spent_out
from releases.policy import FrozenPolicy
from releases.week import WeekAbout, week_parts
from tables.contract import CONTACT_CHANNELS
from tables.refusal import Refused


def market_of(about: WeekAbout, frozen: FrozenPolicy) -> Market:
    """The week's limits at its prices, with nothing left beside what it reserved; Refused where the week was
    made under other limits than the policy states."""
    market = free_market(frozen.policy, frozen.offers)
    names = tuple(limit.name for limit in about.limits)
    bounds = [limit.bound for limit in about.limits]
    if names != market.limits.names or bounds != market.limits.bounds.tolist():
        raise Refused(
            f"the week's limits ({', '.join(names)}) are not those of policy {frozen.name} "
            f"({', '.join(market.limits.names)}); run `holdfast score`"
        )
    return spent_out(market.at(np.array([limit.price for limit in about.limits])))


def remainder_of(about: WeekAbout) -> npt.NDArray[np.float64]:
    """What the week left of each limit beside its reservations, shape (limits,): online may spend it."""
    return np.array([limit.bound - limit.used for limit in about.limits])


def reserved_of(folder: Path, frozen: FrozenPolicy, customer_ids: list[str] | None = None) -> Reserved:
    """Of everybody in the order of the base, or of some; what is read is verified."""
    offers = [offer.offer_id for offer in frozen.offers]
    parts = list(week_parts(folder, customer_ids, columns=["customer_id", "chosen_offer", "chosen_channel"]))
    return Reserved(
        _places(parts, "chosen_offer", offers), _places(parts, "chosen_channel", list(CONTACT_CHANNELS))
    )


def _places(parts: list[pa.Table], column: str, words: list[str]) -> npt.NDArray[np.int64]:
    value_set = pa.array(words, pa.string())
    found = [
        np.asarray(pc.index_in(part[column], value_set=value_set, skip_nulls=True).fill_null(NOTHING))
        for part in parts
    ]
    return np.concatenate([np.empty(0, np.int64), *found]).astype(np.int64)
