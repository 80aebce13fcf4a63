"""The choice: of everything that may be offered to a customer, on every channel, what adds the most.

Pure and vectorised: batch calls it with millions of rows, serving with one; equal inputs, equal answers. Its
randomness is a hash of customer, week and salt; logging and counting are its callers'.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.arbitration import tariff_of
from decisions.circumstance import Circumstances
from decisions.exploration import Draw, draw
from decisions.limit import Limits, Terms, charges, limits_of, takes_of, terms_of_offers
from decisions.option import Options, options
from decisions.pick import Left, Lines, May, Wish, net_and_cost, price, settle
from decisions.policy import Policy
from decisions.segment import Segments
from decisions.slot import slot_of
from decisions.why import Why
from models.scorer import Scores
from tables.offer import Offer
from tables.once import once

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
NOTHING = -1
# In the order of decisions.pick.
CODES = np.array(
    [
        Why.CHOSEN,
        Why.OUTRANKED,
        Why.NOT_VALID,
        Why.HELD_OUT,
        Why.NOT_WORTH_IT,
        Why.OVER_BUDGET,
        Why.SPENT,
        Why.COUNTERS_DOWN,
    ],
    np.int8,
)


class Market(NamedTuple):
    """What limits cost and leave: prices, worth of one more unit of each limit, and remaining, what is left
    of each beside what is reserved (nan where that cannot be known: nothing is given then); (limits,)."""

    terms: Terms
    limits: Limits
    prices: Floats
    remaining: Floats

    def at(self, prices: Floats, remaining: Floats | None = None) -> "Market":
        """The same limits at other prices."""
        return self._replace(prices=prices, remaining=self.remaining if remaining is None else remaining)


class Reserved(NamedTuple):
    """What the week set aside for each customer: places of an offer and a channel, NOTHING where nothing was;
    shape (customers,)."""

    offer: Int64s
    channel: Int64s

    def rows(self, rows: Int64s | slice) -> "Reserved":
        return Reserved(self.offer[rows], self.channel[rows])

    def at(self, places: Int64s) -> "Reserved":
        """Of the customers at these places; nothing for those who came later, behind all of the week's."""
        if not len(self.offer):
            return _nothing_reserved(len(places))
        is_new = places >= len(self.offer)
        return self.rows(np.where(is_new, 0, places)).without(is_new)

    def without(self, rows: npt.NDArray[np.bool_]) -> "Reserved":
        """Nothing for these customers: what was set aside for them was given."""
        return Reserved(np.where(rows, NOTHING, self.offer), np.where(rows, NOTHING, self.channel))


class Choices(NamedTuple):
    """chosen: place of the offer, or NOTHING; held_back: of the one withheld for the holdout; is_reserved:
    whether it was set aside; slot: place in the policy's, NOTHING without; propensity: with which this was
    done (or held back), nan where no lot decided; shape (customers,). channel: the best (place in
    CONTACT_CHANNELS, NOTHING without), net_value and cost on it (expected, minor units), why (Why); shape
    (customers, offers)."""

    chosen: Int64s
    held_back: Int64s
    is_reserved: npt.NDArray[np.bool_]
    slot: npt.NDArray[np.int8]
    propensity: Floats
    net_value: Floats
    cost: Floats
    why: npt.NDArray[np.int8]
    channel: npt.NDArray[np.int8]


def free_market(policy: Policy, offers: tuple[Offer, ...]) -> Market:
    """The policy's limits before anything is priced or spent."""
    stock = {offer.offer_id: float(offer.stock) for offer in offers if offer.stock is not None}
    limits = limits_of(policy, offers, stock)
    return Market(
        terms_of_offers(policy, offers),
        limits,
        np.zeros(len(limits.names)),
        np.full(len(limits.names), np.inf),
    )


def choose(
    scores: Scores,
    offers: tuple[Offer, ...],
    who: Circumstances,
    segments: Segments | None,
    policy: Policy,
    t: int,
    market: Market,
    reserved: Reserved | None = None,
) -> Choices:
    """Eligible, applicable, suitable (decisions.option); then the highest expected net value less what the
    limits it uses are worth elsewhere. What was reserved is honoured as long as no rule refuses it."""
    may = options(scores, offers, who, segments, policy, t)
    return decide(may, who, policy, t, market, reserved)


