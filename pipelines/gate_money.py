"""The money side of the gate's evidence: what leavers would have taken along, and how much is reached."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisions.evidence import Earned
from models.calibration import fit_calibration, sigmoid
from models.frame import Frame
from models.lift import captured_at, riskiest
from models.metric import Metric
from models.outcome import NORMAL_95, wilson
from models.paired import paired
from models.profit import Campaign, empc

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
TENTHS = 10


@dataclass(frozen=True)
class Curves:
    """What the page draws. depth: shares contacted; ours, theirs: money of leavers reached, minor units a
    customer; tenths: of promises, (promised, happened, low, high)."""

    depth: tuple[float, ...]
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    tenths: tuple[tuple[float, float, float, float], ...]
    tenths_before: tuple[tuple[float, float, float, float], ...]


def money_reached(
    frame: Frame, rows: Flags, ours: Floats, theirs: Floats, stake: Floats, depth: float
) -> tuple[Earned, Earned]:
    """(captured at the depth, EMPC) of two promises for the chosen rows, minor units a customer.

    Captured is of those with the most to lose, by promise times stake: the riskiest alone are those who bring
    least, and a model that tells them better would look worse.
    """
    customer, left = frame.facts.places[rows], frame.churned[rows]
    lost, size = left * stake[rows], float(left.sum())

    def earned(metric: Metric, happened: Floats, times: Floats) -> Earned:
        found = paired(metric, ours[rows] * times, theirs[rows] * times, happened, customer)
        return Earned(*found, scale=found.theirs.value, size=size)

    # The published campaign, its prices in proportion to what a customer is worth here.
    usual, plain = float(stake[rows].mean()), Campaign()
    campaign = Campaign(
        value=usual,
        incentive=usual * plain.incentive / plain.value,
        contact=usual * plain.contact / plain.value,
    )
    return earned(captured_at(depth), lost, stake[rows]), earned(empc(campaign), left, np.ones(len(left)))


def promise_by_recency(frame: Frame) -> Floats:
    """What a rule of thumb would promise: a logistic curve over the logarithm of days since the last order.
    It is fitted on the very rows it is asked about, which is the rule's advantage."""
    plain = sigmoid(np.log1p(frame.facts.column("days_since_last_order")))
    return fit_calibration(plain, frame.churned)(plain)


def curves_of(
    frame: Frame, rows: Flags, ours: Floats, theirs: Floats, stake: Floats, *, has_champion: bool
) -> Curves:
    lost, ones = (frame.churned * stake)[rows], np.ones(int(rows.sum()))
    depth = np.linspace(0, 1, 41)

    def reached(promised: Floats) -> tuple[float, ...]:
        expected = (promised * stake)[rows]
        return tuple(float((riskiest(expected, ones, share) * lost).mean()) for share in depth)

    def tenths(promised: Floats) -> tuple[tuple[float, float, float, float], ...]:
        found = []
        for part in np.array_split(np.argsort(promised[rows], kind="stable"), TENTHS):
            share = float(frame.churned[rows][part].mean())
            found.append((float(promised[rows][part].mean()), share, *wilson(share, len(part), NORMAL_95)))
        return tuple(found)

    return Curves(
        tuple(depth.tolist()),
        reached(ours),
        reached(theirs),
        tenths(ours),
        tenths(theirs) if has_champion else (),
    )
