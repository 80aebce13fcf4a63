"""Training on a toy frame whose right answer is known: late customers leave, the others stay."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.reader import FactTable
from models.churn import CustomerModels, train_customer_models
from models.frame import Frame, Moments
from models.question import Question
from tables.moment import DAY
from tables.refusal import Refused

NAMES = (
    "days_since_last_order",
    "orders_364d",
    "spend_364d",
    "days_since_first_order",
    "order_lateness",
    "repeat_purchase_days",
    "days_from_first_to_last_purchase",
)
CUSTOMERS = 700
MOMENTS = Moments((400 * DAY, 428 * DAY, 456 * DAY), (547 * DAY,))


@pytest.fixture(scope="module")
def frame() -> Frame:
    random = np.random.default_rng(12)
    times = np.repeat([*MOMENTS.train, *MOMENTS.test], CUSTOMERS)
    places = np.tile(np.arange(CUSTOMERS), 4)
    rows = len(times)
    orders = random.poisson(3, rows) + 1.0
    lateness = random.normal(0, 1, rows)
    known_for = random.uniform(10, 360, rows)
    last = random.uniform(0, 10, rows)
    past = [orders - 1, known_for - last]
    values = np.column_stack([last, orders, orders * 100, known_for, lateness, *past])
    happened = random.uniform(size=rows) < 1 / (1 + np.exp(-3 * lateness))
    unseen = places % 5 == 0
    facts = FactTable(places, times, NAMES, values)
    return Frame(facts, happened.astype(float), np.where(happened, 0.0, orders * 30), unseen)


@pytest.fixture(scope="module")
def trained(frame: Frame) -> CustomerModels:
    return train_customer_models(frame, MOMENTS, Question(), "UTC")


def test_what_makes_customers_leave_is_found_where_recency_says_nothing(trained: CustomerModels) -> None:
    headline = trained.evaluation.headline
    assert headline["model"]["auc"].low > 0.8
    assert headline["recency"]["auc"].high < 0.6
    assert trained.evaluation.ahead["recency"].low > 0.2
    assert trained.evaluation.ahead["rfm_logistic"].low > 0.2
    assert max(trained.importance, key=lambda name: trained.importance[name]) == "order_lateness"


def test_the_figures_are_of_the_test_moment_only(trained: CustomerModels) -> None:
    assert trained.evaluation.customers == CUSTOMERS
    assert set(trained.test.facts.moments.tolist()) == set(MOMENTS.test)
    assert list(trained.evaluation.by_month) == ["1971-07-02"]


def test_slices_tell_customers_seen_from_those_never_trained_on(trained: CustomerModels) -> None:
    assert {"customers seen in training", "customers unseen in training"} <= set(trained.evaluation.by_slice)


def with_labels_turned(frame: Frame, rows: Any) -> Frame:
    turned = frame.churned.copy()
    turned[rows] = 1 - turned[rows]
    value = frame.value.copy()
    value[rows] += 1000
    return replace(frame, churned=turned, value=value)


@pytest.mark.parametrize("whose", ["unseen", "seen"])
def test_what_unseen_customers_did_teaches_the_judged_model_nothing(
    frame: Frame, trained: CustomerModels, whose: str
) -> None:
    """Of the seen it does: so this test would notice a model that had peeped."""
    learnt = np.isin(frame.facts.moments, MOMENTS.train)
    rows = learnt & (frame.unseen if whose == "unseen" else ~frame.unseen)
    again = train_customer_models(with_labels_turned(frame, rows), MOMENTS, Question(), "UTC")
    same = [
        np.array_equal(again.predictions[name], trained.predictions[name]) for name in trained.predictions
    ]
    assert same == [whose == "unseen"] * 4


def test_what_happened_after_the_test_moment_teaches_the_judged_model_nothing(
    frame: Frame, trained: CustomerModels
) -> None:
    rows = np.isin(frame.facts.moments, MOMENTS.test)
    again = train_customer_models(with_labels_turned(frame, rows), MOMENTS, Question(), "UTC")
    assert np.array_equal(again.predictions["model"], trained.predictions["model"])
    assert again.published.churn.model_to_string() != trained.published.churn.model_to_string()


def test_training_twice_gives_the_same_models(frame: Frame, trained: CustomerModels) -> None:
    again = train_customer_models(frame, MOMENTS, Question(), "UTC")
    assert again.published.churn.model_to_string() == trained.published.churn.model_to_string()
    assert again.published.value.model_to_string() == trained.published.value.model_to_string()
    assert again.published.calibration == trained.published.calibration
    assert again.evaluation == trained.evaluation


def test_the_value_promised_is_ranked_like_the_value_that_came(trained: CustomerModels) -> None:
    assert trained.value_evaluation["rank_correlation"].low > 0.3
    assert trained.value_evaluation["promised_to_actual_total"].value == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("part", ["training", "test"])
def test_one_outcome_only_is_refused_with_what_to_do(frame: Frame, label: float, part: str) -> None:
    moments = MOMENTS.train if part == "training" else MOMENTS.test
    labels = np.where(np.isin(frame.facts.moments, moments), label, frame.churned)
    with pytest.raises(Refused, match=rf"{part}: .*at least ten who left and ten who stayed.*--horizon"):
        train_customer_models(replace(frame, churned=labels), MOMENTS, Question(), "UTC")
