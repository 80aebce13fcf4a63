"""The question contract: who is asked about, what counts as prolonged, and by when it must be known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from decisions.assess import IN_BASE, LAPSED, NO_CONTRACT, NOT_DUE, status_of
from features.reader import read_facts
from models.churn import train_customer_models
from models.effect import OfferModels
from models.frame import Moments, base_at, build_frame, training_moments
from models.outcome import Promised, outcome_of
from models.question import CONTRACT, Question
from tables.history import Histories
from tables.moment import DAY, from_micros
from tables.refusal import Refused

Base = Callable[..., Histories]
QUARTER = Question(91, kind=CONTRACT)
T = 200  # the moment asked at, in days since the base begins
MICROSECOND = 1 / DAY


@pytest.fixture(scope="module")
def contract_base(base_of: Base, start: int) -> Callable[..., Histories]:
    """Histories of customers' rows: (customer, day from which the row holds, day on which the contract is
    over, known since)."""

    def build(*rows: tuple[Any, ...]) -> Histories:
        def row(customer: str, at: float, over: float | None, known: float | None = None) -> dict[str, Any]:
            last = None if over is None else (from_micros(start + int((over - 1) * DAY))).date()
            return {
                "customer_id": customer,
                "at": round(at * DAY),
                "known_at": round((at if known is None else known) * DAY),
                "contract_until": last,
            }

        orders = [{"customer_id": "shop", "at": 0}]
        shop = {"customer_id": "shop", "at": 0, "contract_until": None}
        return base_of(customers=[shop, *(row(*each) for each in rows)], transactions=orders)

    return build


def asked(histories: Histories, start: int, moment: float = T) -> list[str]:
    return histories.ids[base_at(histories, QUARTER, start + round(moment * DAY))].tolist()


@pytest.mark.parametrize(
    ("over", "expected"),
    [(T, []), (T + 1, ["ann"]), (T + 91, ["ann"]), (T + 92, [])],
    ids=["ends at the moment", "a day later", "ends at the horizon", "a day after it"],
)
def test_who_is_asked_about_has_a_contract_that_ends_within_the_horizon(
    contract_base: Callable[..., Histories], start: int, over: int, expected: list[str]
) -> None:
    assert asked(contract_base(("ann", 0, over)), start) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [(T - MICROSECOND, []), (T, ["ann"]), (T + 91 - MICROSECOND, ["ann"]), (T + 91, [])],
)
def test_a_contract_comes_in_and_leaves_to_the_microsecond(
    contract_base: Callable[..., Histories], start: int, moment: float, expected: list[str]
) -> None:
    assert asked(contract_base(("ann", 0, T + 91)), start, moment) == expected


def label(histories: Histories, start: int, question: Question = QUARTER) -> float:
    frame = build_frame(histories, question, Moments((), (start + T * DAY,)), margin_rate=0.3)
    (left,) = frame.churned
    return float(left)


@pytest.mark.parametrize(
    ("known", "left"),
    [(T + 10, 0.0), (T + 91, 0.0), (T + 91 + MICROSECOND, 1.0), (T + 200, 1.0)],
    ids=["early", "at the end of the horizon", "a microsecond later", "long after"],
)
def test_a_prolongation_counts_when_it_is_known_by_the_end_of_the_horizon(
    contract_base: Callable[..., Histories], start: int, known: float, left: float
) -> None:
    histories = contract_base(("ann", 0, T + 30), ("ann", T + 5, T + 400, known))
    assert label(histories, start) == left


@pytest.mark.parametrize(
    ("known", "left"), [(T + 91 + 28, 0.0), (T + 91 + 28 + MICROSECOND, 1.0)], ids=["within", "after"]
)
def test_the_grace_lets_a_prolongation_be_written_down_late(
    contract_base: Callable[..., Histories], start: int, known: float, left: float
) -> None:
    histories = contract_base(("ann", 0, T + 30), ("ann", T + 5, T + 400, known))
    assert label(histories, start, Question(91, kind=CONTRACT, grace_days=28)) == left


@pytest.mark.parametrize(
    ("later", "left"),
    [(T + 31, 0.0), (T + 30, 1.0), (T + 20, 1.0), (None, 1.0)],
    ids=["a day longer", "the same end stated again", "ended early", "no end stated any more"],
)
def test_prolonged_is_what_ends_later_than_was_known(
    contract_base: Callable[..., Histories], start: int, later: float | None, left: float
) -> None:
    assert label(contract_base(("ann", 0, T + 30), ("ann", T + 10, later)), start) == left


def test_a_prolongation_known_later_changes_neither_who_is_asked_about_nor_any_fact(
    contract_base: Callable[..., Histories], start: int
) -> None:
    told = ("ann", 0, T + 30)
    before, after = contract_base(told), contract_base(told, ("ann", T - 50, T + 400, T + MICROSECOND))
    assert asked(before, start) == asked(after, start) == ["ann"]
    facts = [
        build_frame(each, QUARTER, Moments((), (start + T * DAY,)), margin_rate=0.3).facts.values
        for each in (before, after)
    ]
    assert np.array_equal(*facts, equal_nan=True)
    assert (label(before, start), label(after, start)) == (1.0, 0.0)


def test_the_others_are_told_apart_and_get_no_score(
    contract_base: Callable[..., Histories], start: int
) -> None:
    histories = contract_base(("due", 0, T + 50), ("over", 0, T), ("later", 0, T + 92), ("none", 0, None))
    places = histories.places(["due", "over", "later", "none"])
    status = status_of(read_facts(histories, places, start + T * DAY), QUARTER)
    assert status.tolist() == [IN_BASE, LAPSED, NOT_DUE, NO_CONTRACT]


def test_a_base_without_contract_dates_is_refused_with_what_is_missing(base_of: Base, start: int) -> None:
    histories = base_of(transactions=[{"customer_id": "ann", "at": 0}])
    with pytest.raises(Refused, match=r"no contract dates: .*customers\.contract_until.*--question silence"):
        base_at(histories, QUARTER, start + T * DAY)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"kind": "mood"}, "one of silence, contract; came 'mood'"),
        ({"grace_days": 7}, "for the question contract only"),
        ({"kind": CONTRACT, "grace_days": -1}, "came -1 days"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused, match=message):
        Question(**said)


@pytest.mark.parametrize("grace", [0, 28])
def test_training_ends_before_the_first_test_by_the_horizon_and_the_grace(
    contract_base: Callable[..., Histories], start: int, grace: int
) -> None:
    question = Question(91, kind=CONTRACT, grace_days=grace)
    as_of = start + 900 * DAY
    moments = training_moments(contract_base(), question, as_of)
    assert max(moments.test) + (91 + grace) * DAY == as_of
    assert max(moments.train) + (91 + grace) * DAY == min(moments.test)


@pytest.fixture(scope="module")
def companies(base_of: Base) -> Histories:
    """Contracts of a year; who ordered within the last half of one prolongs it, a few change their mind."""
    random = np.random.default_rng(8)
    customers, orders = [], []
    for k in range(900):
        name, begin = f"co{k:03d}", int(random.integers(0, 600))
        for year in range(4):
            buys = bool(random.random() < 0.7)
            from_day = begin + 364 * year
            until = (from_micros(1_700_000_000_000_000 // DAY * DAY + (from_day + 363) * DAY)).date()
            known = max(from_day - int(random.integers(5, 60)), 0) if year else from_day
            customers.append({"customer_id": name, "at": known * DAY, "kind": "B2B", "contract_until": until})
            orders += [
                {"customer_id": name, "at": int(random.integers(from_day, from_day + 180)) * DAY}
                for _ in range(int(random.integers(0, 4)))
            ]
            if buys:
                orders.append(
                    {"customer_id": name, "at": int(random.integers(from_day + 182, from_day + 300)) * DAY}
                )
            if not buys ^ (random.random() < 0.1):
                break
    return base_of(customers=customers, transactions=orders)


def test_contracts_that_will_not_be_prolonged_are_found_on_held_out_time(
    companies: Histories, start: int
) -> None:
    as_of = start + 1000 * DAY
    moments = training_moments(companies, QUARTER, as_of)
    frame = build_frame(companies, QUARTER, moments, margin_rate=0.3)
    trained = train_customer_models(frame, moments, QUARTER, "UTC")
    headline = trained.evaluation.headline
    assert headline["model"]["auc"].low > 0.65
    assert headline["model"]["brier"].value < frame.churned.mean() * (1 - frame.churned.mean())
    assert np.isfinite(headline["rfm_logistic"]["auc"].value)
    assert (trained.published.horizons, trained.horizons.days) == (None, ())
    assert QUARTER.label == "contract_not_prolonged_within_91d"

    t = moments.test[-1]
    places = base_at(companies, QUARTER, t)
    scorer = trained.judged_scorer(OfferModels(None, None, 0.0, "no offers"))
    facts = read_facts(companies, places, t)
    scores = scorer.score(facts.values, facts.names, (), t)
    promised = Promised(t, "b", places, scores.churn, scores.value, {}, 0)
    came = outcome_of(companies, QUARTER, promised, margin_rate=0.3, least=20).whole
    assert came.happened == frame.at((t,)).churned.mean()
