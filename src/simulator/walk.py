"""Walking customers through the weeks: states, contacts, orders and complaints as they come."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.dynamics import (
    ACTIVE,
    ANSWERED_LATE,
    COMPLAINING,
    DRIFTING,
    PURCHASING,
    UNBORN,
    VIEWING,
    Effects,
    effects,
    hurt,
    move,
    purchase_rate,
    transition,
)
from simulator.policy import offer_probabilities
from simulator.population import Floats, Integers, Population
from simulator.world import World

States = NDArray[np.int8]
FOUNDERS_DRIFTING = 0.15
NO_OFFER = -1


@dataclass(frozen=True)
class Contacts:
    """One row a contact; `customer` is the place within the chunk."""

    customer: Integers
    week: Integers
    offer: Integers
    is_sent: NDArray[np.bool_]
    propensity: Floats
    is_viewed: NDArray[np.bool_]
    is_accepted: NDArray[np.bool_]


@dataclass(frozen=True)
class Walk:
    """What happened: orders and complaints as (customer, week) pairs, one a row, and the states.

    `states` has shape (weeks + 1, customers): the state in which each week begins, before its wave;
    its first row is the first week walked.
    """

    states: States
    contacts: Contacts
    order_customer: Integers
    order_week: Integers
    complaint_customer: Integers
    complaint_week: Integers
    is_late: NDArray[np.bool_]


def walk(
    world: World,
    people: Population,
    rng: np.random.Generator,
    weeks: range,
    start: States | None = None,
    first_offer: int | None = None,
) -> Walk:
    """Live through the weeks from the start states, or from joining when there are none.

    `first_offer` replaces the policy at the first week's wave: everybody gets that offer, or nothing if
    it is NO_OFFER.
    """
    n = len(people)
    what = effects(people, world.offers)
    late_jump = hurt(people)
    state = np.full(n, UNBORN, np.int8) if start is None else start.copy()
    multiplier = np.ones(n)
    history = np.empty((len(weeks) + 1, n), np.int8)
    contacts: list[Contacts] = []
    orders, complaints = [], []
    for row, week in enumerate(weeks):
        if start is None:
            _join(state, people, week, rng)
        history[row] = state
        if world.is_wave(week):
            forced = first_offer if week == weeks[0] else None
            wave = _wave(world, people, week, rng, forced)
            wave, multiplier = _view(wave, what, state, rng)
            contacts.append(wave)
        rate = purchase_rate(world, people, week) * multiplier * PURCHASING[state]
        count = rng.poisson(rate)
        buyer = np.repeat(np.arange(n), count)
        orders.append((buyer, np.full(len(buyer), week)))
        uniform = rng.random((3, n))
        complains = np.flatnonzero(uniform[0] < people.complaints * COMPLAINING[state])
        is_late = uniform[1, complains] < ANSWERED_LATE[state[complains]]
        complaints.append((complains, np.full(len(complains), week), is_late))
        harmed = complains[is_late]
        state[harmed] = move(state[harmed], late_jump[harmed], rng.random(len(harmed)))
        born = np.flatnonzero(state < UNBORN)
        state[born] = move(state[born], transition(people.take(born), week), uniform[2, born])
    if start is None:
        _join(state, people, weeks.stop, rng)
    history[-1] = state
    return Walk(
        history,
        _stacked(contacts),
        *(np.concatenate(column) for column in zip(*orders, strict=True)),
        *(np.concatenate(column) for column in zip(*complaints, strict=True)),
    )


def sort_contacts(contacts: Contacts) -> Contacts:
    """By customer and time."""
    order = np.lexsort((contacts.week, contacts.customer))
    return Contacts(*(getattr(contacts, name)[order] for name in Contacts.__dataclass_fields__))


def _join(state: States, people: Population, week: int, rng: np.random.Generator) -> None:
    joins = np.flatnonzero(people.first_week == week)
    state[joins] = ACTIVE
    if week == 0:
        state[joins[rng.random(len(joins)) < FOUNDERS_DRIFTING]] = DRIFTING


def _wave(
    world: World, people: Population, week: int, rng: np.random.Generator, forced: int | None
) -> Contacts:
    """Who draws which action; nothing is viewed yet."""
    if forced is not None:
        customer = np.arange(len(people) if forced != NO_OFFER else 0)
        offer = np.full(len(customer), forced)
        is_sent, propensity = np.ones(len(customer), bool), np.ones(len(customer))
    else:
        customer = np.flatnonzero(people.may_be_contacted(week))
        probability = offer_probabilities(world, week)
        office = people.office[customer]
        bounds = np.cumsum(probability, axis=1)[office]
        uniform = rng.random((2, len(customer)))
        offer = (uniform[0][:, None] * bounds[:, -1:] >= bounds).sum(axis=1)
        is_sent = uniform[1] >= world.holdout
        propensity = probability[office, offer]
        propensity = propensity * np.where(is_sent, 1 - world.holdout, world.holdout)
    nobody = np.zeros(len(customer), bool)
    weeks = np.full(len(customer), week)
    return Contacts(customer, weeks, offer, is_sent, propensity, nobody, nobody)


def _view(wave: Contacts, what: Effects, state: States, rng: np.random.Generator) -> tuple[Contacts, Floats]:
    """Let the contacted view and accept; move their state in place and return the block's multiplier."""
    uniform = rng.random((3, len(wave.customer)))
    c, o = wave.customer, wave.offer
    is_viewed = wave.is_sent & (uniform[0] < what.view[c, o] * VIEWING[state[c]])
    is_accepted = is_viewed & (uniform[1] < what.accept[c, o])
    multiplier = np.ones(len(state))
    multiplier[c[is_viewed]] = what.multiplier[c[is_viewed], o[is_viewed]]
    seen = np.flatnonzero(is_viewed)
    state[c[seen]] = move(state[c[seen]], what.jump[c[seen], o[seen]], uniform[2, seen])
    viewed = Contacts(c, wave.week, o, wave.is_sent, wave.propensity, is_viewed, is_accepted)
    return viewed, multiplier


def _stacked(waves: list[Contacts]) -> Contacts:
    names = Contacts.__dataclass_fields__
    return Contacts(**{name: np.concatenate([getattr(w, name) for w in waves]) for name in names})
