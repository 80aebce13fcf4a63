"""What would have to happen for a churn probability to fall below a threshold, of what the business can move.

Events are put into the customer's own history, the facts are read again as of the moment and scored, and the
smallest set after which the probability is below is told: fewest events first, then least effort
(models.lever), then the lowest probability. So every answer is a possible customer (Wachter et al. 2018
search among facts, which may fit no customer). It is what the model expects of such a customer, not the
effect of an action.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.hypothesis import Past, past_of, read_with
from models.lever import Change, changes_of
from models.scorer import Scorer
from models.sentence import Money
from tables.history import Histories

MOST_CHANGES = 3
TOLD = 3
ENGLISH_NOTE = (
    "This is what the model expects of such a customer, not a proven effect of an action; "
    "what an offer changes, the offer models say."
)
CHINESE_NOTE = "这是模型对此类客户的预期，并非某项措施已证实的效果；优惠带来的改变请看优惠模型。"


class Scenario(NamedTuple):
    """Changes that come together, and the churn probability after them."""

    changes: tuple[Change, ...]
    churn: float

    @property
    def effort(self) -> int:
        return sum(change.effort for change in self.changes)


class Counterfactual(NamedTuple):
    """enough: the smallest sets of changes after which the probability is below `below`, at most TOLD of
    them, the least effort first; lowest: the set that lowers it most, of all that were tried."""

    churn: float
    below: float
    enough: tuple[Scenario, ...]
    lowest: Scenario | None
    english: str
    chinese: str


def what_would_have_to_change(
    histories: Histories, place: int, t: int, scorer: Scorer, below: float
) -> Counterfactual:
    """For the customer at `place`, whom the models speak of at t (microseconds); below: a probability."""
    money = Money(histories.currency, histories.minor_units)
    past = past_of(histories, place, t)
    changes = changes_of(past, money)
    churn = float(_score(past, [()], scorer)[0])
    enough: list[Scenario] = []
    lowest: Scenario | None = None
    if churn >= below:
        for size in range(1, MOST_CHANGES + 1):
            sets = [each for each in combinations(changes, size) if _go_together(each)]
            scenarios = [
                Scenario(each, float(after))
                for each, after in zip(sets, _score(past, sets, scorer), strict=True)
            ]
            lowest = min([*scenarios, *([lowest] if lowest else [])], key=lambda s: s.churn, default=None)
            enough = [scenario for scenario in scenarios if scenario.churn < below]
            if enough:
                break
    enough.sort(key=lambda scenario: (scenario.effort, scenario.churn))
    told = tuple(enough[:TOLD])
    return Counterfactual(churn, below, told, lowest, *_words(churn, below, told, lowest))


def _score(past: Past, sets: list[tuple[Change, ...]], scorer: Scorer) -> npt.NDArray[np.float64]:
    """The churn probability after each set of changes."""
    added = []
    for changes in sets:
        rows: dict[str, list[npt.NDArray[np.void]]] = {}
        for change in changes:
            for table, more in change.rows.items():
                rows.setdefault(table, []).append(more)
        added.append({table: np.concatenate(parts) for table, parts in rows.items()})
    if not added:
        return np.empty(0)
    facts = read_with(past, added)
    return scorer.score(facts.values, facts.names, (), past.t).churn


def _go_together(changes: tuple[Change, ...]) -> bool:
    return len(frozenset().union(*(change.acts for change in changes))) == sum(
        len(change.acts) for change in changes
    )


def _words(
    churn: float, below: float, enough: tuple[Scenario, ...], lowest: Scenario | None
) -> tuple[str, str]:
    if churn < below:
        return (
            f"The probability of leaving is {churn:.0%}, already below {below:.0%}.",
            f"流失概率为{churn:.0%}，已低于{below:.0%}。",
        )
    if enough:
        first = enough[0]
        return (
            f"If the customer {_joined(first.changes, 0)}, the model expects {first.churn:.0%} instead of "
            f"{churn:.0%}, which is below {below:.0%}. {ENGLISH_NOTE}",
            f"若客户{_joined(first.changes, 1)}，模型预计流失概率由{churn:.0%}降至{first.churn:.0%}，"
            f"低于{below:.0%}。{CHINESE_NOTE}",
        )
    if lowest is None or lowest.churn >= churn:
        return (
            f"Nothing that we can move lowers the {churn:.0%} that the model expects. {ENGLISH_NOTE}",
            f"我们能推动的事项均不能降低模型预计的{churn:.0%}。{CHINESE_NOTE}",
        )
    return (
        f"Nothing that we can move is enough: even if the customer {_joined(lowest.changes, 0)}, the model "
        f"expects {lowest.churn:.0%} instead of {churn:.0%}, not below {below:.0%}. {ENGLISH_NOTE}",
        f"我们能推动的事项不足以达到：即使客户{_joined(lowest.changes, 1)}，模型预计流失概率由{churn:.0%}降至"
        f"{lowest.churn:.0%}，仍不低于{below:.0%}。{CHINESE_NOTE}",
    )


def _joined(changes: tuple[Change, ...], language: int) -> str:
    said = [(change.english, change.chinese)[language] for change in changes]
    if language == 1:
        return "、并".join(said)
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
