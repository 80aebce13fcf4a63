"""What a customer brings over the whole horizon, told soon after a contact: a surrogate for the long wait.

An offer that brings a customer back pays for longer than it works itself, but the later months are noise to
it. So the rest of the horizon is forecast from how the customer behaves at the end of the effect, by a model
of the customers whose rest is known (the surrogate index: Athey, Chetty, Imbens & Kang 2019). What a contact
changes of itself (messages opened, offers taken up) is no part of that behaviour.
"""

import numpy as np
import numpy.typing as npt

from features.reader import read_facts
from models.contact import EFFECT, EFFECT_DAYS, ContactFrame
from models.frame import value_over
from models.trial import calm, out_of_sight
from tables.history import Histories
from tables.moment import DAY

Floats = npt.NDArray[np.float64]
BEHAVIOUR = (
    "days_since_last_order",
    "orders_28d",
    "orders_91d",
    "orders_364d",
    "order_lateness",
    "spend_28d",
    "spend_91d",
    "spend_per_order_364d",
    "visits_28d",
    "visits_91d",
    "days_since_last_visit",
    "days_since_first_event",
)
LEAST_KNOWN = 2_000


def projected_value(
    histories: Histories,
    frame: ContactFrame,
    usual: Floats,
    as_of: int,
    horizon_days: int,
    margin_rate: float,
) -> Floats:
    """Value over the horizon in usual orders, shape (contacts,): what came while the offer worked, and what
    is forecast of the rest. usual: minor units (effect.usual_order). Where the rest is known of too few
    contacts: the first part only."""
    came = frame.value / usual
    moments = frame.facts.moments + 1
    horizon = moments + horizon_days * DAY
    known = horizon <= as_of
    if horizon_days <= EFFECT_DAYS or known.sum() < LEAST_KNOWN:
        return np.asarray(came)
    rest = np.zeros(len(frame))
    whole = value_over(histories, frame.facts.places[known], horizon[known], horizon_days, margin_rate)
    rest[known] = calm((whole - frame.value[known]) / usual[known])
    told = read_facts(histories, frame.facts.places, moments + EFFECT)
    behaviour = told.only(BEHAVIOUR).values
    forecast = out_of_sight(behaviour, rest, frame.facts.places, BEHAVIOUR, "regression", learn=known)
    return np.asarray(came + forecast)
