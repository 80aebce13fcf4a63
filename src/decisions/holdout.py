"""Holdout by hash: who gets no offer depends on the customer and the salt, on nothing else."""

import numpy as np
import numpy.typing as npt

from tables.code import lots_of


def is_held_out(customer_ids: npt.NDArray[np.object_], share: float, salt: str) -> npt.NDArray[np.bool_]:
    """Whether each customer belongs to the holdout; shape (customers,)."""
    return lots_of(customer_ids, salt) < share
