"""How large a holdout must be: the power of the comparison of who gets offers with who gets none.

Two means, arms of unequal size, customers that vary alike in both, a two-sided test at 5 % that shall find
the effect in four of five tries (Cohen 1988, ch. 2; normal approximation, as arms of a base are large).
"""

import math

from scipy.stats import norm

LEVEL = 0.05
POWER = 0.8


def least_effect(spread: float, customers: float, share: float, *, level: float = LEVEL) -> float:
    """The least difference of means that a holdout of this share of so many customers can see, in the unit of
    `spread`, the standard deviation of what a customer brings; inf where one arm is empty."""
    held = customers * share
    if held <= 0 or held >= customers:
        return math.inf
    return _quantiles(level) * spread * math.sqrt(1 / held + 1 / (customers - held))


def least_share(effect: float, spread: float, customers: float, *, level: float = LEVEL) -> float | None:
    """The least share held out that sees a difference of `effect`; None where not even half of them would."""
    if effect <= 0:
        raise ValueError(f"an effect to be seen is above 0, came {effect}")
    # share * (1 - share) * customers must reach this.
    needed = (_quantiles(level) * spread / effect) ** 2
    if customers <= 0 or needed > customers / 4:
        return None
    return (1 - math.sqrt(1 - 4 * needed / customers)) / 2


def _quantiles(level: float) -> float:
    return float(norm.isf(level / 2) + norm.ppf(POWER))
