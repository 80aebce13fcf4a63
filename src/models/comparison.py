"""The comparison: this week's census against training's and against last week's, quantity by quantity."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.census import Census, Reference, Usual
from models.drift import Tally, by_chance, moved, psi, rose

# A dozen moments do not show the most that is usual.
BEYOND = 1.25


class Difference(NamedTuple):
    """See models.drift. missing: how many more customers have no value, as a share of all; usual: the most
    that training's own moments differed by."""

    psi: float
    moved: float
    rose: float
    missing: float
    by_chance: float
    usual: Usual

    def is_news(self, measure: str) -> bool:
        """Whether neither chance (in a small base) nor the season that training knew can be blamed."""
        return self.psi > self.by_chance and self.times_usual(measure) > BEYOND

    def times_usual(self, measure: str) -> float:
        figure, usual = float(getattr(self, measure)), float(getattr(self.usual, measure))
        return figure / usual if usual > 0 else float("inf") if figure > 0 else 0.0


@dataclass(frozen=True)
class Drift:
    """One fact or score. importance: share of the churn model's gain; before, last, now: customers by bin,
    the missing last; edges: where the bins end. What cannot be compared is None."""

    name: str
    importance: float
    training: Difference
    last_week: Difference | None
    edges: tuple[float, ...]
    before: tuple[int, ...]
    last: tuple[int, ...] | None
    now: tuple[int, ...]


@dataclass(frozen=True)
class Compared:
    """Every fact and score, with the means of the scores (last_*: None without a week before)."""

    facts: tuple[Drift, ...]
    scores: tuple[Drift, ...]
    customers: int
    churn_mean: float
    value_mean: float
    last_customers: int | None
    last_churn_mean: float | None
    last_value_mean: float | None

    @property
    def weighted(self) -> float:
        """Drift of the facts against training, each as much as the churn model leans on it; of a small base
        only what chance cannot do."""
        return float(
            sum(
                each.importance * each.training.psi
                for each in self.facts
                if each.training.psi > each.training.by_chance
            )
        )


def compare(reference: Reference, now: Census, last: Census | None, now_as_last: Census | None) -> Compared:
    """now_as_last: this week counted in the bins of last week's, which differ after a promotion."""
    if last is not None and now_as_last is None:
        now_as_last = now
    return Compared(
        facts=_drifts(
            reference.census.facts,
            now.facts,
            last.facts if last else None,
            now_as_last.facts if now_as_last else None,
            reference,
        ),
        scores=_drifts(
            reference.census.scores,
            now.scores,
            last.scores if last else None,
            now_as_last.scores if now_as_last else None,
            reference,
        ),
        customers=now.customers,
        churn_mean=now.mean("churn"),
        value_mean=now.mean("value"),
        last_customers=last.customers if last else None,
        last_churn_mean=last.mean("churn") if last else None,
        last_value_mean=last.mean("value") if last else None,
    )


def _drifts(
    training: Tally,
    now: Tally,
    last: Tally | None,
    now_as_last: Tally | None,
    reference: Reference,
) -> tuple[Drift, ...]:
    found = []
    for k, name in enumerate(training.bins.names):
        before, counts = training.of(name), now.of(name)
        if counts.sum() == 0:  # an offer that is not made any more
            continue
        week = None
        same = None
        if last is not None and now_as_last is not None and name in last.bins.names:
            was, again = last.of(name), now_as_last.of(name)
            same_bins = now_as_last is now
            if was.sum():
                ranks = before if same_bins else was
                week = _difference(was, again, ranks, len(training.bins.names), reference.step[name])
                same = tuple(was.tolist()) if same_bins else None
        edges = training.bins.edges[k]
        found.append(
            Drift(
                name=name,
                importance=reference.importance.get(name, 0.0),
                training=_difference(before, counts, before, len(training.bins.names), reference.whole[name]),
                last_week=week,
                edges=tuple(edges[np.isfinite(edges)].tolist()),
                before=tuple(before.tolist()),
                last=same,
                now=tuple(counts.tolist()),
            )
        )
    return tuple(found)


def _difference(
    before: npt.NDArray[np.int64],
    now: npt.NDArray[np.int64],
    ranks: npt.NDArray[np.int64],
    quantities: int,
    usual: Usual,
) -> Difference:
    return Difference(
        psi=psi(before, now),
        moved=moved(before, now, ranks),
        rose=rose(before, now, ranks),
        missing=float(now[-1] / now.sum() - before[-1] / before.sum()),
        by_chance=by_chance(before, now, quantities),
        usual=usual,
    )
