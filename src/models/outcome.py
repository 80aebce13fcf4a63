"""The outcome: what an old week promised against what has happened since, whole, by tenths and by slice."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.order import order
from features.profile import level
from features.reader import read_facts
from models.frame import churned_after, value_over
from models.metric import BINS, Interval, auc, calibration_error, intervals
from models.question import Question
from tables.history import Histories

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
NORMAL_95 = 1.96
REPLICATES = 100
# An interval that one slice in twenty misses by chance alone would blame one in every report.
NORMAL_SURE = 3.0


@dataclass(frozen=True)
class Part:
    """Some customers of a week: mean churn promised and share that left, with its 95 % interval; value
    promised and come, minor units a customer. `sure`: the promise lies outside the 99.7 % interval."""

    axis: str
    name: str
    customers: int
    promised: float
    happened: float
    low: float
    high: float
    sure: bool
    value_promised: float
    value_came: float


@dataclass(frozen=True)
class Outcome:
    """One old week. unknown: its customers whom the base no longer names; too_small: slices with fewer
    customers than are worth a figure."""

    moment: int
    bundle: str
    customers: int
    unknown: int
    whole: Part
    auc: Interval
    calibration_error: Interval
    tenths: tuple[Part, ...]
    slices: tuple[Part, ...]
    too_small: tuple[str, ...]


@dataclass(frozen=True)
class Promised:
    """What a week said of customers of its base, by place in the histories; labels: axis -> name of each
    customer's slice; shape (customers,)."""

    moment: int
    bundle: str
    places: npt.NDArray[np.int64]
    churn: Floats
    value: Floats
    labels: Mapping[str, npt.NDArray[np.object_]]
    unknown: int


def outcome_of(
    histories: Histories, question: Question, promised: Promised, *, margin_rate: float, least: int
) -> Outcome:
    """Hold promises against (moment, moment + horizon], as it was known when the label was, by the labels
    given and by what the base knows: tenure, membership level. least: customers that make a slice."""
    moments = np.full(len(promised.places), promised.moment)
    ends, days = moments + question.horizon, question.horizon_days
    came = value_over(histories, promised.places, ends, days, margin_rate)
    happened = churned_after(histories, question, promised.places, moments)

    def part(axis: str, name: str, rows: Flags | npt.NDArray[np.int64]) -> Part:
        return _part(axis, name, promised.churn[rows], happened[rows], promised.value[rows], came[rows])

    slices, too_small = [], []
    for axis, labels in (dict(promised.labels) | _known_labels(histories, promised, question)).items():
        for name in sorted({each for each in labels.tolist() if each is not None}):
            rows = labels == name
            if rows.sum() < least:
                too_small.append(f"{axis}: {name} ({int(rows.sum())})")
            else:
                slices.append(part(axis, name, rows))
    tenths = np.array_split(np.argsort(promised.churn, kind="stable"), min(BINS, max(1, len(happened) // 20)))
    figures = intervals(
        {"auc": auc, "calibration_error": calibration_error},
        promised.churn,
        happened,
        replicates=REPLICATES,
    )
    return Outcome(
        moment=promised.moment,
        bundle=promised.bundle,
        customers=len(happened),
        unknown=promised.unknown,
        whole=part("", "", np.ones(len(happened), dtype=bool)),
        auc=figures["auc"],
        calibration_error=figures["calibration_error"],
        tenths=tuple(part("tenth", str(k + 1), rows) for k, rows in enumerate(tenths)),
        slices=tuple(slices),
        too_small=tuple(too_small),
    )


def _part(axis: str, name: str, promised: Floats, happened: Floats, value: Floats, came: Floats) -> Part:
    n, share, mean = len(happened), float(happened.mean()), float(promised.mean())
    low, high = wilson(share, n, NORMAL_95)
    surely_low, surely_high = wilson(share, n, NORMAL_SURE)
    return Part(
        axis=axis,
        name=name,
        customers=n,
        promised=mean,
        happened=share,
        low=low,
        high=high,
        sure=not surely_low <= mean <= surely_high,
        value_promised=float(value.mean()),
        value_came=float(came.mean()),
    )


def wilson(share: float, n: int, z: float) -> tuple[float, float]:
    """The score interval of a share of n (Wilson 1927); unlike the plain one it is right near 0 and 1."""
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def _known_labels(
    histories: Histories, promised: Promised, question: Question
) -> dict[str, npt.NDArray[np.object_]]:
    facts = read_facts(histories, promised.places, promised.moment, (order, level))
    known_for = facts.column("days_since_first_order")
    levels = facts.column("level")
    thirds = np.searchsorted(np.quantile(promised.value, [1 / 3, 2 / 3]), promised.value)
    return {
        "value": np.array(["lowest third", "middle third", "highest third"], dtype=object)[thirds],
        "tenure": np.where(known_for < question.base_days / 2, "under half a year", "half a year or more"),
        "level": np.array([None if np.isnan(each) else f"{each:.0f}" for each in levels], dtype=object),
    }
