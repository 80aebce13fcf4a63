"""The life cycle: four states, and the rules by which a customer goes from one to the next.

A machine without memory of its own: the states and their dates follow from the moments of the customer's
orders, so that every past state can be told again, and what comes next if nothing happens is known too.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from decisions.setting import Misplaced, Named, Part
from decisions.stage_walk import (
    BY_FEWER,
    BY_ORDERS,
    BY_SILENCE,
    EVER,
    NEVER,
    NO_STATE,
    find_begins,
    pick_orders,
    walk_all,
)
from features.reader import Readable, moments_of, visible_rows
from tables.history import MISSING_NUMBER
from tables.moment import DAY
from tables.once import once

Int64s = npt.NDArray[np.int64]


class Transition(Part):
    """From one state to another: when orders reach `orders` (within `within_days`, else since the state was
    entered), when `quiet_days` pass without one, or when they fall below `fewer_than` in `within_days`."""

    leave: tuple[str, ...] = Field(min_length=1)
    enter: str
    orders: int | None = Field(default=None, gt=0)
    quiet_days: int | None = Field(default=None, gt=0)
    fewer_than: int | None = Field(default=None, gt=0)
    within_days: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def it_has_one_condition(self) -> "Transition":
        if sum(each is not None for each in (self.orders, self.quiet_days, self.fewer_than)) != 1:
            raise ValueError("a transition has one of orders, quiet_days and fewer_than")
        if self.fewer_than is not None and self.within_days is None:
            raise ValueError("fewer_than goes with within_days")
        if self.quiet_days is not None and self.within_days is not None:
            raise ValueError("quiet_days goes without within_days")
        if self.enter in self.leave:
            raise ValueError(f"a transition from {self.enter} to itself")
        return self

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Its kind, its count and its days (EVER: since the state was entered)."""
        if self.quiet_days is not None:
            return BY_SILENCE, 0, self.quiet_days
        if self.fewer_than is not None:
            return BY_FEWER, self.fewer_than, self.within_days or EVER
        return BY_ORDERS, self.orders or 0, self.within_days or EVER


class LifeCycle(Part):
    """The states, the first being where everybody begins, and the transitions; of two that hold at one
    moment the first that stands here is taken."""

    states: tuple[Named, ...] = Field(min_length=2, max_length=12)
    transitions: tuple[Transition, ...] = Field(min_length=1)
    document: str = ""

    @model_validator(mode="after")
    def every_state_is_known_and_reached(self) -> "LifeCycle":
        names = [state.name for state in self.states]
        wrong: list[tuple[tuple[Any, ...], str]] = [
            (("transitions", k, word), f"no state is called {name!r}; there are {', '.join(names)}")
            for k, each in enumerate(self.transitions)
            for word, used in (("leave", each.leave), ("enter", (each.enter,)))
            for name in used
            if name not in names
        ]
        entered = {each.enter for each in self.transitions}
        wrong += [
            (("states", k), f"nobody ever enters {name}: no transition leads there")
            for k, name in enumerate(names)
            if k and name not in entered
        ]
        wrong += [
            (
                ("transitions", k),
                f"would go back at once to {one.enter}: {two.fewer_than} > {one.orders} orders",
            )
            for k, one in enumerate(self.transitions)
            for two in self.transitions
            if one.orders and two.fewer_than and two.fewer_than > one.orders
            if one.within_days == two.within_days and one.enter in two.leave and two.enter in one.leave
        ]
        if circle := self._circle():
            wrong.append((("transitions",), f"time alone leads round in a circle: {' -> '.join(circle)}"))
        if wrong:
            raise Misplaced(wrong)
        return self

    def _circle(self) -> list[str]:
        """States that one passes for ever without an order; they would have no dates."""
        led = {
            name: {e.enter for e in self.transitions if e.orders is None and name in e.leave}
            for name in (state.name for state in self.states)
        }
        for begin in led:
            reached, left = {begin: [begin]}, [begin]
            while left:
                state = left.pop()
                for step in sorted(led.get(state, ())):
                    if step == begin:
                        return [*reached[state], begin]
                    if step not in reached:
                        reached[step] = [*reached[state], step]
                        left.append(step)
        return []

    @once
    def rules(self) -> Int64s:
        """Rows of leave, enter, kind, count, days; shape (rules, 5)."""
        place = {state.name: k for k, state in enumerate(self.states)}
        rows = [
            (place[name], place[each.enter], *each.numbers)
            for each in self.transitions
            for name in each.leave
        ]
        return np.array(rows, np.int64)


