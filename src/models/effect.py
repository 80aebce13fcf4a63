"""The offer's effect: will it be redeemed, and what does contacting add.

- response: the probability that a contacted customer redeems the offer, from customer and offer together;
- uplift: the value that contacting adds over the horizon, by the learner (models.uplift_learner) whose
  choices earned most for their cost on held-out time. It needs customers who were held back, and who are like
  those contacted (models.overlap); without them no effect is identified and no number is given.

Both know an offer by its terms, so that an offer without history borrows from its like. Outcomes are measured
in the customer's usual order, or the large customers' noise would drown all effects.
"""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.reader import Progress
from models.contact import (
    CONTACT_NAMES,
    EFFECT,
    EFFECT_FACTS,
    ContactFrame,
    build_contact_frame,
    offer_facts,
    usual_order,
)
from models.metric import Interval, auc, with_interval
from models.offer_judging import judge_learners
from models.offer_past import LEAST_CONTACTS, Past, past_of
from models.overlap import Overlap
from models.trial import Trial
from models.uplift_learner import LEARNERS, EffectModel
from tables.history import Histories
from tables.offer import Offer

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
# Learners are compared on contacts before the test: the later of them judge what the earlier ones taught.
JUDGING_SHARE = 0.35
MOST_COMPARED = 60_000
# Used where held-out time does not surely prefer another: it lost least on the simulated worlds.
PREFERRED = "shared"
COMPARED = ("shared", "s", "t", "r", "dr")
CUSTOMERS_AT_ONCE = 4096


@dataclass(frozen=True)
class OfferModels:
    """What offers do. A model that the past cannot identify is None, and `why_not` says why.

    usual_spend: minor units, what everybody's usual order leans on (usual_order).
    """

    response: lgb.Booster | None
    uplift: EffectModel | None
    usual_spend: float
    why_not: str


@dataclass(frozen=True)
class OfferTraining:
    """The models as of the test moment (for judging), as of now (to publish), and the evidence.

    compared: each learner's cost curve before the test (net value a contact, minor units), and how far it is
    ahead of the preferred one; overlap: of those contacted and those held back.
    """

    evaluated: OfferModels
    published: OfferModels
    evaluation: dict[str, Interval]
    contacts: int
    held_back: int
    learner: str
    compared: dict[str, Interval]
    overlap: Overlap | None


def predict_offers(models: OfferModels, own: Floats, terms: Floats) -> tuple[Floats, Floats]:
    """(response probability, value added in minor units) of every customer with every offer; own:
    EFFECT_FACTS; terms: OFFER_TERMS of each offer; shape (customers, offers), nan without a model."""
    shape = len(own), len(terms)
    response, uplift = np.full(shape, np.nan), np.full(shape, np.nan)
    if models.response is None or 0 in shape:
        return response, uplift
    for start in range(0, len(own), CUSTOMERS_AT_ONCE):
        rows = slice(start, start + CUSTOMERS_AT_ONCE)
        part = own[rows]
        asked = np.empty((len(part), len(terms), len(CONTACT_NAMES)))
        asked[..., : len(EFFECT_FACTS)] = part[:, None]
        asked[..., len(EFFECT_FACTS) :] = offer_facts(part, terms)
        told = np.asarray(models.response.predict(asked.reshape(-1, len(CONTACT_NAMES))))
        response[rows] = told.reshape(len(part), -1)
        if models.uplift is not None:
            usual = usual_order(part, models.usual_spend)
            uplift[rows] = models.uplift.predict(part, terms) * usual[:, None]
    return response, uplift


