"""What segments are told from: small enough to be put aside, so that they can be told again when the policy's
statistics of the base are frozen."""

from typing import NamedTuple

import numpy as np

from decisions.freezing import inputs
from decisions.frozen import Frozen
from decisions.known import Known, known_of
from decisions.label import Places
from decisions.life_cycle import Int64s, life_cycle
from decisions.policy import Policy
from decisions.segment import Segments, segments
from decisions.stage_walk import NEVER, NO_STATE
from features.reader import FactTable, Readable
from models.scorer import Scores


class Standing(NamedTuple):
    """known: the columns that the policy reads (decisions.freezing.inputs), as far as there are any; stage:
    the place of the life-cycle state, NO_STATE of whom nothing is visible or without a life cycle; since:
    when it was entered, microseconds, NEVER without one. Shape (customers,)."""

    known: Known
    stage: Places
    since: Int64s

    def segments(self, policy: Policy, frozen: Frozen) -> Segments:
        """What the policy makes of these customers."""
        return segments(policy, self.known, frozen, self.stage)

    def take(self, rows: slice) -> "Standing":
        stage = self.stage[rows]
        columns = {name: column[rows] for name, column in self.known.columns.items()}
        return Standing(Known(len(stage), columns), stage, self.since[rows])


def standing_of(
    histories: Readable,
    places: Int64s,
    t: Int64s | int,
    policy: Policy,
    facts: FactTable,
    scores: Scores,
    *,
    also: tuple[str, ...] = (),
) -> Standing:
    """The customers at `places` as of t; facts, scores: theirs, nan outside the models' base; also: further
    facts to keep."""
    known = known_of(facts, (*inputs(policy), *also), churn=scores.churn, value=scores.value)
    if policy.life_cycle is None:
        nobody = np.full(len(places), NO_STATE, np.int8)
        return Standing(known, nobody, np.full(len(places), NEVER))
    stages = life_cycle(histories, places, t, policy.life_cycle)
    return Standing(known, stages.state, stages.since)
