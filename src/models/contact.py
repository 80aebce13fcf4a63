"""Past contacts beside what came of them: what the offer models learn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.reader import FactTable, read_facts, visible_rows
from models.frame import value_over
from tables.code import code
from tables.compiled import compiled
from tables.contract import OFFER_KINDS, Contacts, Responses
from tables.history import Histories, Int64s, Records
from tables.memory import at_once
from tables.moment import DAY
from tables.offer import Offer
from tables.once import once

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
HELD_BACK = Contacts.columns["kind"].choices.index("held_back") + 1
REDEEMED = Responses.columns["kind"].choices.index("redeemed") + 1
# An offer works until the next one comes; what happens later is noise to it.
EFFECT_DAYS = 28
EFFECT = EFFECT_DAYS * DAY
MOST_CONTACTS = 350_000
# Where memory is limited fewer do, down to so few; a contact takes so much until its models are judged.
LEAST_CONTACTS, CONTACT_BYTES = 5_000, 6_000
# The usual order of a customer with few orders leans on everybody's.
PRIOR_ORDERS = 3.0
# What an offer says of itself: an offer without history borrows from those that say alike.
OFFER_TERMS = (
    *(f"offer_is_{kind}" for kind in OFFER_KINDS),
    "offer_reward",
    "offer_cost",
    "offer_minimum_spend",
)
# What its money means to one customer.
OFFER_FACTS = (*OFFER_TERMS, "offer_reward_per_usual_order", "offer_minimum_per_usual_order")
# What can make an offer work differently for two customers. The effect is small beside the noise, so that
# every further column costs more than it tells; age, gender and region stay out by law and by choice.
EFFECT_FACTS = (
    "days_since_last_order",
    "orders_91d",
    "orders_364d",
    "order_lateness",
    "spend_364d",
    "spend_per_order_364d",
    "discount_share_364d",
    "price_to_list_364d",
    "visits_91d",
    "active_days_91d",
    "interaction_trend_91d",
    "messages_opened_364d",
    "view_rate_364d",
    "response_rate_364d",
    "offers_redeemed_364d",
    "complaints_182d",
    "shares_364d",
    "referrals_364d",
    "reviews_364d",
    "returned_share_364d",
    "sales_margin_share_364d",
    "points_balance",
    "last_nps",
    "days_since_first_event",
    "is_b2b",
    "level",
)
USUAL = EFFECT_FACTS.index("spend_per_order_364d")
SPEND_AND_ORDERS = [EFFECT_FACTS.index("spend_364d"), EFFECT_FACTS.index("orders_364d")]
REWARD, MINIMUM = OFFER_TERMS.index("offer_reward"), OFFER_TERMS.index("offer_minimum_spend")
CONTACT_NAMES = (*EFFECT_FACTS, *OFFER_FACTS)


@dataclass(frozen=True)
class ContactFrame:
    """Past contacts whose outcome is known; shape (contacts,).

    facts: EFFECT_FACTS, a microsecond before the contact; offer: which was sent or held back, a place in
    `terms`, (offers, OFFER_TERMS); contacted: false where held back; redeemed: 0 or 1, within EFFECT_DAYS;
    value: what the customer brought in EFFECT_DAYS, minor units, before the offer's own cost; cost: of
    contacting and of what was redeemed, minor units; picked: the chance of having been picked for this
    offer, whether it was then sent or held back, nan where the log keeps no propensity.
    """

    facts: FactTable
    offer: Int64s
    terms: Floats
    contacted: Flags
    redeemed: Floats
    value: Floats
    cost: Floats
    picked: Floats

    def rows(self, chosen: Flags) -> "ContactFrame":
        facts = self.facts
        return ContactFrame(
            FactTable(facts.places[chosen], facts.moments[chosen], facts.names, facts.values[chosen]),
            self.offer[chosen],
            self.terms,
            self.contacted[chosen],
            self.redeemed[chosen],
            self.value[chosen],
            self.cost[chosen],
            self.picked[chosen],
        )

    def pairs(self) -> Floats:
        """CONTACT_NAMES of each contact."""
        own = self.facts.values
        return np.column_stack([own, offer_facts(own, self.terms[self.offer][:, None])[:, 0]])

    def __len__(self) -> int:
        return len(self.contacted)


def own_facts(values: Floats, names: tuple[str, ...]) -> Floats:
    """EFFECT_FACTS of customers; values: facts in the columns of `names`."""
    return values[:, _effect_columns(names)]


@once
def _effect_columns(names: tuple[str, ...]) -> Int64s:
    return np.array([names.index(name) for name in EFFECT_FACTS], np.int64)


def usual_order(own: Floats, usual_spend: float) -> Floats:
    """A customer's usual spend per order, minor units; own: columns begin as EFFECT_FACTS."""
    told = own[:, SPEND_AND_ORDERS]
    spend, orders = np.where(np.isnan(told), 0.0, told).T
    usual = (spend + PRIOR_ORDERS * usual_spend) / (orders + PRIOR_ORDERS)
    return np.asarray(np.minimum(np.maximum(usual, usual_spend / 10), usual_spend * 10))


