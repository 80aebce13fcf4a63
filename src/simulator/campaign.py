"""Rows of the campaigns: offers, contacts, responses, and the messages opened and clicked."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa

from simulator.identity import Identities
from simulator.policy import contact_channels
from simulator.population import Integers, Population
from simulator.purchase import Orders
from simulator.record import Columns, decoded, event_ids, padded
from simulator.touch import CHANNELS, Touches
from simulator.walk import Contacts
from simulator.world import MINUTE, SECOND, World, microseconds

WAVE_SECOND = 8 * 3_600  # contacts leave from 08:00 local, all are viewed before the shops open


@dataclass(frozen=True)
class Campaign:
    """The contacts sorted by customer and time, with what came of them.

    `redeemed` and `by_order` are places of contacts and of the orders that redeemed them.
    """

    contacts: Contacts
    at: Integers
    viewed_at: Integers
    channel: Integers  # place in touch.CHANNELS
    redeemed: Integers
    by_order: Integers


def run_campaign(
    world: World,
    people: Population,
    contacts: Contacts,
    redeemed: tuple[Integers, Integers],
    rng: np.random.Generator,
) -> Campaign:
    """Give sorted contacts their times and channels."""
    n = len(contacts.week)
    monday = np.zeros(n, np.int64)
    at = world.instant(contacts.week, monday, WAVE_SECOND + rng.integers(1, 1_800, n))
    viewed_at = at + rng.integers(1, 5_400, n) * SECOND
    c = contacts.customer
    channel = contact_channels(world.offers, people.number[c], people.consent[c], contacts.offer, CHANNELS)
    return Campaign(contacts, at, viewed_at, channel, *redeemed)


def message_touches(campaign: Campaign) -> list[Touches]:
    """A viewed contact is a message opened, an accepted one is clicked as well."""
    contacts, touches = campaign.contacts, []
    for kind, happened, delay in (
        ("message_opened", contacts.is_viewed, 0),
        ("message_clicked", contacts.is_accepted, MINUTE),
    ):
        place = np.flatnonzero(happened)
        at = campaign.viewed_at[place] + delay
        touches.append(Touches(kind, contacts.customer[place], at, campaign.channel[place]))
    return touches


def offer_rows(world: World) -> Columns:
    """The offers as the business sees them, known from four weeks before they start."""
    offers = world.offers
    starts = [world.moment(0) + timedelta(weeks=offer.starts) for offer in offers]
    ends = [None if offer.ends is None else world.moment(0) + timedelta(weeks=offer.ends) for offer in offers]
    announced = [microseconds(start - timedelta(weeks=4)) for start in starts]
    return {
        "event_id": [f"{offer.offer_id}-1" for offer in offers],
        "at": np.array(announced),
        "offer_id": [offer.offer_id for offer in offers],
        "kind": [offer.kind for offer in offers],
        "name": [offer.name for offer in offers],
        "reward": [offer.reward for offer in offers],
        "cost": [offer.cost for offer in offers],
        "contact_cost": [offer.contact_cost for offer in offers],
        "minimum_spend": pa.array([offer.minimum_spend for offer in offers], pa.int64()),
        "starts_at": np.array([microseconds(start) for start in starts]),
        # The last moment of an offer is the last microsecond before the next week.
        "ends_at": pa.array([end and microseconds(end) - 1 for end in ends], pa.int64()),
        "channels": [",".join(offer.channels) for offer in offers],
    }


def contact_rows(world: World, people: Population, identities: Identities, campaign: Campaign) -> Columns:
    contacts = campaign.contacts
    return {
        "event_id": contact_ids(people, campaign),
        "at": campaign.at,
        "customer_id": decoded(contacts.customer, identities.names),
        "offer_id": decoded(contacts.offer, [offer.offer_id for offer in world.offers]),
        "kind": decoded(contacts.is_sent.astype(np.int64), ("held_back", "sent")),
        "channel": decoded(campaign.channel, CHANNELS),
        "propensity": np.round(contacts.propensity, 12),
    }


def response_rows(people: Population, identities: Identities, campaign: Campaign, orders: Orders) -> Columns:
    """Viewed, accepted a minute later, and redeemed with the order's amount as revenue."""
    viewed = np.flatnonzero(campaign.contacts.is_viewed)
    accepted = np.flatnonzero(campaign.contacts.is_accepted)
    contact = np.concatenate([viewed, accepted, campaign.redeemed])
    kind = np.repeat([0, 1, 2], [len(viewed), len(accepted), len(campaign.redeemed)])
    at = np.concatenate(
        [
            campaign.viewed_at[viewed],
            campaign.viewed_at[accepted] + MINUTE,
            orders.at[campaign.by_order],
        ]
    )
    revenue = np.full(len(contact), -1)
    revenue[len(contact) - len(campaign.redeemed) :] = orders.amount[campaign.by_order]
    customer = campaign.contacts.customer[contact]
    order = np.lexsort((kind, at, customer))
    customer, contact, kind, at, revenue = (
        column[order] for column in (customer, contact, kind, at, revenue)
    )
    return {
        "event_id": event_ids("e", customer, padded("", people.number, 7)),
        "at": at,
        "customer_id": decoded(customer, identities.names),
        "contact_id": decoded(contact, contact_ids(people, campaign)),
        "kind": decoded(kind, ("viewed", "accepted", "redeemed")),
        "revenue": pa.array(revenue, mask=revenue < 0),
    }


def contact_ids(people: Population, campaign: Campaign) -> pa.Array:
    return event_ids("w", campaign.contacts.customer, padded("", people.number, 7))
