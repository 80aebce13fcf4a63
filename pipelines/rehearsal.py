"""Several lives of one world: the same people, the same weeks and the same luck, other contacts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.reader import Progress
from pipelines.rehearsal_arm import Decides
from pipelines.rehearsal_base import LivingBase
from simulator.dynamics import ACTIVE
from simulator.future import Lived, Sent, begin, live, nothing_sent
from simulator.future_rows import week_rows
from simulator.past import Past
from simulator.world import microseconds
from tables.history import Histories

Floats = npt.NDArray[np.float64]


class Arm(NamedTuple):
    """decides: None where nothing is ever sent; cost, reward: of a redemption, by the world's offers, minor
    units."""

    decides: Decides | None
    cost: Floats
    reward: Floats


@dataclass
class Course:
    """What came of an arm. margin, rewards, contacting: money of each customer in each week (of orders, of
    redemptions, of contacts), shape (weeks, customers); used: of each limit, shape (weeks, limits), if it has
    any; the others have one entry a week. histories: at the end."""

    margin: list[Floats] = field(default_factory=list)
    rewards: list[Floats] = field(default_factory=list)
    contacting: list[Floats] = field(default_factory=list)
    given: list[Floats] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    used: list[Floats] = field(default_factory=list)
    expected: list[float] = field(default_factory=list)
    viewed: list[int] = field(default_factory=list)
    redeemed: list[int] = field(default_factory=list)
    withdrew: list[npt.NDArray[np.int64]] = field(default_factory=list)
    complaints: list[int] = field(default_factory=list)
    active: list[int] = field(default_factory=list)
    histories: Histories | None = None

    @property
    def net(self) -> Floats:
        """Minor units, shape (weeks, customers)."""
        return np.array(self.margin) - np.array(self.rewards) - np.array(self.contacting)

    def end(self) -> Histories:
        """The histories as they are after the last week."""
        assert self.histories is not None
        return self.histories


def rehearse_weeks(
    past: Past,
    base: Path,
    folder: Path,
    arms: Mapping[str, Arm],
    weeks: int,
    progress: Progress | None = None,
) -> dict[str, Course]:
    """Live through `weeks` once an arm, all arms week by week in their order.

    base: the folder of the base at the end of the past; folder: to work in. An arm that sends nothing needs
    no histories before the end.
    """
    courses = {name: Course() for name in arms}
    lives = {name: begin(past) for name in arms}
    bases = {name: LivingBase(base, folder / name, past.coming) for name in arms}
    for done in range(weeks):
        week = past.week + done
        t = microseconds(past.calendar.moment(week))
        for k, (name, arm) in enumerate(arms.items()):
            course, life = courses[name], lives[name]
            if arm.decides is None:
                sent, cost = nothing_sent(), np.zeros(0)
                course.expected.append(0.0)
            else:
                decided = arm.decides(bases[name].at(t), t)
                sent, cost = decided.sent, decided.cost
                course.expected.append(decided.expected)
                if decided.used is not None:
                    course.used.append(decided.used)
            lived = live(past, life, week, sent)
            bases[name].add(week_rows(past, life, lived))
            _book(course, arm, lived, cost)
            if progress:
                progress(done * len(arms) + k + 1, weeks * len(arms))
    end = microseconds(past.calendar.moment(past.week + weeks))
    for name, course in courses.items():
        course.histories = bases[name].at(end)
    return courses


def _book(course: Course, arm: Arm, lived: Lived, cost: Floats) -> None:
    n, sent = len(lived.margin), lived.sent
    course.margin.append(lived.margin)
    course.rewards.append(_by_customer(lived.redeemed, arm.cost[lived.redeemed_offer], n))
    course.contacting.append(_by_customer(sent.customer, cost, n))
    course.given.append(_by_customer(sent.customer, arm.reward[sent.offer] * sent.is_sent, n))
    course.sent.append(sent)
    course.viewed.append(int(lived.viewed.sum()))
    course.redeemed.append(len(lived.redeemed))
    course.withdrew.append(lived.withdrew)
    course.complaints.append(len(lived.complaint))
    course.active.append(int((lived.after == ACTIVE).sum()))


def _by_customer(customer: npt.NDArray[np.int64], amount: Floats, customers: int) -> Floats:
    return np.bincount(customer, amount, customers).astype(np.float64)
