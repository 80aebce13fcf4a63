"""Past contacts beside what came of them: what the offer models learn from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalogue import FAMILIES
from features.reader import FactTable, facts_of, read_facts
from models.frame import value_over
from models.question import Question
from tables.code import code
from tables.contract import OFFER_KINDS, Contacts, Responses
from tables.history import Histories, Records
from tables.offer import Offer

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
HELD_BACK = Contacts.columns["kind"].choices.index("held_back") + 1
VIEWED = Responses.columns["kind"].choices.index("viewed") + 1
OFFER_FACTS = (
    *(f"offer_is_{kind}" for kind in OFFER_KINDS),
    "offer_reward",
    "offer_cost",
    "offer_minimum_spend",
    "offer_reward_per_usual_order",
)
MOST_CONTACTS = 100_000


@dataclass(frozen=True)
class ContactFrame:
    """Past contacts whose outcome is known; shape (contacts,).

    facts: customer facts a microsecond before the contact, then OFFER_FACTS; contacted: false where held
    back; responded: accepted or redeemed within the horizon; value: minor units over the horizon, before
    the offer's own cost; propensity: of what was done, nan where not logged.
    """

    facts: FactTable
    offer_ids: npt.NDArray[np.object_]
    contacted: Flags
    responded: Floats
    value: Floats
    propensity: Floats

    def rows(self, chosen: Flags) -> "ContactFrame":
        facts = self.facts
        return ContactFrame(
            FactTable(facts.places[chosen], facts.moments[chosen], facts.names, facts.values[chosen]),
            self.offer_ids[chosen],
            self.contacted[chosen],
            self.responded[chosen],
            self.value[chosen],
            self.propensity[chosen],
        )

    def __len__(self) -> int:
        return len(self.contacted)


def customer_columns(names: tuple[str, ...]) -> tuple[str, ...]:
    """The facts an offer model may see: age is personal and never steers an offer."""
    personal = {fact.name for fact in facts_of(FAMILIES) if fact.fact.sensitivity == "personal"}
    return tuple(name for name in names if name not in personal)


def offer_facts(values: Floats, names: tuple[str, ...], offers: list[Offer]) -> Floats:
    """OFFER_FACTS of one offer a row, beside that row's customer facts; shape (rows, len(OFFER_FACTS))."""
    usual = values[:, names.index("spend_per_order_364d")]
    kinds = np.array([offer.kind_place for offer in offers])
    reward = np.array([offer.reward for offer in offers], dtype=np.float64)
    return np.column_stack(
        [
            *((kinds == place).astype(np.float64) for place in range(1, len(OFFER_KINDS) + 1)),
            reward,
            np.array([offer.cost for offer in offers], dtype=np.float64),
            np.array([offer.minimum_spend for offer in offers], dtype=np.float64),
            reward / usual,
        ]
    )


def build_contact_frame(
    histories: Histories,
    offers: tuple[Offer, ...],
    question: Question,
    as_of: int,
    *,
    margin_rate: float,
) -> ContactFrame:
    """The latest contacts (at most MOST_CONTACTS) whose whole horizon lies before `as_of`."""
    rows = histories.events.contacts
    places = np.repeat(np.arange(len(histories)), np.diff(histories.offsets.contacts))
    by_code = {code(offer.offer_id): offer for offer in offers}
    usable = (
        (rows["seen_at"] <= as_of)
        & (rows["until"] > as_of)
        & (rows["at"] + question.horizon <= as_of)
        & np.isin(rows["offer_id"], list(by_code))
    )
    chosen = np.flatnonzero(usable)
    latest = np.lexsort([rows["event_id"][chosen], -rows["at"][chosen]])[:MOST_CONTACTS]
    chosen = np.sort(chosen[latest])
    rows, places = rows[chosen], places[chosen]
    customer = read_facts(histories, places, rows["at"] - 1)
    names = customer_columns(customer.names)
    picked = customer.values[:, [customer.names.index(name) for name in names]]
    told = [by_code[each] for each in rows["offer_id"].tolist()]
    facts = FactTable(
        places,
        rows["at"] - 1,
        (*names, *OFFER_FACTS),
        np.column_stack([picked, offer_facts(picked, names, told)]),
    )
    return ContactFrame(
        facts=facts,
        offer_ids=np.array([offer.offer_id for offer in told], dtype=object),
        contacted=rows["kind"] != HELD_BACK,
        responded=_responded(histories, rows, question, as_of),
        value=value_over(
            histories, places, rows["at"] + question.horizon, question.horizon_days, margin_rate
        ),
        propensity=rows["propensity"],
    )


def _responded(histories: Histories, contacts: Records, question: Question, as_of: int) -> Floats:
    responses = histories.events.responses
    taken = responses[
        (responses["seen_at"] <= as_of) & (responses["until"] > as_of) & (responses["kind"] != VIEWED)
    ]
    order = np.argsort(contacts["event_id"], kind="stable")
    sorted_ids = contacts["event_id"][order]
    found = np.searchsorted(sorted_ids, taken["contact_id"])
    found = np.minimum(found, len(sorted_ids) - 1) if len(sorted_ids) else found[:0]
    responded = np.zeros(len(contacts))
    if len(found):
        matches = sorted_ids[found] == taken["contact_id"]
        contact = order[found[matches]]
        delay = taken["at"][matches] - contacts["at"][contact]
        responded[contact[(delay >= 0) & (delay <= question.horizon)]] = 1.0
    return responded
