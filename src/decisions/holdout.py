"""Holdout by hash: who gets no offer depends on the customer and the salt, on nothing else."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tables.code import codes


def is_held_out(customer_ids: npt.NDArray[np.object_], share: float, salt: str) -> npt.NDArray[np.bool_]:
    """Whether each customer belongs to the holdout; shape (customers,)."""
    return draw(customer_ids, salt) < share


def draw(customer_ids: npt.NDArray[np.object_], salt: str) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each customer: the same on every machine, run and engine."""
    code = codes(pa.array([f"{salt}|{each}" for each in customer_ids], pa.string())).view(np.uint64)
    # FNV-1a leaves patterns in its high bits; SplitMix64's last steps (Steele et al. 2014) spread them.
    code = (code ^ (code >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    code = (code ^ (code >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    code ^= code >> np.uint64(31)
    return (code >> np.uint64(11)).astype(np.float64) / 2.0**53
