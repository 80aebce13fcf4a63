"""The training frame: who is asked about when, what is known afterwards, and that nothing overlaps."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.frame import (
    LEAST_HISTORY,
    MOST_ROWS,
    STEP,
    TRAINING_STEP,
    UNSEEN_SHARE,
    Moments,
    base_at,
    build_frame,
    training_moments,
)
from models.question import Question
from tables.history import Histories
from tables.moment import DAY
from tables.refusal import Refused

QUARTER = Question()
Base = Callable[..., Histories]


@pytest.fixture(scope="module")
def shop(base_of: Base) -> tuple[Histories, list[dict[str, Any]]]:
    """Two years of orders of 60 customers: returns, late arrivals, withdrawals, the edges of windows."""
    random = np.random.default_rng(11)
    rows = []
    for k in range(900):
        day = int(random.integers(0, 730))
        at = day * DAY + int(random.choice([0, 0, 1, DAY // 2]))
        quantity = int(random.choice([1, 2, -1]))
        late = int(random.choice([0, 0, 0, 5, 120])) * DAY
        row = {
            "event_id": f"t{k}",
            "customer_id": f"c{int(random.integers(0, 60)) ** 2 // 60:02d}",
            "at": at,
            "known_at": at + late,
            "quantity": quantity,
            "amount": int(random.integers(1, 500)) * np.sign(quantity),
        }
        rows.append(row)
        if random.random() < 0.1:  # withdrawn, or corrected, later
            later = {"known_at": row["known_at"] + int(random.integers(1, 200)) * DAY}
            rows.append(row | later | {"deleted": bool(random.random() < 0.5), "amount": 7 * quantity})
    return base_of(transactions=rows), rows


@pytest.fixture(scope="module")
def moments(start: int) -> Moments:
    return Moments((start + 300 * DAY, start + 364 * DAY + 1), (start + 455 * DAY, start + 600 * DAY))


ORACLE = """
    with known as (
      select * from lines where "at" <= $until and known_at <= $until
      qualify row_number() over (partition by event_id order by known_at desc) = 1
    )
    select customer_id,
      count(*) filter (quantity > 0 and "at" > $since) as orders,
      coalesce(sum(amount) filter ("at" > $since), 0) as net_spend
    from known where not deleted group by customer_id
