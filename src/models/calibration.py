"""A promise of 30 % must mean 30 %: a logistic curve between the model's log-odds and what happened."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.purchase_process import BgNbd, Past, past_of

Floats = npt.NDArray[np.float64]
EDGE = 1e-6
PRIOR = 5.0


class Calibration(NamedTuple):
    """p = 1 / (1 + exp(-(slope * log-odds + intercept))); monotone, so that ranks stay (Platt 1999).

    With a share, the log-odds of silence through `days` by a purchase process (BG/NBD: r, alpha in days, a,
    b) are added, share times: trees know no more of a customer's past than their training moments showed, the
    process goes on (docs/results.md). usual: the mean of these among the customers it was fitted to, which
    reasons are told against.
    """

    slope: float = 1.0
    intercept: float = 0.0
    share: float = 0.0
    days: float = 0.0
    r: float = 0.0
    alpha: float = 0.0
    a: float = 0.0
    b: float = 0.0
    usual: float = 0.0

    def __call__(
        self, probability: Floats, values: Floats | None = None, names: tuple[str, ...] = ()
    ) -> Floats:
        """values: facts of the same rows in columns named by `names`; without them, and for customers who
        never bought, the process says nothing."""
        told = self.slope * log_odds(probability) + self.intercept
        if self.share and values is not None:
            told = told + self.share * self.process_log_odds(values, names)
        return sigmoid(told)

    def beside_trees(self, values: Floats, names: tuple[str, ...]) -> Floats:
        """What the process adds to the trees' log-odds before both are calibrated, less what it adds usually:
        slope times the sum, and a constant, is the promise's log-odds; shape (rows,)."""
        return np.asarray(self.share / self.slope * (self.process_log_odds(values, names) - self.usual))

    def process_log_odds(self, values: Floats, names: tuple[str, ...]) -> Floats:
        """Of silence through `days`, shape (rows,); 0 for customers who never bought."""
        past = past_of(values, names)
        bought = ~np.isnan(past).any(axis=0)
        told = np.zeros(len(values))
        process = BgNbd(self.r, self.alpha, self.a, self.b)
        told[bought] = process.log_odds_quiet(Past(*(part[bought] for part in past)), self.days)
        return told


def log_odds(probability: Floats) -> Floats:
    inside = np.minimum(np.maximum(probability, EDGE), 1 - EDGE)  # np.clip takes its time
    return np.log(inside) - np.log1p(-inside)


def sigmoid(x: Floats) -> Floats:
    with np.errstate(over="ignore"):  # exp overflows to inf, which gives the right 0
        return np.asarray(1.0 / (1.0 + np.exp(-x)))


def fit_calibration(probability: Floats, happened: Floats) -> Calibration:
    """By maximum likelihood, on predictions for rows the model did not see; shape (rows,)."""
    slope, intercept = fit_line(log_odds(probability)[:, None], happened)
    return Calibration(slope, intercept)


def fit_line(inputs: Floats, happened: Floats, *, weight: Floats | None = None) -> tuple[float, ...]:
    """Logistic regression: a coefficient for each of `inputs`, shape (rows, inputs), and the intercept.

    The first is free. Each other lies between 0 and 1, and is 0 for want of evidence, as if PRIOR customers
    had shown so. happened may be a probability; weight: shape (rows,).
    """
    w = np.full(len(happened), 1 / len(happened)) if weight is None else weight / weight.sum()
    columns = np.column_stack([inputs, np.ones(len(inputs))])
    others = np.r_[0.0, np.full(inputs.shape[1] - 1, PRIOR / len(happened)), 0.0]

    # Only who trains needs it, and it takes a quarter of a second to import.
    from scipy.optimize import minimize  # noqa: PLC0415

    def loss(at: Floats) -> tuple[float, Floats]:
        z = columns @ at
        error = w * (sigmoid(z) - happened)
        value = float(w @ (np.logaddexp(0, z) - happened * z) + others @ at**2)
        return value, columns.T @ error + 2 * others * at

    start = np.r_[1.0, np.zeros(inputs.shape[1])]
    if inputs.shape[1] == 1:
        return tuple(minimize(loss, start, jac=True, method="BFGS").x.tolist())
    bounds = [(None, None), *[(0.0, 1.0)] * (inputs.shape[1] - 1), (None, None)]
    return tuple(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x.tolist())


def fit_intercept(known: Floats, happened: Floats, weight: Floats) -> float:
    """What to add to log-odds so that, weighted, as many are promised as came."""
    low, high = -20.0, 20.0
    came = float(np.average(happened, weights=weight))
    for _ in range(60):
        middle = (low + high) / 2
        below = float(np.average(sigmoid(known + middle), weights=weight)) < came
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2
