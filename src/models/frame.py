"""The training frame: facts of the base at many past moments, beside what happened afterwards."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.order import order
from features.reader import FactTable, Progress, read_facts
from features.value import margin, net_spend
from models.question import Question
from tables.code import lots_of
from tables.history import Histories
from tables.memory import at_once
from tables.moment import DAY, from_micros
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
STEP = 28 * DAY
# Facts need something to look back on before they can teach anything.
LEAST_HISTORY = 91 * DAY
# More rows than this teach the models nothing they would notice: fewer customers are read at each moment.
MOST_ROWS = 100_000
# Where memory is limited fewer do, down to so few; a row takes so much until its models are judged.
LEAST_ROWS, ROW_BYTES = 5_000, 24_000
# One customer in five is never trained on, so that memory of a customer cannot pass for skill.
UNSEEN_SHARE = 0.2


@dataclass(frozen=True)
class Moments:
    """When facts are read: to train, and (a whole horizon later, so that no label overlaps) to test."""

    train: tuple[int, ...]
    test: tuple[int, ...]


@dataclass(frozen=True)
class Frame:
    """Rows of the base. churned: 0 or 1; value: net value over the horizon in minor units; unseen: of a
    customer never trained on; shape (rows,)."""

    facts: FactTable
    churned: Floats
    value: Floats
    unseen: npt.NDArray[np.bool_]

    def at(self, moments: tuple[int, ...]) -> "Frame":
        return self.rows(np.isin(self.facts.moments, moments))

    def rows(self, chosen: npt.NDArray[np.bool_]) -> "Frame":
        facts = self.facts
        return Frame(
            FactTable(facts.places[chosen], facts.moments[chosen], facts.names, facts.values[chosen]),
            self.churned[chosen],
            self.value[chosen],
            self.unseen[chosen],
        )

    def __len__(self) -> int:
        return len(self.churned)


def training_moments(
    histories: Histories, question: Question, as_of: int, *, months: int = 10, test_months: int = 3
) -> Moments:
    """Every four weeks backwards from the last moment whose labels are known at `as_of`.

    The latest `test_months` test; training ends a whole horizon before the first of them. When the history
    is too short for that, months are given up, testing first.
    """
    latest = as_of - question.horizon
    earliest = histories.first_at + LEAST_HISTORY
    for tested in range(test_months, 0, -1):
        test = [latest - k * STEP for k in range(tested)]
        last_train = test[-1] - question.horizon
        train = [last_train - k * STEP for k in range(months) if last_train - k * STEP >= earliest]
        if len(train) >= min(3, months) or (tested == 1 and train):
            return Moments(tuple(reversed(train)), tuple(reversed(test)))
    needed = LEAST_HISTORY + 2 * question.horizon
    raise Refused(
        f"training as of {from_micros(as_of):%Y-%m-%d} needs {needed // DAY} days of history: a quarter to "
        f"look back, {question.horizon_days} days of labels to learn and as many to test; the transactions "
        f"begin on {from_micros(histories.first_at):%Y-%m-%d}: choose a later --as-of or a shorter --horizon"
    )


def build_frame(
    histories: Histories,
    question: Question,
    moments: Moments,
    *,
    margin_rate: float,
    progress: Progress | None = None,
) -> Frame:
    """Facts and labels of the base at each moment. Raises Refused when nobody is in the base."""
    lots = lots_of(histories.ids, "sample")
    parts = []
    every = (*moments.train, *moments.test)
    most_rows = at_once(ROW_BYTES, MOST_ROWS, "the rows to train on", least=LEAST_ROWS)
    for k, t in enumerate(every):
        base = base_at(histories, question, t)
        most = most_rows // (len(moments.train) if t in moments.train else len(moments.test))
        if len(base) > most:
            base = base[lots[base] < most / len(base)]
        parts.append(read_facts(histories, base, t))
        if progress:
            progress(k + 1, len(every))
    facts = FactTable(
        np.concatenate([part.places for part in parts]),
        np.concatenate([part.moments for part in parts]),
        parts[0].names,
        np.concatenate([part.values for part in parts]),
    )
    if len(facts.places) == 0:
        raise Refused(
            f"nobody bought in the {question.base_days} days before "
            f"{', '.join(f'{from_micros(t):%Y-%m-%d}' for t in every)}: there is no base to learn from"
        )
    days = question.horizon_days
    ends = facts.moments + question.horizon
    outcome = read_facts(histories, facts.places, ends, (order,))
    return Frame(
        facts=facts,
        churned=(outcome.column(f"orders_{days}d") == 0).astype(np.float64),
        value=value_over(histories, facts.places, ends, days, margin_rate),
        unseen=lots_of(histories.ids, "unseen")[facts.places] < UNSEEN_SHARE,
    )


def base_at(histories: Histories, question: Question, t: int) -> npt.NDArray[np.int64]:
    """The customers the question is about at t: those who bought in (t - base_days, t]."""
    everyone = np.arange(len(histories), dtype=np.int64)
    orders = read_facts(histories, everyone, t, (order,)).column(f"orders_{question.base_days}d")
    return everyone[orders > 0]


def value_over(
    histories: Histories,
    places: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    days: int,
    margin_rate: float,
) -> Floats:
    """What customers brought in (end - days, end], minor units: margin where unit costs are known, else
    net spend times the policy's margin rate."""
    known = histories.present.issuperset(margin.sources)
    family, name, rate = (margin, "margin", 1.0) if known else (net_spend, "net_spend", margin_rate)
    return read_facts(histories, places, ends, (family,)).column(f"{name}_{days}d") * rate
