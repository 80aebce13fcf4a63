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
from decisions.option import CHANNELS, Options, options
from decisions.policy import Policy
from decisions.segment import Segments
from decisions.slot import slot_of
from decisions.why import Why
from models.scorer import Scores
from tables.offer import Offer

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
NOTHING = -1


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
            return Reserved(np.full(len(places), NOTHING), np.full(len(places), NOTHING))
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
    priced = _priced(may, market, policy.minimum_net_value)
    lot = draw(priced.best, who.ids, policy, t)
    rows_there, offers_there = may.uplift.shape
    worth = priced.worth.reshape(rows_there, offers_there * CHANNELS)
    wanted = np.where(lot.offer == NOTHING, NOTHING, lot.offer * CHANNELS + _at(priced.channel, lot.offer))
    kept, spot = _reserved(priced, reserved, rows_there)
    # What the holdout withholds takes nothing of any limit.
    free = kept | who.held_out
    spot = np.where(kept, spot, _affordable(may, market, worth, wanted, free))
    if unknown := bool(np.isnan(market.remaining).any()):
        withheld, kept, spot = np.where(kept, spot, NOTHING), np.zeros_like(kept), np.full_like(spot, NOTHING)
    chosen = np.where(spot == NOTHING, NOTHING, spot // CHANNELS)
    channel, why = priced.channel.copy(), priced.why.copy()
    rows = np.flatnonzero(chosen != NOTHING)
    channel[rows, chosen[rows]] = spot[rows] % CHANNELS
    spent = (wanted != NOTHING) & (wanted != spot) & ~free
    why[spent, lot.offer[spent]] = Why.SPENT
    nobody = spent & (spot == NOTHING)  # nothing that is worth it is reached: none of it is outranked
    why[nobody] = np.where(why[nobody] == Why.OUTRANKED, Why.SPENT, why[nobody])
    if unknown:
        why[np.isfinite(priced.best)] = Why.COUNTERS_DOWN
        theirs = np.flatnonzero(withheld != NOTHING)
        why[theirs, withheld[theirs] // CHANNELS] = Why.COUNTERS_DOWN
    why[rows, chosen[rows]] = Why.CHOSEN
    held = who.held_out
    why[held] = np.where((why[held] < Why.NOT_VALID) | (why[held] > Why.HELD_OUT), Why.HELD_OUT, why[held])
    net, cost = _on_channel(may, market, channel)
    given = np.where(held, NOTHING, chosen)
    return Choices(
        chosen=given,
        held_back=np.where(held, chosen, NOTHING),
        is_reserved=kept & ~held,
        slot=slot_of(policy, _at(channel, given), who.hours),
        propensity=_propensity(lot, chosen, held, policy),
        net_value=net,
        cost=cost,
        why=why,
        channel=channel,
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
    """worth: of every option at the prices, -inf where it is none, (customers, offers, channels); best: of
    each offer, channel: its best one, why: as far as prices go; (customers, offers). enough: options that add
    what the policy asks for, whatever limits cost; shape of worth."""

    worth: Floats
    best: Floats
    channel: npt.NDArray[np.int8]
    why: npt.NDArray[np.int8]
    enough: npt.NDArray[np.bool_]


def _priced(may: Options, market: Market, minimum: float) -> _Priced:
    tariff = tariff_of(market.terms, charges(market.limits, market.prices))
    usable = (may.allowed[:, :, None] >> np.arange(CHANNELS, dtype=np.uint8)) & 1 == 1
    response, uplift = may.response[:, :, None], may.uplift[:, :, None]
    # The lines of decisions.arbitration, so that both say the same to the bit.
    cost = tariff.contact + tariff.redemption * response
    net = uplift - cost
    worth = uplift - (tariff.base + tariff.slope * response)
    enough = usable & (net >= minimum)
    possible = enough & (worth > 0)
    for_channel = np.where(enough, worth, -np.inf)
    some = enough.any(axis=2)
    channel = np.where(some, for_channel.argmax(axis=2), np.where(usable, -cost, -np.inf).argmax(axis=2))
    channel = np.where(usable.any(axis=2), channel, NOTHING).astype(np.int8)
    why = may.why.copy()
    open_ = why == Why.OUTRANKED
    why[open_ & ~possible.any(axis=2)] = Why.OVER_BUDGET
    why[open_ & ~some] = Why.NOT_WORTH_IT
    worth = np.where(possible, worth, -np.inf)
    best = worth.max(axis=2, initial=-np.inf)
    return _Priced(worth, best, channel, why, enough)


def _reserved(priced: _Priced, reserved: Reserved | None, rows: int) -> tuple[npt.NDArray[np.bool_], Int64s]:
    """Whose reservation holds, and the option it is for."""
    nothing = np.full(rows, NOTHING, np.int64)
    if reserved is None or not priced.worth.size:
        return np.zeros(rows, dtype=bool), nothing
    offer, channel = np.maximum(reserved.offer, 0), np.maximum(reserved.channel, 0)
    holds = (reserved.offer != NOTHING) & priced.enough[np.arange(rows), offer, channel]
    return holds, np.where(holds, offer * CHANNELS + channel, nothing)


def _affordable(
    may: Options, market: Market, worth: Floats, wanted: Int64s, free: npt.NDArray[np.bool_]
) -> Int64s:
    """The option each wants, or the best one that what is left of every limit still reaches; of those who are
    `free` of limits, what they want."""
    spot = wanted.copy()
    if not np.isfinite(market.remaining).any():
        return spot
    takes = takes_of(market.limits, market.terms)
    room = market.limits._replace(bounds=market.remaining).room()
    left = np.flatnonzero((spot != NOTHING) & ~free)
    worth = worth[left].copy()
    trying = np.arange(len(left))
    while len(trying):
        option = spot[left[trying]]
        offer, channel = option // CHANNELS, option % CHANNELS
        taking = (
            takes.fixed[:, offer, channel]
            + takes.by_response[:, offer, channel] * may.response[left[trying], offer]
        )
        # An option that gives to a limit, or leaves it alone, is not held up by it.
        over = ((taking > 0) & (taking > room[:, None])).any(axis=0)
        trying = trying[over]
        worth[trying, option[over]] = -np.inf
        best = worth[trying].argmax(axis=1) if worth.shape[1] else np.empty(0, np.int64)
        possible = np.isfinite(worth[trying, best])
        spot[left[trying]] = np.where(possible, best, NOTHING)
        trying = trying[possible]
    return spot


def _on_channel(may: Options, market: Market, channel: npt.NDArray[np.int8]) -> tuple[Floats, Floats]:
    """Expected net value and cost of each offer on its channel, the cheapest where it has none."""
    contact = market.terms.contact_cost
    told = np.where(
        channel == NOTHING,
        contact.min(axis=1, initial=np.inf),
        contact[np.arange(contact.shape[0]), np.maximum(channel, 0)],
    )
    cost = may.response * market.terms.redemption_cost + told
    return may.uplift - cost, cost


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
