"""Limits: what may go out in a week, as arrays over offers and channels.

An option is (customer i, offer j, channel c). Its expected cost is response[i, j] * redemption_cost[j] +
contact_cost[j, c]; of limit l it takes

    money[l, j, c] * cost[i, j, c] + contacts[l, j, c] + redemptions[l, j, c] * response[i, j],

and what all chosen options take stays at or below bounds[l]. A money budget has money 1 where it counts, a
capacity contacts 1, stock redemptions 1. "At least a share of contacts" has contacts share - 1 where a
contact counts towards it, share elsewhere, and bound 0; "at least n" has contacts -1 and bound -n.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.policy import Policy
from decisions.reach import Budget
from tables.contract import CONTACT_CHANNELS
from tables.offer import Offer
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
# A sum of millions is kept within a bound up to rounding: this share of it.
ROUNDING = 1e-9


class Terms(NamedTuple):
    """What offers cost, minor units. redemption_cost: when redeemed, shape (J,); contact_cost: when told, the
    offer's own and the channel's, shape (J, C)."""

    redemption_cost: Floats
    contact_cost: Floats


class Limits(NamedTuple):
    """names and bounds: (L,); money, contacts, redemptions: what an option takes of each, (L, J, C)."""

    names: tuple[str, ...]
    bounds: Floats
    money: Floats
    contacts: Floats
    redemptions: Floats

    def room(self) -> Floats:
        """The bounds and what rounding may add; shape (L,)."""
        return self.bounds + ROUNDING * np.maximum(np.abs(self.bounds), 1.0)

    def scaled(self, by: float | Floats) -> "Limits":
        """The same limits with other bounds: all of them, or each, times `by`."""
        return self._replace(bounds=self.bounds * by)


class Charges(NamedTuple):
    """What the limits an option uses are worth at some prices: money times its cost + contact + response
    times its response; each (J, C)."""

    money: Floats
    contact: Floats
    response: Floats


class Takes(NamedTuple):
    """What an option takes of each limit, as a line over the response: fixed + by_response * response; each
    (L, J, C)."""

    fixed: Floats
    by_response: Floats


def charges(limits: Limits, prices: Floats) -> Charges:
    """Prices, shape (L,), at least 0, folded into three numbers an option."""
    if len(prices) != len(limits.names) or not (np.isfinite(prices) & (prices >= 0)).all():
        said = f"{len(limits.names)} finite prices of at least 0, one a limit, came {np.asarray(prices)}"
        raise Refused(f"Prices of limits: expected {said}")
    money, contacts, redemptions = (
        np.einsum("l,ljc->jc", prices, each) for each in (limits.money, limits.contacts, limits.redemptions)
    )
    return Charges(money, contacts, redemptions)


def no_charges(terms: Terms) -> Charges:
    nothing = np.zeros(terms.contact_cost.shape)
    return Charges(nothing, nothing, nothing)


def takes_of(limits: Limits, terms: Terms) -> Takes:
    redemption = terms.redemption_cost[:, None]
    return Takes(
        limits.money * terms.contact_cost + limits.contacts,
        limits.money * redemption + limits.redemptions,
    )


def checked(limits: Limits, terms: Terms) -> Limits:
    """The limits as contiguous float64; Refused where shapes differ or a number is none."""
    shape = (len(limits.names), *terms.contact_cost.shape)
    arrays = [np.ascontiguousarray(each, dtype=np.float64) for each in limits[1:]]
    for name, each, expected in zip(
        Limits._fields[1:], arrays, (shape[:1], shape, shape, shape), strict=True
    ):
        if each.shape != expected:
            raise Refused(
                f"Limits: {name} has shape {each.shape}, expected {expected} as names and offers say"
            )
        if not np.isfinite(each).all():
            where = limits.names[int(np.argwhere(~np.isfinite(each))[0][0])]
            raise Refused(f"Limits: {name} of {where} is not a finite number; leave out what has no bound")
    bounds, money, contacts, redemptions = arrays
    return Limits(limits.names, bounds, money, contacts, redemptions)


def terms_of_offers(policy: Policy, offers: Sequence[Offer]) -> Terms:
    """Channels stand in CONTACT_CHANNELS' order; one that the policy does not name costs nothing itself."""
    own = {channel.name: channel.cost for channel in policy.channels}
    by_channel = np.array([own.get(name, 0) for name in CONTACT_CHANNELS], dtype=np.float64)
    by_offer = np.array([offer.contact_cost for offer in offers], dtype=np.float64)
    redemption = np.array([offer.cost for offer in offers], dtype=np.float64)
    return Terms(redemption, by_offer[:, None] + by_channel)


def limits_of(policy: Policy, offers: Sequence[Offer], stock: Mapping[str, float] | None = None) -> Limits:
    """The limits of a week: weekly_budget, the policy's budgets, and the stock of offers.

    stock: expected redemptions that are left, by offer_id; offers that are not named have no end of it.
    Refused: stock of an offer that is not there, or below 0.
    """
    shape = (len(offers), len(CONTACT_CHANNELS))
    none, every = np.zeros(shape), np.ones(shape)
    rows = [("weekly_budget", float(policy.weekly_budget), every, none, none)]
    for budget in policy.budgets:
        for name, bound, share in _bounds(budget):
            inside = _inside(budget, offers)
            money = inside if budget.of == "money" else none
            contacts = none if budget.of == "money" else inside if share is None else share - inside
            rows.append((name, bound, money, contacts, none))
    places = {offer.offer_id: k for k, offer in enumerate(offers)}
    for offer_id, left in sorted((stock or {}).items()):
        if offer_id not in places:
            raise Refused(
                f"Stock of {offer_id}: there is no such offer; there is {', '.join(places) or 'none'}"
            )
        if not (np.isfinite(left) and left >= 0):
            raise Refused(f"Stock of {offer_id}: expected redemptions left, 0 or more, came {left}")
        own = np.zeros(shape)
        own[places[offer_id]] = 1
        rows.append((f"stock of {offer_id}", float(left), none, none, own))
    names, bounds, *tables = zip(*rows, strict=True)
    money, contacts, redemptions = (np.stack(each) for each in tables)
    return Limits(tuple(names), np.array(bounds), money, contacts, redemptions)


def _bounds(budget: Budget) -> Iterator[tuple[str, float, float | None]]:
    """Name, bound and share of the limits that a budget states."""
    if budget.weekly is not None:
        yield budget.name, float(budget.weekly), None
    if budget.least_share is not None:
        yield f"least share of {budget.name}", 0.0, budget.least_share


def _inside(budget: Budget, offers: Sequence[Offer]) -> Floats:
    """1 where an option is of the budget's kinds and channels, shape (J, C)."""
    kinds = np.array([not budget.kinds or offer.kind in budget.kinds for offer in offers], dtype=bool)
    channels = np.array([not budget.channels or name in budget.channels for name in CONTACT_CHANNELS])
    inside: Floats = (kinds.reshape(-1, 1) & channels).astype(np.float64)
    return inside
