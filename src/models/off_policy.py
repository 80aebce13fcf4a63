"""Off-policy estimates: what another policy would have earned, from a log of what was done by chance.

Three estimators, each a mean of one figure a decision, so that one interval serves all and two policies can
be compared on the same log (the figures subtract; what both would do alike cancels out):

- ips: the reward of decisions the target would have made too, by inverse propensity (Horvitz &
  Thompson 1952);
- snips: the same over the mean weight, which bounds it by the rewards seen (Swaminathan & Joachims 2015);
- dr: a model's expected reward, corrected where it was wrong by ips (Dudik, Langford & Li 2011). It is right
  when the propensities or the model are; with the propensities known the model only makes it sharper.

Intervals are Student's on the sums of each customer's figures, so that several decisions on one customer
count as one, and reach as far as Hall's (1992) correction for skewness where that is further: a few large
customers under large weights make the plain interval miss on one side. How often they cover the truth:
benchmarks/off_policy.py.
"""

from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
from scipy import special

from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Method = Literal["ips", "snips", "dr"]
METHODS: tuple[Method, ...] = get_args(Method)
# A target may do this share of its actions where the log never did them, and no more.
UNSEEN_SHARE = 0.01
# How far the mean weight may be from 1, and beyond how many standard errors that cannot be chance.
OFF, SURELY_OFF = 0.05, 5.0
LEAST_EFFECTIVE = 50.0


class Log(NamedTuple):
    """Decisions as they were made; shape (decisions,). customer: whose it was; action: the column of what was
    done; propensity: the probability with which that was done; reward: what came of it, in any unit."""

    customer: Int64s
    action: Int64s
    propensity: Floats
    reward: Floats


class Estimate(NamedTuple):
    """A mean reward a decision with its 95 % interval. error: its standard error; effective: how many
    decisions of the target's own would tell as much (Kish 1965), at a comparison of the policy with fewer."""

    value: float
    low: float
    high: float
    error: float
    effective: float

    def __str__(self) -> str:
        return f"{self.value:,.1f} ({self.low:,.1f} – {self.high:,.1f})"


def estimate(method: Method, log: Log, target: Floats, predicted: Floats | None = None) -> Estimate:
    """What the target policy would have earned a decision.

    target: its probability of every action, shape (decisions, actions), rows summing to 1; predicted: the
    model's expected reward of every action, the same shape, for `dr`: not of a model that learnt from these
    rewards. Raises Refused without overlap (see `weights`) or for what is no log.
    """
    weight = weights(log, target)
    return _interval(log, _figures(method, log, weight, target, predicted), effective_size(weight))


def compare(
    method: Method, log: Log, ours: Floats, theirs: Floats, predicted: Floats | None = None
) -> Estimate:
    """How much more the policy `ours` would have earned a decision than `theirs`, paired on one log."""
    of_ours, of_theirs = weights(log, ours), weights(log, theirs)
    figures = _figures(method, log, of_ours, ours, predicted) - _figures(
        method, log, of_theirs, theirs, predicted
    )
    return _interval(log, figures, min(effective_size(of_ours), effective_size(of_theirs)))


def weights(log: Log, target: Floats, *, least_effective: float = LEAST_EFFECTIVE) -> Floats:
    """How many decisions of the target each logged one stands for; shape (decisions,).

    Raises Refused where the log cannot speak of the target: it does what was never done, the weights do not
    average to 1 (what they do in expectation exactly where everything the target does had a chance), or too
    few decisions carry all of the weight.
    """
    _check(log, target)
    weight = np.asarray(target[np.arange(len(log.action)), log.action] / log.propensity)
    done = np.bincount(log.action, minlength=target.shape[1]) > 0
    unseen = float(target[:, ~done].sum() / len(target))
    if unseen > UNSEEN_SHARE:
        raise Refused(
            f"no overlap: {unseen:.1%} of what the policy would do was never done in the log "
            f"(actions {', '.join(map(str, np.flatnonzero(~done & (target.sum(axis=0) > 0))))}); what that "
            "earns is not identified"
        )
    effective = effective_size(weight)
    if effective < least_effective:
        raise Refused(
            f"no overlap: {len(weight):,} decisions tell as much of the policy as {effective:,.0f} of its "
            f"own; at least {least_effective:,.0f} are needed"
        )
    mean = _interval(log, weight, effective)
    if abs(mean.value - 1) > max(SURELY_OFF * mean.error, OFF):
        raise Refused(
            f"no overlap: the weights average {mean.value:.3f} (standard error {mean.error:.3f}) and not 1: "
            "the policy does what had no chance in the log, or the propensities are not those of the log"
        )
    return weight