def decide(
    may: Options,
    who: Circumstances,
    policy: Policy,
    t: int,
    market: Market,
    reserved: Reserved | None = None,
) -> Choices:
    """Of what may be offered, what is."""
    priced, minimum = _priced(may, market, policy.minimum_net_value), float(policy.minimum_net_value)
    lot = draw(priced.best, who.ids, policy, t)
    reserved = _nothing_reserved(len(lot.offer)) if reserved is None or not priced.best.size else reserved
    wish = Wish(lot.offer, reserved.offer, reserved.channel, who.held_out)
    chosen, is_kept = np.empty(len(lot.offer), np.int64), np.empty(len(lot.offer), np.bool_)
    left, into = _left(market), (priced.best, priced.channel, priced.why, chosen, is_kept)
    settle(priced.may, priced.lines, left, minimum, wish, CODES, *into)
    net, cost = np.empty(priced.best.shape), np.empty(priced.best.shape)
    net_and_cost(priced.may, priced.lines, priced.channel, net, cost)
    held = who.held_out
    given = np.where(held, NOTHING, chosen)
    return Choices(
        chosen=given,
        held_back=np.where(held, chosen, NOTHING),
        is_reserved=is_kept & ~held,
        slot=slot_of(policy, _at(priced.channel, given), who.hours),
        propensity=_propensity(lot, chosen, held, policy),
        net_value=net,
        cost=cost,
        why=priced.why,
        channel=priced.channel,
    )


def taken(choices: Choices, may: Options, market: Market) -> Floats:
    """What the chosen options take of each limit in all; shape (limits,)."""
    rows = np.flatnonzero(choices.chosen != NOTHING)
    offer = choices.chosen[rows]
    channel = choices.channel[rows, offer]
    fixed, by_response = (each[:, offer, channel] for each in takes_of(market.limits, market.terms))
    return np.asarray((fixed + by_response * may.response[rows, offer]).sum(axis=1))


def best_worth(may: Options, market: Market, minimum: float) -> Floats:
    """Of each offer on its best channel at the prices, -inf where it may not be made or is worth nothing;
    shape (customers, offers)."""
    return _priced(may, market, minimum).best


class _Priced(NamedTuple):
    """best: worth of each offer at the prices, -inf where it is worth nothing; channel: its best one; why: as
    far as prices go; shape (customers, offers). may, lines: what compiled loops read it from."""

    may: May
    lines: Lines
    best: Floats
    channel: npt.NDArray[np.int8]
    why: npt.NDArray[np.int8]


def _priced(may: Options, market: Market, minimum: float) -> _Priced:
    shape, lines = may.uplift.shape, _lines(market.terms, market.limits, market.prices)
    asked = May(may.uplift, may.response, may.allowed)
    best, channel, why = np.empty(shape), np.empty(shape, np.int8), may.why.copy()
    price(asked, lines, float(minimum), CODES, best, channel, why)
    return _Priced(asked, lines, best, channel, why)


@once
def _lines(terms: Terms, limits: Limits, prices: Floats) -> Lines:
    tariff = tariff_of(terms, charges(limits, prices))
    return Lines(tariff.base, tariff.slope, tariff.contact, tariff.redemption)


_takes = once(takes_of)


def _left(market: Market) -> Left:
    takes, remaining = _takes(market.limits, market.terms), market.remaining
    room = market.limits._replace(bounds=remaining).room()
    is_limited, is_unknown = np.isfinite(remaining).any(), np.isnan(remaining).any()
    return Left(takes.fixed, takes.by_response, room, int(is_limited), int(is_unknown))


def _nothing_reserved(customers: int) -> Reserved:
    nothing = np.full(customers, NOTHING, np.int64)
    return Reserved(nothing, nothing)


def _propensity(lot: Draw, chosen: Int64s, held: npt.NDArray[np.bool_], policy: Policy) -> Floats:
    """Of what was done with each customer, the holdout's lot included; nan where something else than the lot
    decided: a reservation at other prices, or a limit that was spent."""
    told = np.where(chosen == lot.offer, lot.propensity, np.nan)
    share = policy.holdout.share
    return np.where(chosen == NOTHING, told, told * np.where(held, share, 1 - share))


def _at(table: npt.NDArray[np.int8], place: Int64s) -> Int64s:
    """table[row, place[row]], NOTHING where there is no place."""
    if not table.shape[1]:
        return np.full(len(place), NOTHING, np.int64)
    return np.where(place == NOTHING, NOTHING, table[np.arange(len(place)), np.maximum(place, 0)]).astype(
        np.int64
    )
