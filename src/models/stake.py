"""What is at stake with a customer: what would be lost if they left, by no model's word."""

import numpy as np
import numpy.typing as npt

from models.frame import value_over
from models.question import Question
from tables.history import Histories

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]


def stake_of(
    histories: Histories, question: Question, places: Int64s, moments: Int64s, margin_rate: float
) -> Floats:
    """What each customer usually brings within the question's horizon, minor units: as in the base's window
    up to the moment, never below 0; shape (rows,). Two models are held against the same money."""
    brought = value_over(histories, places, moments, question.base_days, margin_rate)
    return np.asarray(np.maximum(brought, 0.0) * question.horizon_days / question.base_days)
