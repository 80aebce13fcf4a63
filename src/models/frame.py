"""The training frame: facts of the base at many past moments, beside what happened afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from features.family import WINDOWS
from features.order import order
from features.profile import contract
from features.reader import FactTable, Progress, read_facts
from features.value import margin, net_spend
from models.question import CONTRACT, SILENCE, Question
from tables.code import lots_of
from tables.history import Histories
from tables.memory import at_once
from tables.moment import DAY, from_micros
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
STEP = 28 * DAY
# Training moments stand closer and reach back beyond a year, so that the season of the moment scored has been
# seen once; the older ones weigh less (models.recipe).
TRAINING_STEP = 14 * DAY
TRAINING_SPAN = 60 * 7 * DAY
# Beside the question's own, for which alone everything is decided.
HORIZONS = (28, 91, 182)
assert set(HORIZONS) <= set(WINDOWS)
LEAST_TRAINING = 5
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
    customer never trained on; silent: horizon in days -> 1 where nothing was bought until its end, 0 where
    something was, nan where that is not known yet; shape (rows,)."""

    facts: FactTable
    churned: Floats
    value: Floats
    unseen: npt.NDArray[np.bool_]
    silent: Mapping[int, Floats] = field(default_factory=dict)

    def at(self, moments: tuple[int, ...]) -> "Frame":
        return self.rows(np.isin(self.facts.moments, moments))

    def rows(self, chosen: npt.NDArray[np.bool_]) -> "Frame":
        facts = self.facts
        return Frame(
            FactTable(facts.places[chosen], facts.moments[chosen], facts.names, facts.values[chosen]),
            self.churned[chosen],
            self.value[chosen],
            self.unseen[chosen],
            {days: labels[chosen] for days, labels in self.silent.items()},
        )

    def __len__(self) -> int:
        return len(self.churned)


def training_moments(
    histories: Histories, question: Question, as_of: int, *, test_months: int = 3
) -> Moments:
    """Backwards from the last moment whose labels are known at `as_of`.

    The latest `test_months`, four weeks apart, test; training ends a whole horizon before the first of them,
    and its moments are TRAINING_STEP apart. When the history is too short for that, months are given up,
    testing first.
    """
    latest = as_of - question.known_after
    earliest = histories.first_at + LEAST_HISTORY
    for tested in range(test_months, 0, -1):
        test = [latest - k * STEP for k in range(tested)]
        last_train = test[-1] - question.known_after
        first_train = max(earliest, last_train - TRAINING_SPAN)
        train = list(range(last_train, first_train - 1, -TRAINING_STEP))
        if len(train) >= LEAST_TRAINING or (tested == 1 and train):
            return Moments(tuple(reversed(train)), tuple(reversed(test)))
    needed = LEAST_HISTORY + 2 * question.known_after
    raise Refused(
        f"training as of {from_micros(as_of):%Y-%m-%d} needs {needed // DAY} days of history: a quarter to "
        f"look back, {question.known_after // DAY} days of labels to learn and as many to test; the "
        f"transactions begin on {from_micros(histories.first_at):%Y-%m-%d}: choose a later --as-of or a "
        "shorter --horizon"
    )


def build_frame(
    histories: Histories,
    question: Question,
    moments: Moments,
    *,
    margin_rate: float,
    progress: Progress | None = None,
) -> Frame:
    """Facts and labels of the base at each moment. Raises Refused when nobody is in the base.

    Labels of the other HORIZONS stand beside those of the question where they are known by the time the last
    test moment's is.
    """
    lots = lots_of(histories.ids, "sample")
    parts = []
    every = (*moments.train, *moments.test)
    most_rows = at_once(ROW_BYTES, MOST_ROWS, "the rows to train on", least=LEAST_ROWS)
    for k, t in enumerate(every):
        base = base_at(histories, question, t)
        most = most_rows // (len(moments.train) if t in moments.train else len(moments.test))
        if len(base) > most:
            # Others at each moment: a new customer teaches more than one seen again.
            share = most / len(base)
            base = base[(lots[base] + k * share) % 1.0 < share]
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
            f"nobody {question.base} "
            f"{', '.join(f'{from_micros(t):%Y-%m-%d}' for t in every)}: there is no base to learn from"
        )
    days = question.horizon_days
    ends = facts.moments + question.horizon
    known_by = max(every) + question.known_after
    return Frame(
        facts=facts,
        churned=churned_after(histories, question, facts.places, facts.moments),
        value=value_over(histories, facts.places, ends, days, margin_rate),
        unseen=lots_of(histories.ids, "unseen")[facts.places] < UNSEEN_SHARE,
        silent={
            days: _silent_if_known(histories, facts, days, known_by)
            for days in (HORIZONS if question.kind == SILENCE else ())
        },
    )


def base_at(histories: Histories, question: Question, t: int) -> npt.NDArray[np.int64]:
    """The customers the question is about at t. Raises Refused when the base cannot know them."""
    check_answerable(histories, question)
    everyone = np.arange(len(histories), dtype=np.int64)
    family = contract if question.kind == CONTRACT else order
    return everyone[in_base(read_facts(histories, everyone, t, (family,)), question)]


def check_answerable(histories: Histories, question: Question) -> None:
    """Raises Refused when the base lacks the columns that the question asks about."""
    if question.kind == CONTRACT and not histories.present.issuperset(contract.sources):
        raise Refused(
            "this base has no contract dates: the question contract needs customers.contract_until (the last "
            "day of each customer's contract); deliver it, or ask --question silence"
        )


def in_base(facts: FactTable, question: Question) -> npt.NDArray[np.bool_]:
    """Whether the question is about the customer; shape (rows,)."""
    if question.kind == SILENCE:
        return facts.column(f"orders_{question.base_days}d") > 0
    left = facts.column("days_to_contract_end")
    return np.asarray((left > 0) & (left <= question.horizon_days))


def churned_after(
    histories: Histories,
    question: Question,
    places: npt.NDArray[np.int64],
    moments: npt.NDArray[np.int64],
) -> Floats:
    """The label: 1 where the customer, in the base at the moment, left by the end of the horizon; 0 or 1."""
    if question.kind == SILENCE:
        return silent_through(histories, question.horizon_days, places, moments)
    left = read_facts(histories, places, moments, (contract,)).column("days_to_contract_end")
    then = read_facts(histories, places, moments + question.known_after, (contract,))
    left_then = then.column("days_to_contract_end") + question.known_after / DAY
    # Contracts end with a day, so two ends that differ do so by a day: rounding cannot reach half of it.
    return (~(left_then > left + 0.5)).astype(np.float64)


def silent_through(
    histories: Histories, days: int, places: npt.NDArray[np.int64], moments: npt.NDArray[np.int64]
) -> Floats:
    """1 where the customer bought nothing in (moment, moment + days], as known at its end; else 0."""
    orders = read_facts(histories, places, moments + days * DAY, (order,)).column(f"orders_{days}d")
    return np.asarray(orders == 0, np.float64)


def _silent_if_known(histories: Histories, facts: FactTable, days: int, known_by: int) -> Floats:
    labels = np.full(len(facts.places), np.nan)
    known = facts.moments + days * DAY <= known_by
    labels[known] = silent_through(histories, days, facts.places[known], facts.moments[known])
    return labels


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
