"""The offer's effect: will it be redeemed, and what does contacting add.

Two models over customer facts and offer facts together, so that an offer without history borrows from its
attributes:

- response: the probability that a contacted customer redeems the offer;
- uplift: the value that contacting adds while the offer works, by the R-learner (Nie & Wager 2021): what is
  left of the outcome after the expected outcome is taken away is regressed on what is left of the contact
  after its probability is taken away. It needs customers who were held back; without them no effect is
  identified and no number is given.

Outcomes are measured in the customer's usual order, or the large customers' noise would drown all effects.
"""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.reader import Progress
from models.contact import CONTACT_NAMES, EFFECT_DAYS, EFFECT_FACTS, ContactFrame, build_contact_frame
from models.learner import Fitted, boost, fit
from models.metric import Interval, auc, with_interval
from tables.history import Histories
from tables.moment import DAY
from tables.offer import Offer

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
EFFECT = EFFECT_DAYS * DAY
UPLIFT_NAMES = ("response_probability", *CONTACT_NAMES)
LEAST_CONTACTS = 500
LEAST_REDEMPTIONS = 50
# Effects are small beside the noise: few coarse leaves, many rows in each.
UPLIFT = {
    "num_leaves": 8,
    "max_depth": 4,
    "min_data_in_leaf": 1000,
    "learning_rate": 0.05,
    "lambda_l2": 100.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
}
# Early stopping would read noise here: the number of trees is fixed.
UPLIFT_TREES = 120
RESPONSE_TREES = 120
NUISANCE_TREES = 80
# The usual order of a customer with few orders leans on everybody's.
PRIOR_ORDERS = 3.0


@dataclass(frozen=True)
class OfferModels:
    """What offers do. A model that the past cannot identify is None, and `why_not` says why.

    usual_spend: minor units, what everybody's usual order leans on (usual_order).
    """

    response: lgb.Booster | None
    uplift: lgb.Booster | None
    usual_spend: float
    why_not: str


@dataclass(frozen=True)
class OfferTraining:
    """The models as of the test moment (for judging), as of now (to publish), and the evidence."""

    evaluated: OfferModels
    published: OfferModels
    evaluation: dict[str, Interval]
    contacts: int
    held_back: int


def usual_order(values: Floats, usual_spend: float) -> Floats:
    """A customer's usual spend per order, minor units; values: columns begin as CONTACT_NAMES."""
    spend = np.nan_to_num(values[:, EFFECT_FACTS.index("spend_364d")])
    orders = np.nan_to_num(values[:, EFFECT_FACTS.index("orders_364d")])
    usual = (spend + PRIOR_ORDERS * usual_spend) / (orders + PRIOR_ORDERS)
    return np.asarray(np.clip(usual, usual_spend / 10, usual_spend * 10))


def predict_effect(models: OfferModels, values: Floats) -> tuple[Floats, Floats]:
    """(response probability, value added in minor units); values: CONTACT_NAMES; nan without a model."""
    nothing = np.full(len(values), np.nan)
    if models.response is None:
        return nothing, nothing
    response = np.asarray(models.response.predict(values))
    if models.uplift is None:
        return response, nothing
    share = np.asarray(models.uplift.predict(np.column_stack([response, values])))
    return response, share * usual_order(values, models.usual_spend)


def train_offer_models(
    histories: Histories,
    offers: tuple[Offer, ...],
    test_at: int,
    as_of: int,
    *,
    margin_rate: float,
    progress: Progress | None = None,
) -> OfferTraining:
    """Train on contacts whose effect was over at `test_at`, judge on later ones; then learn from all."""
    now = build_contact_frame(histories, offers, as_of, margin_rate=margin_rate)
    if progress:
        progress(1, 3)
    known = now.rows(now.facts.moments + EFFECT <= test_at)
    later = now.rows(now.facts.moments >= test_at)
    evaluated = _train(known)
    if progress:
        progress(2, 3)
    published = _train(now)
    if progress:
        progress(3, 3)
    return OfferTraining(
        evaluated, published, _evaluate(evaluated, later), len(now), int((~now.contacted).sum())
    )


def _train(frame: ContactFrame) -> OfferModels:
    held_back = int((~frame.contacted).sum())
    redeemed = int(frame.redeemed[frame.contacted].sum())
    if redeemed < LEAST_REDEMPTIONS:
        return OfferModels(
            None,
            None,
            0.0,
            f"{redeemed} of {len(frame)} past contacts were redeemed; {LEAST_REDEMPTIONS} are needed",
        )
    response = fit(
        frame.facts.values,
        frame.redeemed,
        frame.facts.places,
        CONTACT_NAMES,
        "binary",
        learn=frame.contacted,
        trees=RESPONSE_TREES,
    )
    usual_spend = float(np.nanmedian(frame.facts.column("spend_per_order_364d")))
    if min(held_back, len(frame) - held_back) < LEAST_CONTACTS:
        return OfferModels(
            response.booster,
            None,
            usual_spend,
            f"{held_back} customers were held back from a contact; without at least {LEAST_CONTACTS} "
            "the effect of an offer is not identified",
        )
    return OfferModels(response.booster, _fit_uplift(frame, response, usual_spend), usual_spend, "")


def _fit_uplift(frame: ContactFrame, response: Fitted, usual_spend: float) -> lgb.Booster:
    values, places = frame.facts.values, frame.facts.places
    outcome = frame.value / usual_order(values, usual_spend)
    expected = fit(values, outcome, places, CONTACT_NAMES, "regression", trees=NUISANCE_TREES).out_of_fold
    residual = outcome - expected
    edge = np.quantile(np.abs(residual), 0.995)
    left = frame.contacted - _contact_chance(frame)
    return boost(
        np.column_stack([response.out_of_fold, values]),
        np.clip(residual, -edge, edge) / left,
        UPLIFT_NAMES,
        "regression",
        weight=left**2,
        parameters=UPLIFT,
        trees=UPLIFT_TREES,
    )


def _contact_chance(frame: ContactFrame) -> Floats:
    """The chance that a customer picked for an offer was contacted and not held back; shape (contacts,).

    Estimated out of fold from the facts: the log keeps the propensity of what was done only.
    """
    estimated = fit(
        frame.facts.values,
        frame.contacted.astype(np.float64),
        frame.facts.places,
        CONTACT_NAMES,
        "binary",
        trees=30,
        parameters={"num_leaves": 8, "min_data_in_leaf": 500},
    ).out_of_fold
    share = float(frame.contacted.mean())
    return np.clip(estimated, share / 4, 1 - (1 - share) / 4)


def _evaluate(models: OfferModels, later: ContactFrame) -> dict[str, Interval]:
    """On later contacts: is the response ranked, and does contacting add more where more was promised."""
    response, uplift = predict_effect(models, later.facts.values)
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


def _value_added(frame: ContactFrame) -> Interval:
    """Mean value of those contacted less that of those held back, minor units."""

    def effect(contacted: Floats, value: Floats, weight: Floats) -> float:
        sent, held = weight * contacted, weight * (1 - contacted)
        return float((sent * value).sum() / sent.sum() - (held * value).sum() / held.sum())

    return with_interval(effect, frame.contacted.astype(np.float64), frame.value, frame.facts.places)
