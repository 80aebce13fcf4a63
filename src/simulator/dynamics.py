"""How a customer lives from week to week, and what a viewed offer changes; walk and truth share it.

A hidden Markov chain with the states active, drifting, gone: within a week orders are Poisson at a rate
that depends on the customer, the season, the state and the offer in force; complaints answered late and
viewed offers move the state at once; then the week's transition follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.offer import Offer
from simulator.population import Floats, Population
from simulator.world import World

ACTIVE, DRIFTING, GONE, UNBORN = range(4)
STATES = 3
# By state; the last entry is for those who have not joined yet.
PURCHASING = np.array([1.0, 0.10, 0.0, 0.0])
VIEWING = np.array([1.0, 0.55, 0.12, 0.0])
COMPLAINING = np.array([1.0, 1.6, 0.0, 0.0])
ANSWERED_LATE = np.array([0.25, 0.55, 0.0, 0.0])

RECOVERY, LOSS = 0.03, 0.03  # a week, of the drifting
RETURN = 0.01  # a week, of the gone: few are lost for good
DIRECT_LOSS = 0.10  # of the drift hazard, straight from active to gone
YOUNG_HAZARD, YOUNG_WEEKS = 2.5, 10.0
PEAKS = {(11, 1): 1.35, (6, 15): 1.25, (1, 15): 1.2}  # month and day: lift of the week around it
ANNOYANCE = 0.6  # fall of the log rate at intrusion 1, for those who want no contact
YEAR_WEEKS = 52.18


@dataclass(frozen=True)
class Effects:
    """What each offer does to each customer: shapes (customers, offers), jumps (..., states, states).

    `accept` is the chance to take up a viewed offer, `qualify` that of an order to reach the minimum
    spend, `multiplier` what a viewed offer does to the purchase rate until the next wave, `jump` where
    viewing moves the state at once.
    """

    view: Floats  # of an active customer; times VIEWING in other states
    accept: Floats
    qualify: Floats
    multiplier: Floats
    jump: Floats


def effects(people: Population, offers: Sequence[Offer]) -> Effects:
    """Persuadables respond by their trait, sure things do not, the reserved are driven away."""
    n, k = len(people), len(offers)
    reserve = np.clip(1.15 - 2.3 * people.sociability, 0.0, 1.0)
    view, accept, qualify = np.empty((n, k)), np.empty((n, k)), np.empty((n, k))
    multiplier, jump = np.empty((n, k)), np.zeros((n, k, STATES, STATES))
    for place, offer in enumerate(offers):
        trait: Floats = getattr(people, offer.trait)
        pull = trait * people.persuadable
        push = offer.intrusion * reserve
        view[:, place] = people.attention
        accept[:, place] = 0.15 + 0.7 * trait
        qualify[:, place] = qualifying_share(people.ticket, offer)
        multiplier[:, place] = np.exp(offer.lift * pull - ANNOYANCE * push)
        recover, startle, repel = offer.recover * trait, 0.12 * push, 0.25 * push
        regain = offer.regain * pull
        jump[:, place, ACTIVE, DRIFTING] = startle
        jump[:, place, ACTIVE, ACTIVE] = 1 - startle
        jump[:, place, DRIFTING, ACTIVE] = recover * (1 - repel)
        jump[:, place, DRIFTING, GONE] = repel
        jump[:, place, DRIFTING, DRIFTING] = (1 - recover) * (1 - repel)
        jump[:, place, GONE, ACTIVE] = regain
        jump[:, place, GONE, GONE] = 1 - regain
    return Effects(view, accept, qualify, multiplier, jump)


def qualifying_share(ticket: Floats, offer: Offer) -> Floats:
    """The chance that an order, gamma with shape 3 about the ticket, may redeem the offer."""
    if not offer.is_redeemable:
        return np.zeros_like(ticket)
    x = 3.0 * (offer.minimum_spend or 0) / ticket
    share: Floats = np.exp(-x) * (1 + x + x * x / 2)
    return share


def purchase_rate(world: World, people: Population, week: int) -> Floats:
    """Orders expected in the week from an active customer without an offer, shape (customers,)."""
    day = world.moment(week)
    of_year = (day.timetuple().tm_yday - 1) / 7
    angle = 2 * np.pi * (of_year - people.phase) / YEAR_WEEKS
    season = np.exp(people.season * np.cos(angle)) / np.i0(people.season)
    peak = PEAKS.get((day.month, 15 if 15 <= day.day < 22 else 1 if day.day < 8 else 0), 1.0)
    rate: Floats = people.rate * season * peak
    return rate


def transition(people: Population, week: int) -> Floats:
    """The week's transition matrices without bad service, shape (customers, states, states)."""
    membership = people.tenure + np.maximum(week - people.first_week, 0)
    drift = np.clip(people.drift * (1 + YOUNG_HAZARD * np.exp(-membership / YOUNG_WEEKS)), 0, 0.5)
    matrix = np.zeros((len(people), STATES, STATES))
    matrix[:, ACTIVE, DRIFTING] = drift
    matrix[:, ACTIVE, GONE] = DIRECT_LOSS * drift
    matrix[:, ACTIVE, ACTIVE] = 1 - (1 + DIRECT_LOSS) * drift
    matrix[:, DRIFTING] = (RECOVERY, 1 - RECOVERY - LOSS, LOSS)
    matrix[:, GONE] = (RETURN, 0.0, 1 - RETURN)
    return matrix


def hurt(people: Population) -> Floats:
    """Where a complaint answered late moves the state, shape (customers, states, states)."""
    strength = 0.1 + 0.8 * people.service
    matrix = np.zeros((len(people), STATES, STATES))
    matrix[:, ACTIVE, DRIFTING] = 0.7 * strength
    matrix[:, ACTIVE, GONE] = 0.3 * strength
    matrix[:, ACTIVE, ACTIVE] = 1 - strength
    matrix[:, DRIFTING, GONE] = strength
    matrix[:, DRIFTING, DRIFTING] = 1 - strength
    matrix[:, GONE, GONE] = 1.0
    return matrix


def move(state: NDArray[np.int8], matrix: Floats, uniform: Floats) -> NDArray[np.int8]:
    """The next state of each customer, by inversion of the row of the matrix at the state."""
    row = matrix[np.arange(len(state)), state]
    stays = uniform >= row[:, 0]
    moved: NDArray[np.int8] = stays.astype(np.int8) + (uniform >= row[:, 0] + row[:, 1]).astype(np.int8)
    return moved