def terms_of(offers: Sequence[Offer]) -> Floats:
    """OFFER_TERMS of each offer, shape (offers, terms)."""
    kinds = np.array([offer.kind_place for offer in offers], dtype=np.int64)
    money = [(offer.reward, offer.cost, offer.minimum_spend) for offer in offers]
    is_kind = kinds[:, None] == np.arange(1, len(OFFER_KINDS) + 1)
    return np.column_stack([is_kind, np.array(money, dtype=np.float64).reshape(len(offers), 3)])


def offer_facts(own: Floats, terms: Floats) -> Floats:
    """OFFER_FACTS of every customer with every offer; own: EFFECT_FACTS, (customers, facts); terms: (offers,
    terms), or (customers, offers, terms) where each has its own; shape (customers, offers, facts)."""
    facts = np.empty((len(own), terms.shape[-2], len(OFFER_FACTS)))
    _tell_offers(own[:, USUAL], terms if terms.ndim == 3 else terms[None], facts)
    return facts


@compiled
def _tell_offers(usual: Any, terms: Any, facts: Any) -> None:
    """terms: of every customer, or once for all."""
    for row in range(facts.shape[0]):
        order = usual[row] if usual[row] > 0 else np.nan
        own = terms[row if len(terms) > 1 else 0]
        for offer in range(facts.shape[1]):
            for k in range(own.shape[1]):
                facts[row, offer, k] = own[offer, k]
            facts[row, offer, own.shape[1]] = own[offer, REWARD] / order
            facts[row, offer, own.shape[1] + 1] = own[offer, MINIMUM] / order


def build_contact_frame(
    histories: Histories, offers: tuple[Offer, ...], as_of: int, *, margin_rate: float
) -> ContactFrame:
    """The latest contacts (at most MOST_CONTACTS) whose effect was over before `as_of`."""
    places, rows = visible_rows(histories, "contacts", as_of, np.arange(len(histories)))
    codes = np.array([code(offer.offer_id) for offer in offers], dtype=rows["offer_id"].dtype)
    chosen = np.flatnonzero((rows["at"] + EFFECT <= as_of) & np.isin(rows["offer_id"], codes))
    most = at_once(CONTACT_BYTES, MOST_CONTACTS, "the contacts to train on", least=LEAST_CONTACTS)
    latest = np.lexsort([rows["event_id"][chosen], -rows["at"][chosen]])[:most]
    chosen = np.sort(chosen[latest])
    rows, places = rows[chosen], places[chosen]
    offer = _place_of(codes, rows["offer_id"])
    moments, ends = rows["at"] - 1, rows["at"] + EFFECT
    customer = read_facts(histories, places, moments)
    own = own_facts(customer.values, customer.names)
    contacted = rows["kind"] != HELD_BACK
    redeemed = redeemed_of(histories, places, rows)
    sent = contacted.sum() / max(1, len(contacted))
    prices = np.array([(each.contact_cost, each.cost) for each in offers], dtype=np.float64).reshape(-1, 2)
    return ContactFrame(
        facts=FactTable(places, moments, EFFECT_FACTS, own),
        offer=offer,
        terms=terms_of(offers),
        contacted=contacted,
        redeemed=redeemed,
        value=value_over(histories, places, ends, EFFECT_DAYS, margin_rate),
        cost=contacted * (prices[offer, 0] + redeemed * prices[offer, 1]),
        picked=rows["propensity"] / np.where(contacted, sent, 1 - sent),
    )


def _place_of(codes: npt.NDArray[Any], told: npt.NDArray[Any]) -> Int64s:
    order = np.argsort(codes)
    return np.asarray(order[np.searchsorted(codes, told, sorter=order)] if len(told) else [], dtype=np.int64)


def redeemed_of(histories: Histories, places: Int64s, contacts: Records) -> Floats:
    """1 where a redemption of the contact was known by the end of its effect."""
    contact, responses = visible_rows(histories, "responses", contacts["at"] + EFFECT, places)
    taken = (
        (responses["kind"] == REDEEMED)
        & (responses["contact_id"] == contacts["event_id"][contact])
        & (responses["at"] >= contacts["at"][contact])
    )
    redeemed = np.zeros(len(contacts))
    redeemed[contact[taken]] = 1.0
    return redeemed
