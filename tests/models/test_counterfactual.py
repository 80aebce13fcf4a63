"""What would have to change: the answer is known in the head, and every answer is a possible customer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from features.hypothesis import past_of, read_with
from features.reader import read_facts
from models.counterfactual import what_would_have_to_change
from models.lever import LEVERS, changes_of
from models.sentence import Money
from tables.history import Histories
from tables.moment import DAY, HOUR

EUR = Money("EUR", 100)
NOW = 400 * DAY


class Rule:
    """A model of few words: each thing that happened this week takes its share off 90 %."""

    def __init__(self, **takes_off: float) -> None:
        self.takes_off = takes_off

    def churn_of(self, values: Any, names: tuple[str, ...], t: int) -> Any:
        churn = np.full(len(values), 0.9)
        for name, share in self.takes_off.items():
            churn -= share * (np.nan_to_num(values[:, names.index(name)]) > 0)
        return churn


@pytest.fixture(scope="module")
def histories(base_of: Callable[..., Histories]) -> Histories:
    """ann buys on Mondays at noon, earns and has points, complains; bob bought once and did nothing else."""
    buys = [
        {
            "customer_id": "ann",
            "at": k * 28 * DAY + 12 * HOUR,
            "order_id": f"o{k}",
            "amount": 1000 + 500 * (k % 3),
        }
        for k in range(10)
    ]
    lines = [
        *buys,
        {"customer_id": "ann", "at": buys[4]["at"], "order_id": "o4", "amount": 250},
        {"customer_id": "bob", "at": 390 * DAY, "amount": 500},
    ]
    points = [
        {"customer_id": "ann", "at": row["at"], "kind": "earned", "points": 10 + k, "expires_at": None}
        for k, row in enumerate(buys)
    ]
    complaint = {"customer_id": "ann", "kind": "complaint_opened", "case_id": "late", "at": 380 * DAY}
    solved = {"customer_id": "ann", "case_id": "old", "at": 100 * DAY}
    touches = [
        complaint,
        solved | {"kind": "complaint_opened"},
        solved | {"kind": "complaint_solved", "at": 101 * DAY},
        {"customer_id": "ann", "kind": "visit", "at": 300 * DAY + 20 * HOUR},
    ]
    return base_of(transactions=lines, points=points, interactions=touches)


def asked(histories: Histories, start: int, who: str, below: float, **takes_off: float) -> Any:
    (place,) = histories.places([who])
    return what_would_have_to_change(histories, int(place), start + NOW, Rule(**takes_off), below)  # type: ignore[arg-type]


def levers(found: Any) -> list[list[str]]:
    return [[change.lever for change in scenario.changes] for scenario in found.enough]


def test_the_smallest_set_of_the_least_effort_is_told_first(histories: Histories, start: int) -> None:
    found = asked(histories, start, "ann", 0.65, visits_7d=0.3, orders_7d=0.3, points_spent_7d=0.2)
    assert levers(found) == [["visit"], ["order"]]
    assert found.enough[0].churn == pytest.approx(0.6)
    assert "If the customer visits us once more, the model expects 60% instead of 90%" in found.english
    assert "若客户再次访问，模型预计流失概率由90%降至60%" in found.chinese
    assert "not a proven effect" in found.english
    found = asked(histories, start, "ann", 0.45, visits_7d=0.3, orders_7d=0.3, points_spent_7d=0.2)
    assert levers(found) == [["visit", "points_spent"], ["visit", "order"], ["points_spent", "order"]]
    found = asked(histories, start, "ann", 0.15, visits_7d=0.3, orders_7d=0.3, points_spent_7d=0.2)
    assert levers(found) == [["visit", "points_spent", "order"]]


def test_when_nothing_is_enough_it_says_so_and_how_far_it_would_go(histories: Histories, start: int) -> None:
    found = asked(histories, start, "ann", 0.5, visits_7d=0.3)
    assert found.enough == ()
    assert found.lowest.churn == pytest.approx(0.6)
    assert [change.lever for change in found.lowest.changes] == ["visit"]
    assert found.english.startswith("Nothing that we can move is enough: even if the customer visits us")
    stuck = asked(histories, start, "ann", 0.5)
    assert stuck.english.startswith("Nothing that we can move lowers the 90%")


def test_who_is_below_already_is_told_so(histories: Histories, start: int) -> None:
    found = asked(histories, start, "ann", 0.95)
    assert (found.enough, found.lowest) == ((), None)
    assert found.english == "The probability of leaving is 90%, already below 95%."


def test_shares_that_differ_are_said_apart(histories: Histories, start: int) -> None:
    found = asked(histories, start, "ann", 0.6, visits_7d=0.302)
    assert "expects 59.8% instead of 90.0%, which is below 60.0%" in found.english


def test_an_open_complaint_is_solved_and_one_that_is_solved_is_not(histories: Histories, start: int) -> None:
    (place,) = histories.places(["ann"])
    past = past_of(histories, int(place), start + NOW)
    (solved,) = [each for each in changes_of(past, EUR) if each.lever == "complaint_solved"]
    assert len(solved.rows["interactions"]) == 2  # answered and solved, of one case
    facts = read_with(past, [solved.rows], [(), (0,)])
    assert facts.column("open_complaints").tolist() == [1, 0]
    assert facts.column("complaints_364d").tolist() == [2, 2]
    assert facts.column("mean_hours_to_solve")[1] == pytest.approx((24 + 20 * 24) / 2)


def test_the_order_is_the_usual_one_at_the_usual_hour_with_its_points(
    histories: Histories, start: int
) -> None:
    (place,) = histories.places(["ann"])
    past = past_of(histories, int(place), start + NOW)
    (order,) = [each for each in changes_of(past, EUR) if each.lever == "order"]
    assert order.english == "orders as usual (for 15.00 EUR)"
    lines, points = order.rows["transactions"], order.rows["points"]
    assert (lines["at"] == start + NOW - 12 * HOUR).all()
    assert points["points"].tolist() == [17]  # of the latest order for 15.00, the eighth
    before, after = read_with(past, [order.rows], [(), (0,)]).values
    names = read_facts(histories, np.array([place]), start + NOW).names
    changed = {name for name, a, b in zip(names, before, after, strict=True) if a != b and not np.isnan(b)}
    assert {"orders_7d", "days_since_last_order", "points_balance"} <= changed
    assert after[names.index("orders_7d")] - before[names.index("orders_7d")] == 1


def test_what_a_customer_or_a_base_does_not_have_is_no_lever(histories: Histories, start: int) -> None:
    (place,) = histories.places(["bob"])
    found = {change.lever for change in changes_of(past_of(histories, int(place), start + NOW), EUR)}
    assert found == {"visit", "order"}  # no points, no complaint, no offers; nobody here logs in or reviews


def test_two_levers_that_do_the_same_are_not_pulled_together() -> None:
    acts = {lever.name: set(lever.acts) for lever in LEVERS}
    assert acts["order"] & acts["offer_redeemed"]
    assert acts["offer_viewed"] & acts["offer_redeemed"]
    assert [lever.effort for lever in LEVERS] == sorted(lever.effort for lever in LEVERS)