"""


def ask(rows: list[dict[str, Any]], since: int, until: int) -> dict[str, tuple[int, int]]:
    """Orders and net spend of each customer in (since, until], as they were known at `until`."""
    db = duckdb.connect()
    told = [{"deleted": False} | row | {"amount": int(row["amount"])} for row in rows]
    db.register("lines", pa.Table.from_pylist(told))
    found = db.execute(ORACLE, {"since": since, "until": until}).fetchall()
    return {customer: (orders, int(spend)) for customer, orders, spend in found}


@pytest.mark.parametrize("horizon", [28, 91])
def test_labels_are_those_of_an_independent_sql_text(
    shop: tuple[Histories, list[dict[str, Any]]], moments: Moments, start: int, horizon: int
) -> None:
    histories, rows = shop
    frame = build_frame(histories, Question(horizon), moments, margin_rate=0.3)
    place = {customer: k for k, customer in enumerate(histories.ids)}
    expected = {}
    for t in (*moments.train, *moments.test):
        since = t - start
        after = ask(rows, since, since + horizon * DAY)
        for customer, (orders, _) in ask(rows, since - 364 * DAY, since).items():
            if orders:
                expected[place[customer], t] = after.get(customer, (0, 0))
    came = {
        (int(customer), int(t)): (churned, value)
        for customer, t, churned, value in zip(
            frame.facts.places, frame.facts.moments, frame.churned, frame.value, strict=True
        )
    }
    assert set(came) == set(expected)
    for row, (orders, spend) in expected.items():
        assert came[row] == (float(orders == 0), pytest.approx(0.3 * spend))
    assert 0.1 < frame.churned.mean() < 0.9


def lines(*days: float, **said: Any) -> list[dict[str, Any]]:
    return [{"customer_id": "ann", "at": int(day * DAY), **said} for day in days]


def churned(histories: Histories, start: int, day: int = 200) -> float:
    frame = build_frame(histories, QUARTER, Moments((), (start + day * DAY,)), margin_rate=0.3)
    (label,) = frame.churned
    return float(label)


@pytest.mark.parametrize(
    ("after", "label"),
    [(0, 1.0), (1 / 86_400_000_000, 0.0), (91, 0.0), (91 + 1 / 86_400_000_000, 1.0)],
    ids=["at the moment itself", "just after it", "at the end of the horizon", "just after the end"],
)
def test_a_label_looks_at_the_time_after_the_moment_to_the_end_of_the_horizon(
    base_of: Base, start: int, after: float, label: float
) -> None:
    assert churned(base_of(transactions=lines(100, 200 + after)), start) == label


def test_an_order_that_becomes_known_after_the_horizon_does_not_count(base_of: Base, start: int) -> None:
    for known, label in ((291, 0.0), (292, 1.0)):
        rows = lines(100) + lines(250, known_at=known * DAY)
        assert churned(base_of(transactions=rows), start) == label


def test_an_order_withdrawn_within_the_horizon_does_not_count(base_of: Base, start: int) -> None:
    for withdrawn, label in ((291, 1.0), (292, 0.0)):
        (order,) = lines(250, event_id="x", known_at=250 * DAY)
        rows = [*lines(100), order, order | {"known_at": withdrawn * DAY, "deleted": True}]
        assert churned(base_of(transactions=rows), start) == label


def test_a_return_is_no_order(base_of: Base, start: int) -> None:
    rows = lines(100) + lines(250, quantity=-1, amount=-100)
    assert churned(base_of(transactions=rows), start) == 1.0


def test_the_base_are_those_who_bought_in_the_year_before(base_of: Base, start: int) -> None:
    rows = [
        {"customer_id": name, "at": day * DAY} for name, day in (("a", 36), ("b", 37), ("c", 400), ("d", 401))
    ]
    histories = base_of(transactions=rows)
    found = histories.ids[base_at(histories, QUARTER, start + 400 * DAY)].tolist()
    assert found == ["b", "c"]


def test_nobody_in_the_base_is_refused_with_the_dates(base_of: Base, start: int) -> None:
    histories = base_of(transactions=lines(0))
    with pytest.raises(Refused, match=r"nobody bought in the 364 days before .*no base to learn from"):
        build_frame(histories, QUARTER, Moments((), (start + 500 * DAY,)), margin_rate=0.3)


def test_one_customer_in_five_is_never_trained_on_whatever_the_moment(base_of: Base, start: int) -> None:
    rows = [{"customer_id": f"c{k}", "at": 100 * DAY} for k in range(2000)]
    moments = Moments((start + 200 * DAY,), (start + 300 * DAY,))
    frame = build_frame(base_of(transactions=rows), QUARTER, moments, margin_rate=0.3)
    assert frame.unseen.mean() == pytest.approx(UNSEEN_SHARE, abs=0.04)
    first, second = (frame.at((t,)) for t in (*moments.train, *moments.test))
    assert np.array_equal(first.facts.places, second.facts.places)
    assert np.array_equal(first.unseen, second.unseen)


def history(days: int) -> Any:
    return SimpleNamespace(first_at=0, last_at=days * DAY)


@given(st.integers(200, 1500), st.sampled_from([7, 28, 91]))
def test_no_label_of_training_reaches_into_the_test_and_all_are_known(days: int, horizon: int) -> None:
    question, as_of = Question(horizon), days * DAY
    try:
        moments = training_moments(history(days), question, as_of)
    except Refused:
        assert as_of - 2 * question.horizon < LEAST_HISTORY
        return
    assert max(moments.test) + question.horizon == as_of
    assert max(moments.train) + question.horizon == min(moments.test)
    assert min(moments.train) >= LEAST_HISTORY
    assert set(np.diff(moments.train)) <= {TRAINING_STEP}
    assert set(np.diff(moments.test)) <= {STEP}


def moments_of(days: int) -> Moments:
    return training_moments(history(days), QUARTER, days * DAY)


def test_a_long_history_trains_on_more_than_a_year_and_tests_on_three_moments() -> None:
    """So that a year before any moment scored within the next quarter lies among them."""
    moments = moments_of(1000)
    assert [len(moments.train), len(moments.test)] == [31, 3]
    assert moments.test[-1] - 364 * DAY > moments.train[0]


def test_a_short_history_gives_up_test_months_before_training_months() -> None:
    lengths = {(len(moments_of(days).train), len(moments_of(days).test)) for days in range(274, 700)}
    assert (1, 1) in lengths
    assert all(tested == 1 for trained, tested in lengths if trained < 3)


def test_too_short_a_history_is_refused_with_what_to_do() -> None:
    with pytest.raises(Refused, match=r"needs 273 days .*choose a later --as-of or a shorter --horizon"):
        moments_of(272)
    assert moments_of(273)


def test_a_horizon_that_is_no_window_is_refused() -> None:
    with pytest.raises(Refused, match=r"one of the windows .*came 50"):
        Question(50)


def test_a_frame_too_large_is_thinned_by_customer(
    monkeypatch: pytest.MonkeyPatch, base_of: Base, start: int
) -> None:
    rows = [{"customer_id": f"c{k}", "at": 100 * DAY} for k in range(400)]
    histories = base_of(transactions=rows)
    moments = Moments((start + 150 * DAY, start + 178 * DAY), (start + 300 * DAY,))
    monkeypatch.setattr("models.frame.MOST_ROWS", 200)
    thin = build_frame(histories, QUARTER, moments, margin_rate=0.3)
    assert MOST_ROWS > 200
    one, two = (set(thin.at((t,)).facts.places.tolist()) for t in moments.train)
    assert not one & two  # others at each moment, as long as there are others
    assert 60 < len(one) < 140
    assert len(thin) < 500
