"""The truth as a table: one row a customer who has joined and an offer, "" for no contact."""

import numpy as np
import pyarrow as pa

from simulator.dynamics import UNBORN
from simulator.population import Population
from simulator.record import decoded, padded
from simulator.truth import action_probabilities, truth_at
from simulator.walk import States
from simulator.world import World

TRUTH_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("offer_id", pa.string()),
        ("p_logged", pa.float64()),
        ("p_viewed", pa.float64()),
        ("p_accepted", pa.float64()),
        ("p_redeemed", pa.float64()),
        ("p_churn", pa.float64()),
        ("expected_orders", pa.float64()),
        ("expected_net_value", pa.float64()),
        ("p_churn_logged", pa.float64()),
        ("expected_net_value_logged", pa.float64()),
        ("state", pa.int8()),
    ]
)
# Processors differ in the last bits of exp; nobody needs them, and equal worlds shall be equal.
DIGITS = 9
MONEY_DIGITS = 3


def truth_table(world: World, people: Population, state: States, week: int) -> pa.Table:
    """The truth for (t, t + 91 d] with t the week's beginning; money in minor units.

    p_viewed to expected_net_value: if the customer is contacted with the offer at t (offer "": not), and by
    the logging policy at the waves after. p_logged: the policy's own chance of that action at t, and
    *_logged what follows from it. state: the hidden state at t (0 active, 1 drifting, 2 gone).
    """
    joined = np.flatnonzero(state != UNBORN)
    people, state = people.take(joined), state[joined]
    truth = truth_at(world, people, state, week)
    chance = action_probabilities(world, people, week)
    logged = truth.of_policy(chance)
    valid = [place for place, offer in enumerate(world.offers) if offer.is_valid(week)]
    shown = np.array([0, *(1 + place for place in valid)])
    n, k = len(people), len(shown)
    offer_ids = ["", *(world.offers[place].offer_id for place in valid)]
    outcomes = (chance, truth.viewed, truth.accepted, truth.redeemed, truth.churn, truth.orders)
    by_action = [np.round(values[:, shown].ravel(), DIGITS) for values in outcomes]
    by_action.append(np.round(truth.net_value[:, shown].ravel(), MONEY_DIGITS))
    return pa.Table.from_arrays(
        [
            decoded(np.repeat(np.arange(n), k), padded("c", people.number, 7)),
            decoded(np.tile(np.arange(k), n), offer_ids),
            *(pa.array(values) for values in by_action),
            pa.array(np.round(np.repeat(logged.churn, k), DIGITS)),
            pa.array(np.round(np.repeat(logged.net_value, k), MONEY_DIGITS)),
            pa.array(np.repeat(state, k)),
        ],
        schema=TRUTH_SCHEMA,
    )
