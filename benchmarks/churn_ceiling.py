"""The rows from which the ceiling is learnt: another world like the frozen one, its truth for labels."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from benchmarks.churn_set import joined, world_of
from features.reader import read_facts
from models.frame import Frame, base_at
from models.question import Question
from simulator import World
from simulator.population import draw_population
from simulator.truth_table import truth_table
from simulator.walk import walk
from simulator.world import HORIZON_WEEKS, microseconds
from tables.history import Histories

Floats = npt.NDArray[np.float64]
SEED = 2027  # of the other world
# Each customer is asked about at one of these last waves of training, as weeks before the judged moment.
WAVES = 3
ROWS_A_CUSTOMER = 2


def ceiling_frame(customers: int, work: Path) -> Frame:
    """Facts of the base of another world at past waves, with P(churn) in the truth's own words for labels.

    The waves end a horizon before the moment on which ours is judged in its world, as its training does.
    """
    world = World(customers=customers, seed=SEED)
    _, histories = world_of(customers, work, seed=SEED)
    judged = world.weeks - HORIZON_WEEKS
    waves = [week for week in range(judged - HORIZON_WEEKS + 1) if world.is_wave(week)][-WAVES:]
    known = _truth(world, waves, histories)
    lots = np.random.default_rng(11).permutation(len(histories)) % WAVES
    frames = []
    for k, week in enumerate(waves):
        t = microseconds(world.moment(week))
        base = base_at(histories, Question(), t)
        base = base[((lots[base] + k) % WAVES < ROWS_A_CUSTOMER) & np.isfinite(known[k][base])]
        facts = read_facts(histories, base, t)
        nothing = np.zeros(len(base))
        frames.append(Frame(facts, known[k][base], nothing, nothing.astype(bool)))
    return joined(frames)


def _truth(world: World, weeks: list[int], histories: Histories) -> list[Floats]:
    """P(churn) of each customer of the histories in each of the weeks; nan where there is no truth."""
    found = [np.full(len(histories), np.nan) for _ in weeks]
    for chunk in range(world.chunks):
        people = draw_population(world, chunk)
        lived = walk(world, people, world.stream(chunk, "walk"), range(world.weeks))
        for known, week in zip(found, weeks, strict=True):
            table = truth_table(world, people, lived.states[week], week)
            nobody = pc.field("offer_id") == ""
            said = table.select(["customer_id", "offer_id", "p_churn_logged"]).filter(nobody)
            place = histories.find(said["customer_id"].to_numpy(zero_copy_only=False))
            known[place[place >= 0]] = said["p_churn_logged"].to_numpy()[place >= 0]
    return found
