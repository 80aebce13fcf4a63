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

from features.hypothesis import Past, past_of, read_with
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
    churn = float(_score(past, changes, [()], scorer)[0])
    enough: list[Scenario] = []
    lowest: Scenario | None = None
    if churn >= below:
        for size in range(1, MOST_CHANGES + 1):
            every = combinations(range(len(changes)), size)
            sets = [each for each in every if _go_together([changes[k] for k in each])]
            scenarios = [
                Scenario(tuple(changes[k] for k in each), float(after))
                for each, after in zip(sets, _score(past, changes, sets, scorer), strict=True)
            ]
            lowest = min([*([lowest] if lowest else []), *scenarios], key=_lowest_first, default=None)
            enough = [scenario for scenario in scenarios if scenario.churn < below]
            if enough:
                break
    enough.sort(key=lambda scenario: (scenario.effort, scenario.churn))
    told = tuple(enough[:TOLD])
    return Counterfactual(churn, below, told, lowest, *_words(churn, below, told, lowest))


def _score(
    past: Past, changes: list[Change], sets: list[tuple[int, ...]], scorer: Scorer
) -> npt.NDArray[np.float64]:
    """The churn probability after each set of changes, by their places."""
    if not sets:
        return np.empty(0)
    facts = read_with(past, [change.rows for change in changes], sets)
    return scorer.churn_of(facts.values, facts.names, past.t)


def _lowest_first(scenario: Scenario) -> tuple[float, int, int]:
    return scenario.churn, len(scenario.changes), scenario.effort


def _go_together(changes: list[Change]) -> bool:
    acts = [act for change in changes for act in change.acts]
    return len(acts) == len(set(acts))


def _words(
    churn: float, below: float, enough: tuple[Scenario, ...], lowest: Scenario | None
) -> tuple[str, str]:
    after = enough[0].churn if enough else lowest.churn if lowest else churn
    now, edge, then = _apart(churn, below, after)
    if churn < below:
        return (
            f"The probability of leaving is {now}, already below {edge}.",
            f"流失概率为{now}，已低于{edge}。",
        )
    if enough:
        changes = enough[0].changes
        return (
            f"If the customer {_joined(changes, 0)}, the model expects {then} instead of {now}, "
            f"which is below {edge}. {ENGLISH_NOTE}",
            f"若客户{_joined(changes, 1)}，模型预计流失概率由{now}降至{then}，低于{edge}。{CHINESE_NOTE}",
        )
    if lowest is None or lowest.churn >= churn:
        return (
            f"Nothing that we can move lowers the {now} that the model expects. {ENGLISH_NOTE}",
            f"我们能推动的事项均不能降低模型预计的{now}。{CHINESE_NOTE}",
        )
    return (
        f"Nothing that we can move is enough: even if the customer {_joined(lowest.changes, 0)}, "
        f"the model expects {then} instead of {now}, not below {edge}. {ENGLISH_NOTE}",
        f"我们能推动的事项不足以达到：即使客户{_joined(lowest.changes, 1)}，模型预计流失概率由{now}降至"
        f"{then}，仍不低于{edge}。{CHINESE_NOTE}",
    )


def _apart(*shares: float) -> list[str]:
    """As percentages, with as many digits as it takes to tell different ones apart."""
    for digits in range(4):
        said = [f"{share:.{digits}%}" for share in shares]
        if len(set(said)) == len(set(shares)):
            break
    return said


def _joined(changes: tuple[Change, ...], language: int) -> str:
    said = [(change.english, change.chinese)[language] for change in changes]
    if language == 1:
        return "、并".join(said)
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
