"""Off-policy estimates where every outcome can be enumerated, and their intervals."""

import itertools

import numpy as np
import pytest

from models.off_policy import METHODS, Log, Method, certain, compare, effective_size, estimate, weights
from models.off_policy import _unskewed as unskewed
from tables.refusal import Refused

CHANCE = np.array([[0.2, 0.3, 0.5], [0.5, 0.4, 0.1]])
REWARD = np.array([[1.0, 4.0, -2.0], [0.0, 10.0, 3.0]])
TARGET = np.array([[0.0, 1.0, 0.0], [0.3, 0.2, 0.5]])
MODEL = np.array([[9.0, -3.0, 0.0], [2.0, 2.0, 5.0]])
TRUE = float((TARGET * REWARD).sum(axis=1).mean())


def enumerated(times: int = 20) -> tuple[Log, np.ndarray]:
    """Every context and action as often as its probability says, and the context of each decision."""
    rows = [
        (context, action)
        for context, action in itertools.product(range(2), range(3))
        for _ in range(round(10 * times * CHANCE[context, action]))
    ]
    context, action = np.array(rows).T
    propensity, reward = CHANCE[context, action], REWARD[context, action]
    return Log(np.arange(len(rows)), action, propensity, reward), context


def drawn(rows: int, random: np.random.Generator, sigma: float = 1.0) -> tuple[Log, np.ndarray]:
    context = random.integers(2, size=rows)
    action = (random.random(rows)[:, None] >= CHANCE.cumsum(axis=1)[context]).sum(axis=1)
    noise = np.exp(random.normal(0, sigma, rows)) - np.exp(sigma**2 / 2)
    reward = REWARD[context, action] + noise
    return Log(np.arange(rows), action, CHANCE[context, action], reward), context


@pytest.mark.parametrize("method", METHODS)
def test_over_everything_that_could_be_logged_the_estimate_is_the_truth(method: Method) -> None:
    log, context = enumerated()
    found = estimate(method, log, TARGET[context], MODEL[context])
    assert found.value == pytest.approx(TRUE)
    assert found.low < TRUE < found.high


@pytest.mark.parametrize("method", METHODS)
def test_a_difference_is_paired(method: Method) -> None:
    log, context = enumerated()
    other = certain(np.array([2, 1]), 3)
    found = compare(method, log, TARGET[context], other[context], MODEL[context])
    assert found.value == pytest.approx(TRUE - (REWARD * other).sum(axis=1).mean())
    same = compare(method, log, TARGET[context], TARGET[context], MODEL[context])
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_dr_is_right_with_wrong_propensities_when_the_model_is_right() -> None:
    log, context = enumerated()
    wrong = log._replace(propensity=np.clip(log.propensity * 1.02, 0, 1))
    assert estimate("dr", wrong, TARGET[context], REWARD[context]).value == pytest.approx(TRUE)
    assert estimate("ips", wrong, TARGET[context]).value != pytest.approx(TRUE)


def test_snips_moves_with_the_rewards_and_stays_among_them() -> None:
    log, context = drawn(400, np.random.default_rng(1))
    found = estimate("snips", log, TARGET[context])
    moved = estimate("snips", log._replace(reward=log.reward + 1000), TARGET[context])
    assert moved.value == pytest.approx(found.value + 1000)
    assert log.reward.min() <= found.value <= log.reward.max()


@pytest.mark.parametrize("method", METHODS)
def test_nineteen_of_twenty_intervals_cover_the_truth_though_rewards_are_skewed(method: Method) -> None:
    random = np.random.default_rng(3)
    covered = []
    for _ in range(400):
        log, context = drawn(500, random)
        found = estimate(method, log, TARGET[context], MODEL[context])
        covered.append(found.low <= TRUE <= found.high)
    assert 0.925 <= np.mean(covered) <= 0.98


def test_two_decisions_on_one_customer_that_are_the_same_count_as_one() -> None:
    log, context = drawn(500, np.random.default_rng(4))
    twice = Log(*(np.repeat(part, 2) for part in log))
    once = estimate("ips", log, TARGET[context])
    again = estimate("ips", twice, np.repeat(TARGET[context], 2, axis=0))
    assert tuple(again)[:4] == pytest.approx(tuple(once)[:4])


def test_the_correction_for_skewness_is_halls_cubic_turned_round() -> None:
    n, skewness = 400, 3.0
    for z in (-1.96, 0.5, 1.96):
        x = unskewed(z, skewness, n)
        a = skewness / np.sqrt(n)
        assert x + a * x**2 / 3 + a**2 * x**3 / 27 + a / 6 == pytest.approx(z)
    assert unskewed(1.96, 0.0, n) == 1.96


def test_weights_average_to_one_and_a_policy_that_was_followed_counts_in_full() -> None:
    log, context = enumerated()
    assert weights(log, TARGET[context]).mean() == pytest.approx(1)
    own = weights(log, CHANCE[context])
    assert effective_size(own) == pytest.approx(len(own))
    assert effective_size(np.zeros(3)) == 0


def test_what_was_never_done_is_not_identified() -> None:
    log, context = enumerated()
    told = np.column_stack([TARGET[context] * 0.9, np.full(len(context), 0.1)])
    with pytest.raises(Refused, match=r"10.0% of what the policy would do was never done .*actions 3"):
        estimate("ips", log, told)


def test_what_had_no_chance_for_some_customers_is_not_identified() -> None:
    """Action 1 was done, but never to customers of the second kind."""
    log, context = enumerated()
    there = ~((context == 1) & (log.action == 1))
    part = Log(*(each[there] for each in log))
    part = part._replace(propensity=np.where(context[there] == 1, part.propensity / 0.6, part.propensity))
    with pytest.raises(Refused, match="the weights average"):
        estimate("dr", part, certain(np.ones(there.sum(), np.int64), 3), MODEL[context[there]])


def test_too_few_telling_decisions_are_refused() -> None:
    log, context = enumerated(times=2)
    with pytest.raises(Refused, match="at least 50 are needed"):
        estimate("ips", log, TARGET[context])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"propensity": 0.0}, "above 0 and is at most 1; came 0.0 in row 3"),
        ({"propensity": 1.5}, "came 1.5 in row 3"),
        ({"propensity": np.nan}, "came nan in row 3"),
        ({"reward": np.nan}, "row 3 has none"),
    ],
)
def test_a_log_that_cannot_be_is_refused_by_row(change: dict[str, float], says: str) -> None:
    log, context = enumerated()
    parts = {name: part.copy() for name, part in log._asdict().items()}
    for name, value in change.items():
        parts[name][3] = value
    with pytest.raises(Refused, match=says):
        estimate("ips", Log(**parts), TARGET[context])


def test_a_policy_that_is_none_is_refused() -> None:
    log, context = enumerated()
    with pytest.raises(Refused, match="sum to 1; row 0"):
        estimate("ips", log, TARGET[context] * 0.9)
    with pytest.raises(Refused, match="the same decisions"):
        estimate("ips", log, TARGET[context][:-1])
    with pytest.raises(Refused, match="dr needs the model"):
        estimate("dr", log, TARGET[context])
