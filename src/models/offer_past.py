"""What the past can teach of offers: who takes them up, and, where it randomised, what contacting adds."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.reader import read_facts
from models.contact import (
    CONTACT_NAMES,
    EFFECT_FACTS,
    OFFER_TERMS,
    ContactFrame,
    own_facts,
    usual_order,
)
from models.learner import boost
from models.overlap import Overlap, overlap_of
from models.projection import projected_value
from models.trial import Trial
from tables.history import Histories
from tables.moment import DAY

Floats = npt.NDArray[np.float64]
LEAST_CONTACTS = 500
LEAST_REDEMPTIONS = 50
RESPONSE_TREES = 60
RESPONSE = {"num_leaves": 12, "max_depth": 5, "learning_rate": 0.15, "feature_fraction": 0.5}
# Enough to see whether two groups are alike.
MOST_BESIDE = 20_000


@dataclass(frozen=True)
class Past:
    """What the past can teach of offers. usual_spend: minor units; trial: None where it cannot teach what
    contacting adds, and `why_not` says why; overlap: of those contacted and those they are held against."""

    response: lgb.Booster | None
    usual_spend: float
    trial: Trial | None
    overlap: Overlap | None
    why_not: str


def past_of(
    histories: Histories, frame: ContactFrame, as_of: int, horizon_days: int, margin_rate: float
) -> tuple[Past, Floats]:
    """The response model and the trial that the effect is learnt from, as of a moment, and each contact's
    usual order (minor units)."""
    own, places = frame.facts.values, frame.facts.places
    sent = frame.contacted
    redeemed = int(frame.redeemed[sent].sum())
    if redeemed < LEAST_REDEMPTIONS:
        why = f"{redeemed} of {len(frame)} past contacts were redeemed; {LEAST_REDEMPTIONS} are needed"
        return Past(None, 0.0, None, None, why), np.ones(len(frame))
    response = boost(
        frame.pairs()[sent], frame.redeemed[sent], CONTACT_NAMES, "binary",
        trees=RESPONSE_TREES, parameters=RESPONSE,
    )  # fmt: skip
    usual_spend = float(np.nanmedian(frame.facts.column("spend_per_order_364d")))
    usual = usual_order(own, usual_spend)
    held_back = int((~sent).sum())
    if min(held_back, len(frame) - held_back) < LEAST_CONTACTS:
        why = (
            f"{held_back} customers were held back from a contact; without at least {LEAST_CONTACTS} "
            "the effect of an offer is not identified"
        )
        overlap = overlap_with_others(histories, frame)
        if overlap is not None:
            why += f". Those contacted beside those who were not: {overlap}"
        return Past(response, usual_spend, None, overlap, why), usual
    overlap, chance = overlap_of(own, sent.astype(np.float64), places, EFFECT_FACTS)
    if not overlap.is_enough:
        why = f"the effect of an offer is not identified: {overlap}"
        return Past(response, usual_spend, None, overlap, why), usual
    share = float(sent.mean())
    trial = Trial(
        facts=own,
        offer=frame.offer,
        terms=frame.terms,
        contacted=sent.astype(np.float64),
        outcome=projected_value(histories, frame, usual, as_of, horizon_days, margin_rate),
        chance=np.clip(chance, share / 4, 1 - (1 - share) / 4),
        groups=places,
        periods=frame.facts.moments // (7 * DAY),
        names=EFFECT_FACTS,
        offer_names=OFFER_TERMS,
    )
    return Past(response, usual_spend, trial, overlap, ""), usual


def overlap_with_others(histories: Histories, frame: ContactFrame) -> Overlap | None:
    """How far those contacted can be compared with customers who bought before and got nothing then; None
    without contacts. Good overlap does not make a past without lots a trial: it is told, not used."""
    sent = np.flatnonzero(frame.contacted)
    if len(sent) == 0:
        return None
    random = np.random.default_rng(5)
    sent = np.sort(random.permutation(sent)[:MOST_BESIDE])
    moments = frame.facts.moments[sent]
    places = random.integers(len(histories), size=len(sent))
    told = read_facts(histories, places, moments)
    # A day is what campaigns are dated by.
    busy = np.isin(_day_of(places, moments), _day_of(frame.facts.places, frame.facts.moments))
    beside = (told.column("orders_ever") > 0) & ~busy
    own = own_facts(told.values, told.names)
    contacted = np.r_[np.ones(len(sent)), np.zeros(beside.sum())]
    values = np.concatenate([frame.facts.values[sent], own[beside]])
    groups = np.r_[frame.facts.places[sent], places[beside]]
    return overlap_of(values, contacted, groups, EFFECT_FACTS)[0]


def _day_of(places: npt.NDArray[np.int64], moments: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.asarray(places * 100_000 + (moments + 1) // DAY)