class Stages(NamedTuple):
    """Where customers stand in the life cycle, by places of states.

    state, since: now, and from when on (microseconds); NO_STATE of whom nothing is visible. next_state,
    next_at: what comes if no order does (NO_STATE, NEVER: nothing). Shape (customers,). begins: where each
    customer's path begins among `states` and `moments`, shape (customers + 1,), the first state first.
    """

    state: npt.NDArray[np.int8]
    since: Int64s
    next_state: npt.NDArray[np.int8]
    next_at: Int64s
    begins: Int64s
    states: npt.NDArray[np.int8]
    moments: Int64s

    def path(self, row: int) -> list[tuple[int, int]]:
        """One customer's states so far, each with the moment it was entered."""
        part = slice(self.begins[row], self.begins[row + 1])
        return list(zip(self.states[part].tolist(), self.moments[part].tolist(), strict=True))


def life_cycle(histories: Readable, places: Int64s, t: Int64s | int, rules: LifeCycle) -> Stages:
    """The states of the customers at `places` as the base knows them at t (microseconds; one, or one each).

    A row that came late changes a path as if it had come in time; who wants what was known at an earlier
    moment asks for that moment. A customer begins with joining or the first order, whichever is earlier; in
    a base without transactions nobody has a state.
    Needs memory for the visible order lines of these customers: ask bucket by bucket.
    """
    if "transactions" not in histories.present:
        nobody, none = np.full(len(places), NEVER), np.empty(0, np.int64)
        return stages_of(nobody, none, np.zeros(len(places) + 1, np.int64), t, rules)
    moments, begins = moments_of(places, t), np.full(len(places), NEVER)
    owner, lines = visible_rows(histories, "transactions", moments, places)
    offsets, ordered_at = np.empty(len(places) + 1, np.int64), np.empty(len(lines), np.int64)
    pick_orders(owner, lines["quantity"], lines["opens_order"], lines["at"], offsets, ordered_at)
    owner, own = visible_rows(histories, "customers", moments, places)
    find_begins(owner, own["at"], own["joined_at"], MISSING_NUMBER, moments, offsets, ordered_at, begins)
    return stages_of(begins, ordered_at, offsets, moments, rules)


def stages_of(
    begins: Int64s, ordered_at: Int64s, offsets: Int64s, t: Int64s | int, rules: LifeCycle
) -> Stages:
    """The same of moments: begins, shape (customers,), NEVER of whom nothing is visible; ordered_at: each
    customer's orders in order, of customer k from offsets[k] to offsets[k + 1]; all at t or before."""
    customers = len(begins)
    ends = np.empty(customers + 1, np.int64)
    state, since = np.full(customers, NO_STATE, np.int8), np.full(customers, NEVER)
    next_state, next_at = np.full(customers, NO_STATE, np.int8), np.full(customers, NEVER)
    given = (begins, ordered_at, offsets, moments_of(begins, t), rules.rules(), DAY, ends)
    found = (state, since, next_state, next_at)
    walk_all(*given, np.empty(0, np.int8), np.empty(0, np.int64), *found)
    total = int(ends[-1])
    states, moments = np.empty(total, np.int8), np.empty(total, np.int64)
    if total:
        walk_all(*given, states, moments, *found)
    return Stages(state, since, next_state, next_at, ends, states, moments)
