"""The census: one pass over the base, counting every fact and every score; and the one of training, which a
bundle carries so that each week can be held against what its models learnt from."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.drift import Bins, Counts, Tally, bins_of, edges_of, moved, padded, psi, shares
from models.frame import Frame
from models.scorer import Scorer, Scores
from tables.offer import Offer
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
CHURN, VALUE = "churn", "value"
RESPONSE, UPLIFT = "response:", "uplift:"
# Each offer scores every row anew, and its shares need no more rows to be right to a point.
ROWS_FOR_OFFERS = 5_000
MILLIONTHS = 1_000_000


@dataclass(frozen=True)
class Census:
    """Who stands where. sums: of each score over the customers who have it, in millionths (probabilities) or
    minor units (money): whole numbers, so that no order of adding changes them; shape (scores,)."""

    facts: Tally
    scores: Tally
    sums: Counts

    @staticmethod
    def empty(facts: Bins, scores: Bins) -> "Census":
        return Census(facts.tally(), scores.tally(), np.zeros(len(scores.names), np.int64))

    def again(self) -> "Census":
        """An empty one with the same bins."""
        return Census.empty(self.facts.bins, self.scores.bins)

    def add(self, values: Floats, names: tuple[str, ...], scores: Scores, offers: tuple[Offer, ...]) -> None:
        """Count customers of the base, in place. values: their facts, shape (customers, facts), in columns
        named by `names`; an offer that the bins do not know is passed over, one that is gone is not counted.
        Raises Refused when a fact of the bins was not read."""
        self.facts.add(_columns(values, names, self.facts.bins.names))
        self.add_scores(score_columns(scores, offers))

    def add_scores(self, columns: dict[str, Floats]) -> None:
        if not columns:
            return
        names = self.scores.bins.names
        present = np.array([name in columns for name in names])
        nothing = np.full(len(next(iter(columns.values()))), np.nan)
        told = np.column_stack([columns.get(name, nothing) for name in names])
        part = self.scores.bins.tally()
        part.add(told)
        self.scores.counts[present] += part.counts[present]
        scale = np.array([unit_of(name) for name in names], np.float64)
        self.sums[:] += np.nan_to_num(np.rint(told * scale)).astype(np.int64).sum(0)

    def __add__(self, other: "Census") -> "Census":
        return Census(self.facts + other.facts, self.scores + other.scores, self.sums + other.sums)

    @property
    def customers(self) -> int:
        """Customers of the base counted; churn is a score that each of them has."""
        return int(self.scores.of(CHURN).sum())

    def mean(self, score: str) -> float:
        """Mean of a score over the customers who have it, in its own unit; nan for nobody."""
        known = int(self.scores.of(score)[:-1].sum())
        total = int(self.sums[self.scores.bins.names.index(score)])
        return total / known / unit_of(score) if known else float("nan")

    def arrays(self) -> dict[str, Counts]:
        """What a job that may be killed keeps of the part it has counted; `with_arrays` takes it up again."""
        return {"facts": self.facts.counts, "scores": self.scores.counts, "sums": self.sums}

    def with_arrays(self, kept: dict[str, Any]) -> "Census":
        """A census with these bins and the counts kept; ValueError if they belong to others."""
        parts = {name: np.array(kept[name], np.int64) for name in ("facts", "scores", "sums")}
        for name, own in self.arrays().items():
            if own.shape != parts[name].shape:
                raise ValueError(f"the {name} kept were counted in other bins")
        return Census(
            Tally(self.facts.bins, parts["facts"]), Tally(self.scores.bins, parts["scores"]), parts["sums"]
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "facts": self.facts.as_json(),
            "scores": self.scores.as_json(),
            "sums": self.sums.tolist(),
        }

    @staticmethod
    def from_json(said: dict[str, Any]) -> "Census":
        facts, scores = Tally.from_json(said["facts"]), Tally.from_json(said["scores"])
        return Census(facts, scores, np.array(said["sums"], np.int64))


class Usual(NamedTuple):
    """How much a quantity drifted among the moments of training, at most: the season, campaigns, a history
    that grows. What moves no further is known to the models. See models.drift for psi and moved; missing: the
    share of customers whose value went missing."""

    psi: float
    moved: float
    missing: float


@dataclass(frozen=True)
class Reference:
    """What a bundle's models learnt from. importance: fact -> share of the churn model's gain; whole: fact
    or score -> what one moment differed by from all of training; step: from the moment before it."""

    census: Census
    importance: dict[str, float]
    whole: dict[str, Usual]
    step: dict[str, Usual]


def unit_of(score: str) -> int:
    return MILLIONTHS if score == CHURN or score.startswith(RESPONSE) else 1


def score_columns(scores: Scores, offers: tuple[Offer, ...]) -> dict[str, Floats]:
    """Every score by name, those of an offer under its own: another assortment is no drift."""
    columns = {CHURN: scores.churn, VALUE: scores.value}
    for k, offer in enumerate(offers):
        columns[f"{RESPONSE}{offer.offer_id}"] = scores.response[:, k]
        columns[f"{UPLIFT}{offer.offer_id}"] = scores.uplift[:, k]
    return columns


def reference_of(frame: Frame, scorer: Scorer, offers: tuple[Offer, ...]) -> Reference:
    """From the rows the published models were trained on, scored as they will be, each at its own moment."""
    mine = scorer.columns(frame.facts.values, frame.facts.names)
    every = np.arange(len(frame))
    few = every[:: max(1, -(-len(frame) // ROWS_FOR_OFFERS))]
    columns = score_columns(_scored(frame, scorer, (), every), ())
    offered = score_columns(_scored(frame, scorer, offers, few), offers) if offers else {}
    offered = {
        name: column for name, column in offered.items() if name not in columns and not np.isnan(column).all()
    }
    every_score = columns | offered
    score_bins = padded(tuple(every_score), [edges_of(column) for column in every_score.values()])
    nobody = Census.empty(bins_of(scorer.names, mine), score_bins)
    by_moment = []
    for t in np.unique(frame.facts.moments):
        rows, sampled = frame.facts.moments == t, frame.facts.moments[few] == t
        part = nobody.again()
        part.facts.add(mine[rows])
        part.add_scores({name: column[rows] for name, column in columns.items()})
        part.add_scores({name: column[sampled] for name, column in offered.items()})
        by_moment.append(part)
    whole = sum(by_moment, start=nobody)
    gain = scorer.churn.feature_importance("gain")
    return Reference(
        census=whole,
        importance=dict(zip(scorer.names, (gain / max(gain.sum(), 1e-12)).tolist(), strict=True)),
        whole=_usual([(whole, each) for each in by_moment], whole),
        step=_usual(list(pairwise(by_moment)), whole),
    )


def _usual(pairs: list[tuple[Census, Census]], whole: Census) -> dict[str, Usual]:
    found = {}
    for kind in ("facts", "scores"):
        ranks: Tally = getattr(whole, kind)
        for name in ranks.bins.names:
            compared = [(getattr(a, kind).of(name), getattr(b, kind).of(name)) for a, b in pairs]
            figures = [
                (psi(a, b), moved(a, b, ranks.of(name)), float(shares(b)[-1] - shares(a)[-1]))
                for a, b in compared
                if a.sum() and b.sum()
            ]
            most = np.nanmax(np.nan_to_num(figures), axis=0) if figures else np.zeros(3)
            found[name] = Usual(*(float(each) for each in most))
    return found


def _scored(frame: Frame, scorer: Scorer, offers: tuple[Offer, ...], rows: npt.NDArray[np.int64]) -> Scores:
    facts = frame.facts
    parts = []
    for t in np.unique(facts.moments[rows]):
        then = rows[facts.moments[rows] == t]
        parts.append(scorer.score(facts.values[then], facts.names, offers, int(t)))
    return Scores(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _columns(values: Floats, names: tuple[str, ...], wanted: tuple[str, ...]) -> Floats:
    if names == wanted:
        return values
    if missing := sorted(set(wanted) - set(names)):
        raise Refused(
            f"the bundle's reference counts facts that this version does not read: {', '.join(missing)}; "
            "train and promote a new one"
        )
    return np.ascontiguousarray(values[:, [names.index(name) for name in wanted]])
