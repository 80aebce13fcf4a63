"""The life cycle: dates of every state, told again from the moments of orders."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from decisions.life_cycle import LifeCycle, Stages, life_cycle, stages_of
from decisions.policy import Policy
from decisions.stage_walk import NEVER, NO_STATE
from features.reader import read_facts
from releases.home import Home
from tables.history import read_histories
from tables.moment import DAY

NEW, GROWING, MATURE, LOST = range(4)


@pytest.fixture(scope="session")
def rules(shipped: Policy) -> LifeCycle:
    assert shipped.life_cycle is not None
    return shipped.life_cycle


def stages(rules: LifeCycle, t: int, *orders: int, begin: int | None = None) -> Stages:
    """Of one customer; everything in days."""
    own = sorted(day for day in orders if day <= t)
    starts = [day for day in (begin, *own[:1]) if day is not None]
    begins = np.array([min(starts) * DAY if starts else NEVER])
    at = np.array(own, np.int64) * DAY
    return stages_of(begins, at, np.array([0, len(own)]), t * DAY, rules)


def path(rules: LifeCycle, t: int, *orders: int, begin: int | None = None) -> list[tuple[int, float]]:
    found = stages(rules, t, *orders, begin=begin)
    return [(state, moment / DAY) for state, moment in found.path(0)]


def test_a_customer_is_new_until_the_second_order(rules: LifeCycle) -> None:
    assert path(rules, 100, 30, 90, begin=10) == [(NEW, 10), (GROWING, 90)]


def test_five_orders_in_a_year_make_mature(rules: LifeCycle) -> None:
    assert path(rules, 300, 0, 50, 100, 150, 200)[-1] == (MATURE, 200)
    # Who comes back may at once be what the year's orders make of them.
    assert path(rules, 400, 0, 50, 100, 150, 363)[-3:] == [(LOST, 332), (GROWING, 363), (MATURE, 363)]


def test_an_order_a_whole_year_back_does_not_count(rules: LifeCycle) -> None:
    assert (MATURE, 364) not in path(rules, 364, 0, 90, 180, 270, 364)
    assert (MATURE, 363) in path(rules, 363, 0, 90, 180, 270, 363)


def test_half_a_year_of_silence_is_lost_at_its_end(rules: LifeCycle) -> None:
    assert path(rules, 231, 0, 50) == [(NEW, 0), (GROWING, 50)]
    assert path(rules, 232, 0, 50) == [(NEW, 0), (GROWING, 50), (LOST, 232)]
    assert path(rules, 500, 0, 232) == [(NEW, 0), (LOST, 182), (GROWING, 232), (LOST, 414)]


def test_an_order_on_the_last_day_of_silence_keeps_the_customer(rules: LifeCycle) -> None:
    assert path(rules, 300, 0, 50, 232) == [(NEW, 0), (GROWING, 50)]


def test_who_never_orders_is_lost_too(rules: LifeCycle) -> None:
    assert path(rules, 300, begin=100) == [(NEW, 100), (LOST, 282)]


def test_a_mature_customer_with_few_orders_grows_again(rules: LifeCycle) -> None:
    """The window of a year loses its third order on day 500: two are left."""
    found = path(rules, 600, 100, 110, 120, 130, 136, 300, 470)
    assert found == [(NEW, 100), (GROWING, 110), (MATURE, 136), (GROWING, 500)]


def test_who_is_not_visible_has_no_state(rules: LifeCycle) -> None:
    found = stages(rules, 100)
    assert (found.state[0], found.path(0)) == (NO_STATE, [])


def test_what_comes_next_is_said_for_who_does_nothing(rules: LifeCycle) -> None:
    found = stages(rules, 100, 0, 50)
    assert (found.state[0], found.since[0] / DAY) == (GROWING, 50)
    assert (found.next_state[0], found.next_at[0] / DAY) == (LOST, 232)
    gone = stages(rules, 500, 0, 50)
    assert (gone.next_state[0], gone.next_at[0]) == (NO_STATE, NEVER)


days = st.lists(st.integers(0, 900), max_size=14)


def by_day(rules: LifeCycle, t: int, orders: list[int]) -> list[tuple[int, float]]:
    """The same rules, looked at day by day: what stands in the policy, in the plainest words."""
    names = [state.name for state in rules.states]
    state, since = names[0], orders[0]
    found = [(0, float(since))]
    for day in range(orders[0], t + 1):
        for _ in rules.transitions:
            for rule in rules.transitions:
                if state in rule.leave and holds(rule, day, since, [o for o in orders if o <= day]):
                    state, since = rule.enter, day
                    found.append((names.index(state), float(day)))
                    break
            else:
                break
    return found


def holds(rule: object, day: int, since: int, orders: list[int]) -> bool:
    within, count = getattr(rule, "within_days"), getattr(rule, "orders")  # noqa: B009
    recent = [o for o in orders if (o >= since if within is None else o > day - within)]
    if count:
        return day in orders and len(recent) >= count
    if quiet := getattr(rule, "quiet_days"):  # noqa: B009
        return day - max([orders[0], *orders]) >= quiet
    return len(recent) < getattr(rule, "fewer_than")  # noqa: B009


@given(days, st.integers(0, 1200))
def test_the_compiled_walk_is_the_policy_read_day_by_day(rules: LifeCycle, orders: list[int], t: int) -> None:
    seen = sorted(day for day in orders if day <= t)
    if not seen:
        return
    assert path(rules, t, *orders) == by_day(rules, t, seen)


@given(days, st.integers(0, 1200), st.integers(0, 1200))
def test_past_states_can_be_told_again(rules: LifeCycle, orders: list[int], one: int, other: int) -> None:
    """The path at an earlier moment is the beginning of the path now."""
    early, late = sorted((one, other))
    before, now = path(rules, early, *orders), path(rules, late, *orders)
    assert before == [step for step in now if step[1] <= early]
    assert all(a[1] <= b[1] for a, b in pairwise(now))


@given(st.lists(days, max_size=6), st.integers(0, 1200))
def test_many_customers_are_each_alone(rules: LifeCycle, everybody: list[list[int]], t: int) -> None:
    seen = [sorted(day for day in orders if day <= t) for orders in everybody]
    begins = np.array([orders[0] * DAY if orders else NEVER for orders in seen], np.int64)
    at = np.array([day * DAY for orders in seen for day in orders], np.int64)
    offsets = np.cumsum([0, *(len(orders) for orders in seen)])
    found = stages_of(begins, at, offsets, t * DAY, rules)
    for row, orders in enumerate(seen):
        alone = stages(rules, t, *orders)
        assert found.path(row) == alone.path(0)
        assert (found.state[row], found.next_at[row]) == (alone.state[0], alone.next_at[0])


def mistaken(rules: LifeCycle, **changes: object) -> str:
    with pytest.raises(ValidationError) as refused:
        LifeCycle.model_validate({**rules.model_dump(), **changes})
    return str(refused.value)


def test_rules_that_cannot_be_meant_are_refused(rules: LifeCycle) -> None:
    whole = rules.model_dump()["transitions"]
    unknown = [*whole, {"leave": ["nowhere"], "enter": "lost", "quiet_days": 3}]
    assert "no state is called 'nowhere'" in mistaken(rules, transitions=unknown)
    assert "nobody ever enters mature" in mistaken(rules, transitions=[whole[0], whole[3]])
    circle = [*whole, {"leave": ["lost"], "enter": "growing", "quiet_days": 400}]
    assert "time alone leads round in a circle" in mistaken(rules, transitions=circle)
    back = [*whole, {"leave": ["mature"], "enter": "growing", "fewer_than": 6, "within_days": 364}]
    assert "would go back at once to mature" in mistaken(rules, transitions=back)
    both = [{**whole[0], "quiet_days": 3}]
    assert "one of orders, quiet_days and fewer_than" in mistaken(rules, transitions=both)


def test_states_of_a_base_agree_with_its_facts(rules: LifeCycle, published: Path, root: Path) -> None:
    histories = read_histories(Home(published).current_base() / "histories")
    places, t = np.arange(len(histories)), histories.last_at
    found, facts = life_cycle(histories, places, t, rules), read_facts(histories, places, t)
    since_order = facts.column("days_since_last_order")
    ordered = facts.column("orders_ever") > 0
    lost = found.state == LOST
    np.testing.assert_array_equal(lost[ordered], since_order[ordered] >= 182)
    np.testing.assert_array_equal(found.next_at[ordered & ~lost] > t, True)
    five = facts.column("orders_364d") >= 5
    assert set(found.state[five & ~lost]) <= {MATURE, GROWING}
    assert (found.state[five & (found.state != LOST)] == MATURE).mean() > 0.9
    assert not (found.state[facts.column("orders_364d") < 3] == MATURE).any()
    assert (found.state[~ordered & (found.state >= 0)] != MATURE).all()


def test_past_states_of_a_base_are_those_of_the_past(rules: LifeCycle, published: Path) -> None:
    """But for rows that came late, which only the later moment knows."""
    histories = read_histories(Home(published).current_base() / "histories")
    places, t = np.arange(len(histories)), histories.last_at
    early = t - 200 * DAY
    now, then = (life_cycle(histories, places, moment, rules) for moment in (t, early))
    same = [
        now.path(row)[: len(then.path(row))] == then.path(row)
        for row in range(len(places))
        if then.state[row] != NO_STATE
    ]
    assert np.mean(same) > 0.95
    assert len(same) > 500


def test_a_base_without_transactions_gives_nobody_a_state(rules: LifeCycle) -> None:
    class WithoutOrders:
        """Histories of customers only."""

        present = frozenset({"customers"})

    found = life_cycle(WithoutOrders(), np.arange(3), 10 * DAY, rules)  # type: ignore[arg-type]
    assert found.state.tolist() == [NO_STATE] * 3
    assert found.path(1) == []