def train_offer_models(
    histories: Histories,
    offers: tuple[Offer, ...],
    test_at: int,
    as_of: int,
    *,
    margin_rate: float,
    horizon_days: int = 91,
    progress: Progress | None = None,
) -> OfferTraining:
    """Choose the learner and train on contacts whose effect was over at `test_at`, judge on later ones; then
    learn from all."""

    def step(done: int) -> None:
        if progress:
            progress(done, 4)

    now = build_contact_frame(histories, offers, as_of, margin_rate=margin_rate)
    step(1)
    known = now.rows(now.facts.moments + 1 + EFFECT <= test_at)
    later = now.rows(now.facts.moments >= test_at)
    past, usual = past_of(histories, known, test_at, horizon_days, margin_rate)
    learner, compared = PREFERRED, dict[str, Interval]()
    if past.trial is not None:
        learner, compared = _choose(past.trial, known, usual)
    step(2)
    evaluated = _models(past, learner)
    step(3)
    present, _ = past_of(histories, now, as_of, horizon_days, margin_rate)
    published = _models(present, learner)
    step(4)
    return OfferTraining(
        evaluated=evaluated,
        published=published,
        evaluation=_evaluate(evaluated, later),
        contacts=len(now),
        held_back=int((~now.contacted).sum()),
        learner=learner if published.uplift is not None else "",
        compared=compared,
        overlap=present.overlap,
    )


def _models(past: Past, learner: str) -> OfferModels:
    uplift = LEARNERS[learner](past.trial) if past.trial is not None else None
    return OfferModels(past.response, uplift, past.usual_spend, past.why_not)


def _choose(trial: Trial, frame: ContactFrame, usual: Floats) -> tuple[str, dict[str, Interval]]:
    """The learner whose cost curve on the later contacts is surely above the preferred one's, or that one."""
    moments = frame.facts.moments
    cut = np.quantile(moments, 1 - JUDGING_SHARE, method="lower")
    # Every so many-th row: rows stand by customer, so that this is a sample of customers.
    earlier = _thinned(np.flatnonzero(moments + 1 + EFFECT <= cut))
    later = _thinned(np.flatnonzero(moments >= cut))
    for rows in (earlier, later):
        sent = trial.contacted[rows].sum()
        if min(sent, len(rows) - sent) < LEAST_CONTACTS:
            return PREFERRED, {}
    taught = trial.rows(earlier)
    models = {name: LEARNERS[name](taught) for name in COMPARED}
    figures, ahead = judge_learners(
        models, trial.rows(later), frame.picked[later], usual[later], frame.cost[later], PREFERRED
    )
    sure = {name: each for name, each in ahead.items() if each.low > 0}
    chosen = max(sure, key=lambda name: sure[name].value) if sure else PREFERRED
    named = {f"{name}_minus_{PREFERRED}": each for name, each in ahead.items()}
    return chosen, {f"{name}_net_value": each for name, each in figures.items()} | named


def _thinned(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return rows[:: max(1, -(-len(rows) // MOST_COMPARED))]


def _evaluate(models: OfferModels, later: ContactFrame) -> dict[str, Interval]:
    """On later contacts: is the response ranked, and does contacting add more where more was promised."""
    response, uplift = _of_rows(models, later)
    figures: dict[str, Interval] = {}
    sent = later.contacted
    if models.response is not None and 0 < later.redeemed[sent].sum() < sent.sum():
        figures["response_auc"] = with_interval(
            auc, response[sent], later.redeemed[sent], later.facts.places[sent]
        )
    if models.uplift is None or min(sent.sum(), (~sent).sum()) < LEAST_CONTACTS:
        return figures
    middle = np.median(uplift)
    halves = {"all": np.ones(len(later), dtype=bool), "upper_half": uplift > middle}
    for name, chosen in (halves | {"lower_half": uplift <= middle}).items():
        figures[f"value_added_{name}"] = _value_added(later.rows(chosen))
    return figures


def _of_rows(models: OfferModels, frame: ContactFrame) -> tuple[Floats, Floats]:
    """predict_offers of each contact's own offer."""
    response, uplift = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    for place in np.unique(frame.offer):
        rows = np.flatnonzero(frame.offer == place)
        told = predict_offers(models, frame.facts.values[rows], frame.terms[[place]])
        response[rows], uplift[rows] = told[0][:, 0], told[1][:, 0]
    return response, uplift


def _value_added(frame: ContactFrame) -> Interval:
    """Mean value of those contacted less that of those held back, minor units."""

    def effect(contacted: Floats, value: Floats, weight: Floats) -> float:
        sent, held = weight * contacted, weight * (1 - contacted)
        return float((sent * value).sum() / sent.sum() - (held * value).sum() / held.sum())

    return with_interval(effect, frame.contacted.astype(np.float64), frame.value, frame.facts.places)
