"""BG/NBD: how often a customer buys, and whether they still do, from three numbers of their past.

While alive a customer buys at a rate drawn from Gamma(r, alpha); after any purchase they leave for good
with a probability drawn from Beta(a, b): Fader, Hardie & Lee, "Counting your customers the easy way"
(Marketing Science 24(2), 2005). Times are in one unit, the caller's; all arrays have shape (customers,).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import digamma, expit, gammaln, hyp2f1

from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
# In logarithms: beyond these a parameter says only "all alike" or "all different".
BOUNDS = [(-7.0, 9.0)] * 4
SINGULAR = 1e-6  # the expectation is a limit at a = 1
LEAST_CUSTOMERS = 20


class Past(NamedTuple):
    """x: repeat purchases; t_x: from the first purchase to the last; age: from the first until now."""

    x: Floats
    t_x: Floats
    age: Floats


# The facts (features.process, features.order) that make a Past, all orders of a day being one purchase.
PAST_FACTS = ("repeat_purchase_days", "days_from_first_to_last_purchase", "days_since_first_order")


def past_of(values: Floats, names: tuple[str, ...]) -> Past:
    """values: facts, shape (customers, facts), in columns named by `names`; times in days. Raises Refused
    when a fact is missing."""
    if missing := [name for name in PAST_FACTS if name not in names]:
        raise Refused(
            f"a purchase process needs the facts {', '.join(PAST_FACTS)}; {missing[0]} was not read"
        )
    return Past(*(values[:, names.index(name)] for name in PAST_FACTS))


class BgNbd(NamedTuple):
    """The four parameters; alpha is in the unit of time, the others have none."""

    r: float
    alpha: float
    a: float
    b: float

    def log_likelihood(self, past: Past) -> float:
        """Of all customers together; equation (6) of the paper."""
        return float(_log_likelihood(np.log(self), past)[0])

    def alive(self, past: Past) -> Floats:
        """P(has not left). It is 1 for whoever never came back, so it ranks nobody by itself."""
        return np.asarray(expit(-self._log_odds_gone(past)))

    def quiet(self, past: Past, horizon: float) -> Floats:
        """P(no purchase in the next `horizon`): gone already, or alive and not buying."""
        return np.asarray(expit(self.log_odds_quiet(past, horizon)))

    def log_odds_quiet(self, past: Past, horizon: float) -> Floats:
        """The same in log-odds, which tell apart what is almost certain."""
        silent = (self.r + past.x) * (np.log(self.alpha + past.age) - np.log(self.alpha + past.age + horizon))
        gone = self._log_odds_gone(past)
        # (odds of gone + P(silent | alive)) / P(buys | alive)
        return np.asarray(np.logaddexp(gone, silent) - np.log(-np.expm1(silent)))

    def expected_purchases(self, past: Past, horizon: float) -> Floats:
        """Purchases in the next `horizon`; equation (10), with Euler's transformation of 2F1, whose
        parameters then stay small for however many purchases."""
        a = self.a + SINGULAR if abs(self.a - 1) < SINGULAR else self.a
        z = horizon / (self.alpha + past.age + horizon)
        series = hyp2f1(a + self.b - 1 - self.r, a - 1, a + self.b + past.x - 1, z)
        per_alive = (a + self.b + past.x - 1) / (a - 1) * (1 - (1 - z) ** (a - 1) * series)
        return np.asarray(per_alive * self.alive(past))

    def _log_odds_gone(self, past: Past) -> Floats:
        x = np.maximum(past.x, 1)  # whoever never came back cannot have left
        gone = (
            np.log(self.a)
            - np.log(self.b + x - 1)
            + (self.r + past.x) * (np.log(self.alpha + past.age) - np.log(self.alpha + past.t_x))
        )
        return np.where(past.x > 0, gone, -np.inf)


def fit_bg_nbd(past: Past) -> BgNbd:
    """By maximum likelihood. Raises Refused for fewer than twenty customers or without a repeat purchase."""
    if len(past.x) < LEAST_CUSTOMERS or not past.x.any():
        raise Refused(
            f"BG/NBD needs at least {LEAST_CUSTOMERS} customers, some of whom bought again; came "
            f"{len(past.x)} with {int(past.x.sum())} repeat purchases: choose an --as-of with more history"
        )
    scale = float(past.age.max())  # the search is the same in days and in weeks
    scaled = Past(past.x, past.t_x / scale, past.age / scale)

    def loss(at: Floats) -> tuple[float, Floats]:
        value, slope = _log_likelihood(at, scaled)
        return -value / len(past.x), -slope / len(past.x)

    # A buyer's usual rate, and one in four leaving after a purchase.
    mean_rate = max(past.x.mean() / scaled.age.mean(), 1e-3)
    start = np.log([1.0, 1.0 / mean_rate, 0.8, 2.4])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=BOUNDS, options={"ftol": 1e-12})
    r, alpha, a, b = np.exp(found.x).tolist()
    return BgNbd(r, alpha * scale, a, b)


def _log_likelihood(logarithms: Floats, past: Past) -> tuple[float, Floats]:
    """The sum over customers and its slope in the parameters' logarithms."""
    r, alpha, a, b = np.exp(logarithms)
    x, t_x, age = past
    again = x > 0
    common = (
        gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    )  # fmt: skip
    stays = -(r + x) * np.log(alpha + age)
    left = np.where(
        again, np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x), -np.inf
    )
    both = np.logaddexp(stays, left)
    gone = np.exp(left - both)
    time = (1 - gone) * np.log(alpha + age) + gone * np.log(alpha + t_x)
    shares = (1 - gone) / (alpha + age) + gone / (alpha + t_x)
    slope = np.array(
        [
            (digamma(r + x) - digamma(r) + np.log(alpha) - time).sum() * r,
            (r / alpha - (r + x) * shares).sum() * alpha,
            (digamma(a + b) - digamma(a + b + x) + gone / a).sum() * a,
            (
                digamma(a + b) + digamma(b + x) - digamma(b) - digamma(a + b + x)
                - gone / (b + np.maximum(x, 1) - 1)
            ).sum() * b,
        ]
    )  # fmt: skip
    return float((common + both).sum()), slope
