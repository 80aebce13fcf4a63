"""Levers: what may happen next that the business can move, as events in one customer's history.

Each event is one that this customer had before, where there is one, on the last day before the moment: the
order is the customer's usual one, with the points that came with it. What nobody should bend is no lever: an
answer to a survey, a complaint not made.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from features.family import LONGEST
from features.hypothesis import Past, Rows
from models.sentence import MONEY, Money, write
from tables.contract import INTERACTION_KINDS, TABLES, Contacts, Points, Responses
from tables.history import Histories
from tables.moment import DAY, HOUR
from tables.record import MISSING_NUMBER, STORED_TYPES, Records, missing_of, own_columns

SENT, SHOWN, _ = range(1, len(Contacts.kind.choices) + 1)
VIEWED, ACCEPTED, REDEEMED = range(1, len(Responses.kind.choices) + 1)
EARNED, SPENT, EXPIRED = range(1, len(Points.kind.choices) + 1)

ROWS_LOOKED_AT = 20_000


class Change(NamedTuple):
    """What would happen to one customer, in words that follow "the customer"."""

    lever: str
    effort: int
    acts: tuple[str, ...]
    rows: Rows
    english: str
    chinese: str


class Lever(NamedTuple):
    """effort: the stated order, from what we can do alone (1), over what takes the customer a moment (2) or
    some trouble (3), to an order (4) and an order that also costs us an offer (5). acts: two levers that
    share one are not pulled together. needs: tables and columns that the base must have. rows: the events,
    {} where the lever does not fit this customer."""

    name: str
    effort: int
    acts: tuple[str, ...]
    needs: tuple[str, ...]
    rows: Callable[[Past], Rows]
    english: str
    chinese: str


def changes_of(past: Past, money: Money) -> list[Change]:
    """What could happen to this customer, the least effort first."""
    present, found = past.histories.present, []
    for lever in LEVERS:
        rows = lever.rows(past) if present.issuperset(lever.needs) else {}
        if rows:
            said = _numbers(rows, money)
            texts = lever.english.format(**said), lever.chinese.format(**said)
            found.append(Change(lever.name, lever.effort, lever.acts, rows, *texts))
    return found


def _numbers(rows: Rows, money: Money) -> dict[str, Any]:
    lines = rows.get("transactions", np.empty(0, STORED_TYPES["transactions"]))
    points = rows.get("points", np.empty(0, STORED_TYPES["points"]))
    return {
        "spend": write(MONEY, float(lines["amount"].sum()) * 100 / money.minor_units, money),
        "points": f"{int(points['points'].sum()):,}",
    }


def _solved(past: Past) -> Rows:
    """Every complaint that is open (features.service), answered and solved now."""
    rows = past.rows["interactions"]
    rows = rows[rows["at"] > past.t - LONGEST * DAY]
    opened, answered, solved = (
        INTERACTION_KINDS.index(f"complaint_{k}") + 1 for k in ("opened", "answered", "solved")
    )
    new: list[Records] = []
    for case in np.unique(rows["case_id"][rows["kind"] == opened]).tolist():
        own = rows[rows["case_id"] == case]
        first = own[own["kind"] == opened][:1]
        later = own[own["at"] >= first["at"][0]]
        if (later["kind"] == solved).any():
            continue
        for kind in (answered, solved):
            if not (later["kind"] == kind).any():
                event = past.again("interactions", first, 100 + len(new))
                event["kind"], event["at"], event["seen_at"] = kind, past.t, past.t
                new.append(event)
    return {"interactions": np.concatenate(new)} if new else {}


def _level(past: Past) -> Rows:
    """The highest level that the customer ever had, once more."""
    rows = past.rows["customers"]
    stated = rows[rows["level"] != MISSING_NUMBER]
    if not len(stated) or stated["level"].max() == stated["level"][-1]:
        return {}
    new = past.again("customers", rows[-1:], 20)
    new["at"] = new["seen_at"] = new["known_at"] = past.t
    new["level"] = stated["level"].max()
    return {"customers": new}


def _interaction(kind: str, number: int) -> Callable[[Past], Rows]:
    """As the last one of its kind, else without a channel; no kind that the base does not have."""

    def make(past: Past) -> Rows:
        rows, place = past.rows["interactions"], INTERACTION_KINDS.index(kind) + 1
        like = rows[rows["kind"] == place][-1:]
        if not len(like) and not _occurs(past.histories, place):
            return {}
        like = like if len(like) else _plain("interactions", past.t, kind=place)
        return {"interactions": past.again("interactions", like, number)}

    return make


def _occurs(histories: Histories, kind: int) -> bool:
    """Whether somebody among the first customers of the base had an interaction of the kind."""
    return any(
        (tier["kind"][:ROWS_LOOKED_AT] == kind).any() for tier in histories.bucket(0).rows.interactions
    )


def _offer(past: Past) -> Rows:
    """The offer told last, or the newest one that is known, sent and viewed."""
    contacts = past.rows["contacts"]
    like = contacts[contacts["kind"] <= SHOWN][-1:]
    if not len(like):
        offers = past.histories.timelines.offers.rows
        offers = offers[offers["since"] <= past.t]
        if not len(offers):
            return {}
        like = _plain("contacts", past.t, offer_id=offers["key"][offers["since"].argmax()])
    contact = past.again("contacts", like, 30)
    contact["kind"] = SENT
    contact_id = contact["event_id"][0]
    viewed = _plain("responses", int(contact["at"][0]), contact_id=contact_id, kind=VIEWED)
    return {"contacts": contact, "responses": past.again("responses", viewed, 31)}


def _redeemed(past: Past) -> Rows:
    """The offer of `_offer`, redeemed with the order of `_order`."""
    order, offer = _order(past), _offer(past)
    if not order or not offer:
        return {}
    at, revenue = int(order["transactions"]["at"][0]), int(order["transactions"]["amount"].sum())
    contact = offer["contacts"]
    contact["at"] = contact["seen_at"] = np.minimum(contact["at"], at)
    viewed = offer["responses"].copy()
    viewed["at"] = viewed["seen_at"] = contact["at"]
    taken = np.concatenate([viewed] * 3)
    taken["kind"] = VIEWED, ACCEPTED, REDEEMED
    taken["event_id"] -= np.arange(3)
    taken["at"][1:] = taken["seen_at"][1:] = at
    taken["revenue"][2] = revenue
    return {**order, "contacts": contact, "responses": taken}


def _points(past: Past) -> Rows:
    """As many as were spent the last time, at most what there is; all where none were ever spent."""
    rows = past.rows["points"]
    sums = [int(rows["points"][rows["kind"] == kind].sum()) for kind in (EARNED, SPENT, EXPIRED)]
    balance = sums[0] - sums[1] - sums[2]
    if balance <= 0:
        return {}
    like = rows[rows["kind"] == SPENT][-1:]
    usual = int(like["points"][0]) if len(like) else balance
    new = past.again("points", like if len(like) else _plain("points", past.t, kind=SPENT), 40)
    new["points"] = min(usual, balance)
    return {"points": new}


def _order(past: Past) -> Rows:
    """The customer's order whose spend is nearest to the median, of two the later, and the points earned
    within an hour of it."""
    lines = past.rows["transactions"]
    lines = lines[lines["quantity"] > 0]
    if not len(lines):
        return {}
    orders, place = np.unique(lines[["at", "order_id"]], return_inverse=True)
    spend = np.bincount(place, lines["amount"])
    near = np.abs(spend - np.median(spend))
    usual = int(np.flatnonzero(near == near.min())[-1])
    bought = past.again("transactions", lines[place == usual], 50)
    bought["order_id"] = -50
    at, points = int(orders["at"][usual]), past.rows["points"]
    earned = points[(points["kind"] == EARNED) & (points["at"] >= at) & (points["at"] < at + HOUR)]
    new = past.again("points", earned, 51)
    known = new["expires_at"] != MISSING_NUMBER
    new["expires_at"][known] += (new["at"] - earned["at"])[known]
    return {"transactions": bought, "points": new} if len(new) else {"transactions": bought}


def _plain(table: str, at: int, **said: Any) -> Records:
    """One row with nothing stated but this."""
    row = np.zeros(1, STORED_TYPES[table])
    for name, column in own_columns(TABLES[table]).items():
        row[name] = missing_of(column)
    row["at"] = row["seen_at"] = at
    for name, value in said.items():
        row[name] = value
    return row


LEVERS = (
    Lever(
        "complaint_solved", 1, ("complaint",), ("interactions", "interactions.case_id"), _solved,
        "has every open complaint solved", "的未解决投诉全部得到解决",
    ),
    Lever(
        "level_restored", 1, ("level",), ("customers", "customers.level"), _level,
        "gets back the highest level held before", "恢复曾有的最高会员等级",
    ),
    Lever(
        "message_opened", 2, ("message",), ("interactions",), _interaction("message_opened", 21),
        "opens one of our messages", "打开一条我们的消息",
    ),
    Lever(
        "visit", 2, ("visit",), ("interactions",), _interaction("visit", 22),
        "visits us once more", "再次访问",
    ),
    Lever(
        "login", 2, ("login",), ("interactions",), _interaction("login", 23),
        "logs in once more", "再次登录",
    ),
    Lever(
        "offer_viewed", 2, ("offer",), ("contacts", "responses"), _offer,
        "gets an offer and looks at it", "收到并查看一个优惠",
    ),
    Lever(
        "points_spent", 3, ("points",), ("points",), _points,
        "spends {points} points", "使用{points}积分",
    ),
    Lever(
        "review", 3, ("review",), ("interactions",), _interaction("review", 24),
        "writes a review", "写一条评价",
    ),
    Lever(
        "order", 4, ("order",), ("transactions",), _order,
        "orders as usual (for {spend})", "照常下一单（{spend}）",
    ),
    Lever(
        "offer_redeemed", 5, ("order", "offer"), ("transactions", "contacts", "responses"), _redeemed,
        "redeems an offer with an order as usual (for {spend})", "用优惠照常下一单（{spend}）",
    ),
)  # fmt: skip
