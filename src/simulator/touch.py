"""Touches and answers that follow from the walk: visits, reviews, complaints, surveys."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator.dynamics import DRIFTING
from simulator.identity import Identities
from simulator.population import CLOSING, OPENING, Floats, Integers, Population
from simulator.purchase import Orders
from simulator.record import Columns, decoded, event_ids, padded
from simulator.walk import Walk
from simulator.world import DAY, HOUR, MINUTE, QUARTER_WEEKS, SECOND, World
from tables.contract import INTERACTION_KINDS

CHANNELS = ("web", "app", "store", "email", "app_push", "wecom", "sms", "phone", "community")
# Share of an active customer's engagement that is left, by state.
ENGAGED = np.array([1.0, 0.35, 0.03, 0.0])
HURT_WEEKS = 12


@dataclass(frozen=True)
class Touches:
    """One kind of touch; channel is a place in CHANNELS, case and referred are -1 where there is none."""

    kind: str
    customer: Integers
    at: Integers
    channel: Integers
    case: Integers | None = None
    rating: Floats | None = None
    referred: Integers | None = None


def everyday_touches(world: World, people: Population, walk: Walk, rng: np.random.Generator) -> list[Touches]:
    """Visits, logins, shares and requests for service: Poisson, less and less as customers drift."""
    rates = {
        "visit": (people.visits, (0, 2)),
        "login": (0.5 * people.visits, (1,)),
        "share": (0.03 * people.sociability**2, (1, 5, 8)),
        "service_contact": (0.02 * (0.3 + people.service), (7, 5)),
    }
    touches = []
    for kind, (rate, channels) in rates.items():
        count = rng.poisson(ENGAGED[walk.states[: world.weeks]] * rate)
        week, customer = np.nonzero(count)
        repeat = count[week, customer]
        week, customer = np.repeat(week, repeat), np.repeat(customer, repeat)
        n = len(week)
        second = rng.integers(OPENING, CLOSING, n)
        at = world.instant(week, rng.integers(0, 7, n), second)
        touches.append(Touches(kind, customer, at, rng.choice(np.array(channels), n)))
    return touches


def complaint_touches(world: World, walk: Walk, rng: np.random.Generator) -> list[Touches]:
    """Opened, answered within a day or, when late, after some; most are solved."""
    customer, week = walk.complaint_customer, walk.complaint_week
    n = len(customer)
    opened = world.instant(week, rng.integers(0, 7, n), rng.integers(OPENING, CLOSING, n))
    prompt, late = rng.integers(1, 24, n) * HOUR, rng.integers(72, 300, n) * HOUR
    answered = opened + np.where(walk.is_late, late, prompt)
    solved = answered + rng.integers(1, 72, n) * HOUR
    is_solved = rng.random(n) < np.where(walk.is_late, 0.6, 0.92)
    case, channel = np.arange(n), rng.choice(np.array([7, 5, 1]), n)
    touches = [
        Touches("complaint_opened", customer, opened, channel, case),
        Touches("complaint_answered", customer, answered, channel, case),
    ]
    s = np.flatnonzero(is_solved)
    return [*touches, Touches("complaint_solved", customer[s], solved[s], channel[s], case[s])]


def review_touches(people: Population, walk: Walk, orders: Orders, rng: np.random.Generator) -> Touches:
    """Some days after an order, by those who care for quality; the drifting give fewer stars."""
    chance = 0.02 + 0.2 * people.quality[orders.customer] ** 2
    place = np.flatnonzero(rng.random(len(orders.at)) < chance)
    customer = orders.customer[place]
    is_drifting = walk.states[orders.week[place] + 1, customer] >= DRIFTING
    stars = 4.5 - 1.4 * is_drifting + rng.standard_normal(len(place))
    at = orders.at[place] + rng.integers(DAY, 9 * DAY, len(place)) // SECOND * SECOND
    rating = np.clip(np.rint(stars), 1, 5)
    return Touches("review", customer, at, np.full(len(place), 1), rating=rating)


def referral_touches(people: Population, walk: Walk, rng: np.random.Generator) -> Touches:
    """Some of those who joined were brought by an active member of the chunk who likes company."""
    joined = np.flatnonzero((people.first_week > 0) & (rng.random(len(people)) < 0.12))
    who = rng.integers(0, len(people), len(joined))
    state = walk.states[people.first_week[joined] - 1, who]
    likes = rng.random(len(joined)) < people.sociability[who]
    kept = likes & (ENGAGED[state] > 0.3) & (people.joined_at[who] < people.joined_at[joined])
    joined, who = joined[kept], who[kept]
    at = people.joined_at[joined] - MINUTE
    kept_at = np.maximum(at, people.joined_at[who])
    return Touches("referral", who, kept_at, np.full(len(who), 5), referred=joined)


def interaction_rows(people: Population, identities: Identities, touches: list[Touches]) -> Columns:
    """All touches as rows of the interactions table, named in the order they happened."""
    kind = np.repeat([INTERACTION_KINDS.index(t.kind) for t in touches], [len(t.at) for t in touches])
    customer, at, channel = (
        np.concatenate([getattr(t, name) for t in touches]) for name in ("customer", "at", "channel")
    )
    case, referred = (
        np.concatenate([np.full(len(t.at), -1) if (v := getattr(t, name)) is None else v for t in touches])
        for name in ("case", "referred")
    )
    rating = np.concatenate([np.full(len(t.at), np.nan) if t.rating is None else t.rating for t in touches])
    order = np.lexsort((kind, at, customer))
    kind, customer, at, channel, case, referred, rating = (
        column[order] for column in (kind, customer, at, channel, case, referred, rating)
    )
    names = padded("", people.number, 7)
    opened = next(t for t in touches if t.kind == "complaint_opened")
    return {
        "event_id": event_ids("i", customer, names),
        "at": at,
        "customer_id": identities.of(customer, at),
        "kind": decoded(kind, INTERACTION_KINDS),
        "channel": decoded(channel, CHANNELS),
        "case_id": decoded(case, case_ids(people, opened)),
        "referred_customer_id": decoded(referred, identities.names),
        "rating": pa.array(rating, mask=np.isnan(rating)),
    }


def case_ids(people: Population, opened: Touches) -> pa.Array:
    """Names of the cases, by customer and hour, so that they do not depend on the chunk."""
    hour = padded("", opened.at // HOUR, 6)
    return pc.binary_join_element_wise("k", decoded(opened.customer, padded("", people.number, 7)), hour, "-")


def survey_rows(
    world: World,
    people: Population,
    identities: Identities,
    walk: Walk,
    rng: np.random.Generator,
) -> Columns:
    """NPS asked of one in eight a quarter, CSAT after complaints; late answers and drifting cost points."""
    n = len(people)
    late = np.zeros((world.weeks + 1, n), np.int16)
    np.add.at(late, (walk.complaint_week[walk.is_late] + 1, walk.complaint_customer[walk.is_late]), 1)
    late = np.cumsum(late, axis=0, dtype=np.int16)
    asked_in, customer = np.nonzero(rng.random((world.weeks // QUARTER_WEEKS, n)) < 0.12)
    week = QUARTER_WEEKS * asked_in + rng.integers(0, QUARTER_WEEKS, len(customer))
    state = walk.states[week, customer]
    answers = rng.random(len(week)) < ENGAGED[state]
    week, customer, state = week[answers], customer[answers], state[answers]
    is_hurt = late[week, customer] > late[np.maximum(week - HURT_WEEKS, 0), customer]
    nps = 8.3 - 2.5 * (state == DRIFTING) - 4.0 * is_hurt * people.service[customer]
    nps = np.clip(np.rint(nps + 1.4 * rng.standard_normal(len(week))), 0, 10)
    asked = np.flatnonzero(rng.random(len(walk.is_late)) < 0.3)
    bad = 1.2 + 1.2 * people.service[walk.complaint_customer[asked]]
    csat = 4.3 - walk.is_late[asked] * bad + 0.7 * rng.standard_normal(len(asked))
    csat = np.clip(np.rint(csat), 1, 5)
    kind = np.repeat([0, 1], [len(nps), len(csat)])
    customer = np.concatenate([customer, walk.complaint_customer[asked]])
    score = np.concatenate([nps, csat])
    week = np.concatenate([week, walk.complaint_week[asked]])
    at = world.instant(week, rng.integers(0, 7, len(week)), rng.integers(OPENING, CLOSING, len(week)))
    # CSAT is asked when the case should be over.
    at = np.where(kind == 1, at + 21 * DAY, at)
    order = np.lexsort((kind, at, customer))
    customer, kind, at, score = customer[order], kind[order], at[order], score[order]
    return {
        "event_id": event_ids("s", customer, padded("", people.number, 7)),
        "at": at,
        "customer_id": identities.of(customer, at),
        "kind": decoded(kind, ("nps", "csat")),
        "score": score,
    }
