"""A promise of 30 % must mean 30 %: a logistic curve between the model's log-odds and what happened."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Floats = npt.NDArray[np.float64]
EDGE = 1e-6


class Calibration(NamedTuple):
    """p = 1 / (1 + exp(-(slope * log-odds + intercept))); monotone, so that ranks stay (Platt 1999)."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, probability: Floats) -> Floats:
        return sigmoid(self.slope * log_odds(probability) + self.intercept)


def log_odds(probability: Floats) -> Floats:
    inside = np.clip(probability, EDGE, 1 - EDGE)
    return np.log(inside) - np.log1p(-inside)


def sigmoid(x: Floats) -> Floats:
    with np.errstate(over="ignore"):  # exp overflows to inf, which gives the right 0
        return np.asarray(1.0 / (1.0 + np.exp(-x)))


def fit_calibration(probability: Floats, happened: Floats) -> Calibration:
    """By maximum likelihood, on predictions for rows the model did not see; shape (rows,)."""
    x = log_odds(probability)

    def loss(at: Floats) -> tuple[float, Floats]:
        z = at[0] * x + at[1]
        error = sigmoid(z) - happened
        value = np.logaddexp(0, z) - happened * z
        return float(value.mean()), np.array([(error * x).mean(), error.mean()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS")
    return Calibration(float(found.x[0]), float(found.x[1]))
