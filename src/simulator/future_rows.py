"""A week to come as rows of the contract's tables, under names that no earlier week has."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator.dynamics import UNBORN
from simulator.future import ROWS, Life, Lived, stream
from simulator.identity import Identities
from simulator.past import Past
from simulator.record import Columns, decoded, padded, rows
from simulator.sale import point_rows, transaction_rows
from simulator.touch import (
    CHANNELS,
    Touches,
    complaint_touches,
    everyday_touches,
    interaction_rows,
    review_touches,
    survey_rows,
)
from simulator.walk import Contacts, Walk
from simulator.world import AFTER_ALL, HOUR, MINUTE
from tables.contract import CONTACT_CHANNELS

OWN_IDS = ("event_id", "order_id", "returns_event_id")


def week_rows(past: Past, life: Life, lived: Lived) -> dict[str, pa.Table]:
    """Every row of the week, some of them of moments after it (answers to complaints, returns); `life` after
    the week."""
    world, people, week = past.calendar, past.people, lived.week
    n = len(people)
    never = np.full(n, AFTER_ALL)
    names = Identities(padded("c", people.number, 7), padded("a", people.number, 7), never, never)
    lines = stream(world, week, ROWS)
    states = np.full((world.weeks + 1, n), UNBORN, np.int8)
    states[week], states[week + 1] = lived.before, lived.after
    sent = lived.sent
    weeks = np.full(len(sent.customer), week)
    contacts = Contacts(
        sent.customer, weeks, sent.offer, sent.is_sent, sent.propensity, lived.viewed, lived.accepted
    )
    walked = Walk(
        states, contacts, lived.orders.customer, lived.orders.week,
        lived.complaint, np.full(len(lived.complaint), week), lived.is_late,
    )  # fmt: skip
    touches = [
        *everyday_touches(world, people, walked, stream(world, week, ROWS + 1)),
        *complaint_touches(world, walked, stream(world, week, ROWS + 2)),
        review_touches(people, walked, lived.orders, stream(world, week, ROWS + 3)),
        *_messages(lived),
    ]
    columns: dict[str, Columns] = {
        "transactions": transaction_rows(people, names, lived.orders, lived.lines, lines),
        "points": point_rows(people, names, lived.orders, stream(world, week, ROWS + 4)),
        "interactions": interaction_rows(people, names, touches),
        "surveys": survey_rows(world, people, names, walked, stream(world, week, ROWS + 5)),
    }
    tables = {name: _named(rows(name, each), week) for name, each in columns.items()}
    tables["contacts"] = rows("contacts", _contacts(past, lived, names))
    tables["responses"] = rows("responses", _responses(past, lived, names))
    tables["customers"] = _customers(past, life, lived)
    return tables


def contact_id(number: Any, week: Any) -> Any:
    """The contact of a customer in a week."""
    return pc.binary_join_element_wise(padded("w", number, 7), padded("w", week, 4), "-")


def _messages(lived: Lived) -> list[Touches]:
    """As simulator.campaign has it: a viewed contact is a message opened, an accepted one is clicked."""
    sent = lived.sent
    channel = np.array([CHANNELS.index(name) if name in CHANNELS else -1 for name in CONTACT_CHANNELS])
    parts = (("message_opened", lived.viewed, 0), ("message_clicked", lived.accepted, MINUTE))
    return [
        Touches(kind, sent.customer[there], lived.viewed_at[there] + delay, channel[sent.channel[there]])
        for kind, there, delay in parts
    ]  # fmt: skip


def _named(table: pa.Table, week: int) -> pa.Table:
    for name in OWN_IDS:
        if name in table.column_names:
            told = pc.binary_join_element_wise(table[name], f"w{week}", "-")
            table = table.set_column(table.schema.get_field_index(name), name, told)
    return table


def _contacts(past: Past, lived: Lived, names: Identities) -> Columns:
    sent, number = lived.sent, past.people.number
    return {
        "event_id": contact_id(number[sent.customer], np.full(len(sent.customer), lived.week)),
        "at": sent.at,
        "customer_id": decoded(sent.customer, names.names),
        "offer_id": decoded(sent.offer, [offer.offer_id for offer in past.calendar.offers]),
        "kind": decoded(sent.is_sent.astype(np.int64), ("held_back", "sent")),
        "channel": decoded(sent.channel, CONTACT_CHANNELS),
        "propensity": pa.array(sent.propensity, mask=np.isnan(sent.propensity)),
    }


def _responses(past: Past, lived: Lived, names: Identities) -> Columns:
    number, sent = past.people.number, lived.sent
    orders = lived.orders
    viewed, accepted = np.flatnonzero(lived.viewed), np.flatnonzero(lived.accepted)
    customer = np.concatenate([sent.customer[viewed], sent.customer[accepted], lived.redeemed])
    kind = np.repeat([0, 1, 2], [len(viewed), len(accepted), len(lived.redeemed)])
    week = np.concatenate([np.full(len(viewed) + len(accepted), lived.week), lived.redeemed_week])
    at = np.concatenate(
        [lived.viewed_at[viewed], lived.viewed_at[accepted] + MINUTE, orders.at[lived.by_order]]
    )
    revenue = np.where(kind == 2, 0, -1)
    revenue[kind == 2] = orders.amount[lived.by_order]
    of = contact_id(number[customer], week)
    return {
        "event_id": pc.binary_join_element_wise("e", of, decoded(kind, ("v", "a", "r")), "-"),
        "at": at,
        "customer_id": decoded(customer, names.names),
        "contact_id": of,
        "kind": decoded(kind, ("viewed", "accepted", "redeemed")),
        "revenue": pa.array(revenue, mask=revenue < 0),
    }


def _customers(past: Past, life: Life, lived: Lived) -> pa.Table:
    """A row for whose level changed, three hours into the week, and for who withdrew, four before its end."""
    world, week = past.calendar, lived.week
    changed = np.concatenate([lived.promoted, lived.withdrew])
    is_later = np.arange(len(changed)) >= len(lived.promoted)
    table = past.customers.take(pa.array(changed))
    at = np.where(
        is_later, world.day_starts[7 * (week + 1)] - 4 * HOUR, world.day_starts[7 * week] + 3 * HOUR
    )
    # Who withdrew in this week was reached until its end.
    gone = life.withdrawn[changed].copy()
    gone[~is_later] &= ~np.isin(lived.promoted, lived.withdrew)
    name = padded("m", past.people.number[changed], 7)
    given: Columns = {
        "event_id": pc.binary_join_element_wise(
            name, decoded(is_later.astype(np.int64), (f"l{week}", f"c{week}")), "-"
        ),
        "at": at,
        "level": life.level[changed],
        "consents": pc.if_else(pa.array(gone), "", table["consents"].combine_chunks()),
    }
    kept = {n: table[n] for n in table.column_names if n not in (*given, "known_at", "deleted")}
    return rows("customers", kept | given)
