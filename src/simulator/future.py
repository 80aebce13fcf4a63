"""Living on after a world's end, week by week, with contacts that somebody else decides.

People, hidden states and laws are the world's own (simulator.dynamics). All draws of a week are made for
every customer, from streams of that week: lives led under different contacts share their luck (common random
numbers), so what differs between them is due to the contacts.

Two laws are added, as the world's past has one contact in four weeks and these have more: a viewed offer acts
for LASTS weeks, or until the next one is viewed; and each contact beyond the first of LASTS weeks tires, so
that fewer are viewed and some customers withdraw their consent. Nobody joins and nobody moves.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from simulator.dynamics import (
    ANSWERED_LATE,
    COMPLAINING,
    PURCHASING,
    UNBORN,
    VIEWING,
    hurt,
    move,
    purchase_rate,
    transition,
)
from simulator.identity import LEVEL_WEEKS, yearly_levels
from simulator.past import Past
from simulator.population import Floats, Integers
from simulator.purchase import Lines, Orders, fill_orders, place_orders
from simulator.walk import States
from simulator.world import QUARTER_WEEKS, World

Flags = NDArray[np.bool_]
LASTS = 4
TIRING = 0.25  # fall of the log chance of viewing, a contact beyond the first of LASTS weeks
WITHDRAWAL = 0.004  # chance to withdraw consent, a contact beyond the first of LASTS weeks
NO_OFFER = -1
# Streams of the weeks to come, beside those of World.PURPOSES.
LIFE, DELAYS, PURCHASES, LINES, ROWS = range(1_000, 1_005)


@dataclass
class Life:
    """Where everybody stands; shape (customers,), sent: one row a week lived. offer, week, since, until: of
    the accepted offer that may still be redeemed, NO_OFFER without (since in microseconds)."""

    state: States
    multiplier: Floats
    holds_until: Integers
    offer: Integers
    week: Integers
    since: Integers
    until: Integers
    withdrawn: Flags
    sent: list[Flags]
    spend: Floats
    level: Integers


@dataclass(frozen=True)
class Sent:
    """What is decided for a week, at most one contact a customer: places of customers, offers and channels
    (tables.contract.CONTACT_CHANNELS), microseconds, nan where no propensity is known."""

    customer: Integers
    offer: Integers
    channel: Integers
    at: Integers
    is_sent: Flags
    propensity: Floats


@dataclass(frozen=True)
class Lived:
    """A week as it came. viewed, accepted: a row a contact; redeemed: customers, with the offer, the week of
    the contact and the place of the order; complaint: customers; margin: of what is bought and kept, minor
    units, shape (customers,); withdrew, promoted: who withdrew consent, whose level changed."""

    week: int
    sent: Sent
    viewed_at: Integers
    viewed: Flags
    accepted: Flags
    before: States
    after: States
    orders: Orders
    lines: Lines
    redeemed: Integers
    redeemed_offer: Integers
    redeemed_week: Integers
    by_order: Integers
    complaint: Integers
    is_late: Flags
    margin: Floats
    withdrew: Integers
    promoted: Integers


def nothing_sent() -> Sent:
    none = np.zeros(0, np.int64)
    return Sent(none, none, none, none, np.zeros(0, np.bool_), np.zeros(0))


def stream(world: World, week: int, purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([world.seed, week, purpose])))


def begin(past: Past) -> Life:
    """Everybody at the end of the past: its last offers have ended with its last wave. Who withdraws consent
    in the week that begins now is not known to have done so yet."""
    n, world = len(past.people), past.calendar
    zeros = np.zeros(n, np.int64)
    recent = past.spend[-LEVEL_WEEKS:]
    missing = np.zeros((LEVEL_WEEKS - len(recent), n))
    assert world.is_wave(past.week)
    return Life(
        state=past.state.copy(),
        multiplier=np.ones(n),
        holds_until=zeros.copy(),
        offer=np.full(n, NO_OFFER),
        week=zeros.copy(),
        since=zeros.copy(),
        until=zeros.copy(),
        withdrawn=past.people.withdrawal_week < past.week,
        sent=[np.zeros(n, np.bool_) for _ in range(LASTS - 1)],
        spend=np.concatenate([missing, recent]),
        level=past.level.copy(),
    )


def live(past: Past, life: Life, week: int, sent: Sent) -> Lived:
    """Live through a week; `life` moves on. ValueError where somebody is contacted twice, or is not born."""
    world, people, what = past.calendar, past.people, past.what
    n, c, o = len(people), sent.customer, sent.offer
    if len(np.unique(c)) < len(c) or (life.state[c] == UNBORN).any():
        raise ValueError(f"week {week}: expected one contact a customer of the programme, came more")
    luck = stream(world, week, LIFE).random((9, n))
    delay = stream(world, week, DELAYS).integers(1, 5_400, n) * 1_000_000
    before = life.state.copy()
    life.sent = [*life.sent[1 - LASTS :], np.bincount(c[sent.is_sent], minlength=n) > 0]
    extra = np.maximum(np.sum(life.sent, axis=0) - 1, 0)

    tired = np.exp(-TIRING * extra[c])
    viewed = sent.is_sent & (luck[0, c] < what.view[c, o] * VIEWING[life.state[c]] * tired)
    accepted = viewed & (luck[1, c] < what.accept[c, o])
    viewed_at = sent.at + delay[c]
    life.multiplier[life.holds_until <= week] = 1.0
    seen, by = c[viewed], o[viewed]
    life.multiplier[seen], life.holds_until[seen] = what.multiplier[seen, by], week + LASTS
    life.state[seen] = move(life.state[seen], what.jump[seen, by], luck[2, seen])
    usable = accepted & np.array([each.is_redeemable for each in world.offers])[o]
    taking = c[usable]
    life.offer[taking], life.week[taking], life.until[taking] = o[usable], week, week + LASTS
    life.since[taking] = viewed_at[usable]

    orders, lines = _orders(past, life, week, luck[3])
    redeemed, by_order = _redeemed(world, life, week, orders)
    told = life.offer[redeemed], life.week[redeemed]
    life.offer[redeemed] = NO_OFFER

    complaint = np.flatnonzero(luck[4] < people.complaints * COMPLAINING[life.state])
    is_late = luck[5, complaint] < ANSWERED_LATE[life.state[complaint]]
    harmed = complaint[is_late]
    life.state[harmed] = move(life.state[harmed], hurt(people.take(harmed)), luck[6, harmed])
    life.state = move(life.state, transition(people, week), luck[7])

    has = ~life.withdrawn & (people.consent > 0)
    goes = life.sent[-1] & (luck[8] < WITHDRAWAL * extra)
    withdrew = np.flatnonzero(has & (goes | (people.withdrawal_week <= week + 1)))
    life.withdrawn[withdrew] = True
    promoted = _promoted(past, life, week)
    life.spend = np.concatenate([life.spend[1:], np.bincount(orders.customer, orders.amount, n)[None, :]])
    kept = ~lines.is_returned
    earned = (lines.amount - lines.cost)[kept].astype(np.float64)
    margin = np.bincount(orders.customer[lines.order[kept]], earned, n).astype(np.float64)
    return Lived(
        week, sent, viewed_at, viewed, accepted, before, life.state.copy(), orders, lines, redeemed, *told,
        by_order, complaint, is_late, margin, withdrew, promoted,
    )  # fmt: skip


def counts(uniform: Floats, rate: Floats) -> Integers:
    """Poisson numbers by inversion: more of them, never fewer, at a higher rate."""
    count = np.zeros(len(rate), np.int64)
    term = np.exp(-rate)
    reached = term.copy()
    while (above := (uniform >= reached) & (term > 0)).any():
        count += above
        # Those who are done keep their sum: their count grows no more.
        term = np.where(above, term * rate / np.maximum(count, 1), term)
        reached = np.where(above, reached + term, reached)
    return count


def _orders(past: Past, life: Life, week: int, uniform: Floats) -> tuple[Orders, Lines]:
    """Every order that any offer could bring is drawn, and those that come are kept."""
    world, people = past.calendar, past.people
    rate = purchase_rate(world, people, week)
    count = counts(uniform, rate * life.multiplier * PURCHASING[life.state])
    most = counts(uniform, rate * np.maximum(past.what.multiplier.max(axis=1), 1.0))
    rng = stream(world, week, PURCHASES)
    drawn, comes = [], []
    for k in range(int(most.max(initial=0))):
        buyer = np.flatnonzero(most > k)
        drawn.append(place_orders(world, people, buyer, np.full(len(buyer), week), rng))
        comes.append(count[buyer] > k)
    if not drawn:
        drawn.append(place_orders(world, people, np.zeros(0, np.int64), np.zeros(0, np.int64), rng))
        comes.append(np.zeros(0, np.bool_))
    every = Orders(*(np.concatenate([getattr(d, f.name) for d in drawn]) for f in fields(Orders)))
    if not len(every.at):
        none = np.zeros(0, np.int64)
        return every, Lines(none, none, none, none, none, none, np.zeros(0, np.bool_))
    lines = fill_orders(people, every, stream(world, week, LINES))
    kept = np.flatnonzero(np.concatenate(comes))
    kept = kept[np.lexsort((every.at[kept], every.customer[kept]))]
    place = np.full(len(every.at), -1)
    place[kept] = np.arange(len(kept))
    line = np.flatnonzero(place[lines.order] >= 0)
    line = line[np.argsort(place[lines.order[line]], kind="stable")]
    chosen = {f.name: getattr(lines, f.name)[line] for f in fields(Lines)}
    return (
        Orders(*(getattr(every, f.name)[kept] for f in fields(Orders))),
        Lines(**(chosen | {"order": place[lines.order[line]]})),
    )


def _redeemed(world: World, life: Life, week: int, orders: Orders) -> tuple[Integers, Integers]:
    """Customers whose accepted offer is redeemed by the first order after it that reaches its minimum."""
    least = np.array([offer.minimum_spend or 0 for offer in world.offers])
    offer = life.offer[orders.customer]
    fits = (offer != NO_OFFER) & (life.until[orders.customer] > week)
    fits &= (orders.at > life.since[orders.customer]) & (orders.amount >= least[offer])
    place = np.flatnonzero(fits)
    customer, first = np.unique(orders.customer[place], return_index=True)
    return customer, place[first]


def _promoted(past: Past, life: Life, week: int) -> Integers:
    """At the beginning of a quarter: whose level the year's spend changes, up or down."""
    if week % QUARTER_WEEKS:
        return np.zeros(0, np.int64)
    people = past.people
    # As yearly_levels at its last quarter, with the year before this week.
    year = replace(past.calendar, weeks=QUARTER_WEEKS * (week // QUARTER_WEEKS))
    spend = np.zeros((year.weeks, len(people)))
    spend[-LEVEL_WEEKS:] = life.spend[-min(LEVEL_WEEKS, year.weeks) :]
    level = yearly_levels(year, people, spend)[-1].astype(np.int64)
    changed = np.flatnonzero(level != life.level)
    life.level = level
    return changed
