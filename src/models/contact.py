"""Past contacts beside what came of them: what the offer models learn from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.reader import FactTable, read_facts, visible_rows
from models.frame import value_over
from tables.code import code
from tables.contract import OFFER_KINDS, Contacts, Responses
from tables.history import Histories, Int64s, Records
from tables.memory import at_once
from tables.moment import DAY
from tables.offer import Offer

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
HELD_BACK = Contacts.columns["kind"].choices.index("held_back") + 1
REDEEMED = Responses.columns["kind"].choices.index("redeemed") + 1
# An offer works until the next one comes; what happens later is noise to it.
EFFECT_DAYS = 28
MOST_CONTACTS = 250_000
# Where memory is limited fewer do, down to so few; a contact takes so much until its models are judged.
LEAST_CONTACTS, CONTACT_BYTES = 5_000, 6_000
OFFER_FACTS = (
    *(f"offer_is_{kind}" for kind in OFFER_KINDS),
    "offer_reward",
    "offer_cost",
    "offer_minimum_spend",
    "offer_reward_per_usual_order",
)
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
    "points_balance",
    "last_nps",
    "days_since_first_event",
    "is_b2b",
    "level",
)
CONTACT_NAMES = (*EFFECT_FACTS, *OFFER_FACTS)


@dataclass(frozen=True)
class ContactFrame:
    """Past contacts whose outcome is known; shape (contacts,).

    facts: CONTACT_NAMES, a microsecond before the contact; contacted: false where held back; redeemed: 0 or
    1, within EFFECT_DAYS; value: what the customer brought in EFFECT_DAYS, minor units, before the offer's
    own cost.
    """

    facts: FactTable
    contacted: Flags
    redeemed: Floats
    value: Floats

    def rows(self, chosen: Flags) -> "ContactFrame":
        facts = self.facts
        return ContactFrame(
            FactTable(facts.places[chosen], facts.moments[chosen], facts.names, facts.values[chosen]),
            self.contacted[chosen],
            self.redeemed[chosen],
            self.value[chosen],
        )

    def __len__(self) -> int:
        return len(self.contacted)


def contact_facts(values: Floats, names: tuple[str, ...], offers: list[Offer]) -> Floats:
    """CONTACT_NAMES of customers and one offer for each; values: facts in the columns of `names`."""
    own = values[:, [names.index(name) for name in EFFECT_FACTS]]
    usual = own[:, EFFECT_FACTS.index("spend_per_order_364d")]
    kinds = np.array([offer.kind_place for offer in offers])
    reward = np.array([offer.reward for offer in offers], dtype=np.float64)
    return np.column_stack(
        [
            own,
            *((kinds == place).astype(np.float64) for place in range(1, len(OFFER_KINDS) + 1)),
            reward,
            np.array([offer.cost for offer in offers], dtype=np.float64),
            np.array([offer.minimum_spend for offer in offers], dtype=np.float64),
            np.divide(reward, usual, out=np.full(len(own), np.nan), where=usual > 0),
        ]
    )


def build_contact_frame(
    histories: Histories, offers: tuple[Offer, ...], as_of: int, *, margin_rate: float
) -> ContactFrame:
    """The latest contacts (at most MOST_CONTACTS) whose effect was over before `as_of`."""
    places, rows = visible_rows(histories, "contacts", as_of)
    by_code = {code(offer.offer_id): offer for offer in offers}
    usable = (rows["at"] + EFFECT_DAYS * DAY <= as_of) & np.isin(rows["offer_id"], list(by_code))
    chosen = np.flatnonzero(usable)
    most = at_once(CONTACT_BYTES, MOST_CONTACTS, "the contacts to train on", least=LEAST_CONTACTS)
    latest = np.lexsort([rows["event_id"][chosen], -rows["at"][chosen]])[:most]
    chosen = np.sort(chosen[latest])
    rows, places = rows[chosen], places[chosen]
    customer = read_facts(histories, places, rows["at"] - 1)
    told = [by_code[each] for each in rows["offer_id"].tolist()]
    ends = rows["at"] + EFFECT_DAYS * DAY
    return ContactFrame(
        facts=FactTable(
            places, rows["at"] - 1, CONTACT_NAMES, contact_facts(customer.values, customer.names, told)
        ),
        contacted=rows["kind"] != HELD_BACK,
        redeemed=_redeemed(histories, places, rows),
        value=value_over(histories, places, ends, EFFECT_DAYS, margin_rate),
    )


def _redeemed(histories: Histories, places: Int64s, contacts: Records) -> Floats:
    """1 where a redemption of the contact was known by the end of its effect."""
    ends = contacts["at"] + EFFECT_DAYS * DAY
    contact, responses = visible_rows(histories, "responses", ends, places)
    taken = (
        (responses["kind"] == REDEEMED)
        & (responses["contact_id"] == contacts["event_id"][contact])
        & (responses["at"] >= contacts["at"][contact])
    )
    redeemed = np.zeros(len(contacts))
    redeemed[contact[taken]] = 1.0
    return redeemed