def effective_size(weight: Floats) -> float:
    square = float((weight**2).sum())
    return float(weight.sum() ** 2 / square) if square > 0 else 0.0


def certain(action: Int64s, actions: int) -> Floats:
    """The policy that does one action for sure in each decision; shape (decisions, actions)."""
    target = np.zeros((len(action), actions))
    target[np.arange(len(action)), action] = 1.0
    return target


def _figures(method: Method, log: Log, weight: Floats, target: Floats, predicted: Floats | None) -> Floats:
    """One figure a decision, whose mean is the estimate and whose spread is its error; weight: of `target`;
    shape (decisions,)."""
    if method == "ips":
        return weight * log.reward
    if method == "snips":
        value = float((weight * log.reward).sum() / weight.sum())
        return np.asarray(value + weight * (log.reward - value) / weight.mean())
    if predicted is None or predicted.shape != target.shape:
        raise Refused(
            f"dr needs the model's expected reward of every action, shape {target.shape}; came "
            f"{None if predicted is None else predicted.shape}"
        )
    seen = predicted[np.arange(len(weight)), log.action]
    expected = (target * predicted).sum(axis=1)
    return np.asarray(expected + weight * (log.reward - seen))


def _interval(log: Log, figures: Floats, effective: float) -> Estimate:
    value = float(figures.mean())
    member = np.unique(log.customer, return_inverse=True)[1]
    own = np.bincount(member, figures - value)
    n = len(own)
    if n < 2:
        return Estimate(value, float("-inf"), float("inf"), float("inf"), effective)
    spread = float(np.sqrt((own**2).sum() / (n - 1)))
    error = spread * np.sqrt(n) / len(figures)
    if error == 0:
        return Estimate(value, value, value, 0.0, effective)
    skewness = float((own**3).mean()) / spread**3
    edge = float(special.stdtrit(n - 1, 0.975))
    # Longer where the figures are skewed, never shorter: the skewness of a sample without the largest
    # customers is too small, and of one with them too large.
    low = value - error * max(edge, _unskewed(edge, skewness, n))
    high = value - error * min(-edge, _unskewed(-edge, skewness, n))
    return Estimate(value, float(low), float(high), float(error), effective)


def _unskewed(z: float, skewness: float, n: int) -> float:
    """Where the studentised mean of n skewed figures has the probability that a symmetric one has at z: the
    inverse of Hall's monotone cubic."""
    a = skewness / (3 * np.sqrt(n))
    if abs(a) < 1e-8:
        return z
    return float((np.cbrt(1 + 3 * a * (z - a / 2)) - 1) / a)


def _check(log: Log, target: Floats) -> None:
    n = len(log.action)
    if n == 0 or target.ndim != 2 or len(target) != n or not all(len(part) == n for part in log):
        raise Refused(
            f"a log and a policy speak of the same decisions, one at least; came "
            f"{[len(part) for part in log]} and {target.shape}"
        )
    if not ((log.propensity > 0) & (log.propensity <= 1)).all():
        row = int(np.flatnonzero(~((log.propensity > 0) & (log.propensity <= 1)))[0])
        raise Refused(f"a propensity lies above 0 and is at most 1; came {log.propensity[row]} in row {row}")
    if not np.isfinite(log.reward).all():
        raise Refused(
            f"a reward is a number; row {int(np.flatnonzero(~np.isfinite(log.reward))[0])} has none"
        )
    off = np.abs(target.sum(axis=1) - 1) > 1e-6
    if off.any() or (target < 0).any():
        row = int(np.flatnonzero(off | (target < 0).any(axis=1))[0])
        raise Refused(f"a policy's probabilities are at least 0 and sum to 1; row {row} has {target[row]}")
