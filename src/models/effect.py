"""The offer's effect: will it be taken up, and what does contacting add.

Two models over customer facts and offer facts together, so that an offer without history borrows from its
attributes:

- response: the probability that a contacted customer takes the offer up within the horizon;
- uplift: the value that contacting adds over the horizon, by the R-learner (Nie & Wager 2021): what is left
  of the outcome after the expected outcome is taken away is regressed on what is left of the contact after
  its propensity is taken away. It needs customers that were held back; without them no effect is identified
  and no number is given.
"""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.reader import Progress
from models.contact import ContactFrame, build_contact_frame
from models.learner import fit, refit
from models.metric import Interval, auc, with_interval
from models.question import Question
from tables.history import Histories
from tables.offer import Offer

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
LEAST_CONTACTS = 500
LEAST_RESPONSES = 50
# Effects are small beside the noise: few, coarse leaves, learnt slowly.
UPLIFT = {
    "num_leaves": 8,
    "max_depth": 4,
    "min_data_in_leaf": 1000,
    "learning_rate": 0.03,
    "lambda_l2": 50.0,
}


@dataclass(frozen=True)
class OfferModels:
    """What offers do. A model that the past cannot identify is None, and `why_not` says why."""

    names: tuple[str, ...]
    response: lgb.Booster | None
    uplift: lgb.Booster | None
    why_not: str
    evaluation: dict[str, Interval]
    contacts: int
    held_back: int


def train_offer_models(
    histories: Histories,
    offers: tuple[Offer, ...],
    question: Question,
    test_at: int,
    as_of: int,
    *,
    margin_rate: float,
    progress: Progress | None = None,
) -> tuple[OfferModels, OfferModels]:
    """(evaluated, published): trained on what was known at `test_at` and judged on later contacts; then the
    same recipe on all that is known at `as_of`."""
    everything = build_contact_frame(histories, offers, question, as_of, margin_rate=margin_rate)
    known = build_contact_frame(histories, offers, question, test_at, margin_rate=margin_rate)
    held_back = int((~everything.contacted).sum())
    names = everything.facts.names
    nothing = OfferModels(names, None, None, "", {}, len(everything), held_back)
    if len(known) < LEAST_CONTACTS:
        why = f"only {len(known)} past contacts with a known outcome; at least {LEAST_CONTACTS} are needed"
        missing = OfferModels(names, None, None, why, {}, len(everything), held_back)
        return missing, missing
    later = everything.rows(everything.facts.moments >= test_at - question.horizon)
    evaluated, published = nothing, nothing
    why_not = ""

    response = response_now = uplift = uplift_now = None
    evaluation: dict[str, Interval] = {}
    sent, sent_now = known.rows(known.contacted), everything.rows(everything.contacted)
    if min(sent.responded.sum(), len(sent) - sent.responded.sum()) >= LEAST_RESPONSES:
        fitted = fit(sent.facts.values, sent.responded, sent.facts.places, names, "binary", most_trees=200)
        response = fitted.booster
        response_now = refit(fitted, sent_now.facts.values, sent_now.responded, names, "binary")
        judged = later.rows(later.contacted)
        if 0 < judged.responded.sum() < len(judged):
            predicted = np.asarray(response.predict(judged.facts.values))
            evaluation["response_auc"] = with_interval(auc, predicted, judged.responded, judged.facts.places)
    else:
        why_not = f"fewer than {LEAST_RESPONSES} contacts were taken up (or not taken up)"
    if progress:
        progress(1, 2)
    if (~known.contacted).sum() >= LEAST_CONTACTS and known.contacted.sum() >= LEAST_CONTACTS:
        uplift, uplift_now = _fit_uplift(known, everything)
        evaluation |= _evaluate_uplift(uplift, later)
    else:
        why_not = (
            f"only {int((~known.contacted).sum())} customers were held back from a contact; without at least "
            f"{LEAST_CONTACTS} the effect of an offer is not identified"
        )
    if progress:
        progress(2, 2)
    evaluated = OfferModels(names, response, uplift, why_not, evaluation, len(everything), held_back)
    published = OfferModels(names, response_now, uplift_now, why_not, evaluation, len(everything), held_back)
    return evaluated, published


def _fit_uplift(known: ContactFrame, everything: ContactFrame) -> tuple[lgb.Booster, lgb.Booster]:
    names = known.facts.names
    target, weight = _residuals(known)
    fitted = fit(
        known.facts.values,
        target,
        known.facts.places,
        names,
        "regression",
        weight=weight,
        parameters=UPLIFT,
        most_trees=300,
    )
    target_now, weight_now = _residuals(everything)
    again = refit(
        fitted,
        everything.facts.values,
        target_now,
        names,
        "regression",
        weight=weight_now,
        parameters=UPLIFT,
    )
    return fitted.booster, again


def _residuals(frame: ContactFrame) -> tuple[Floats, Floats]:
    """Target and weight of the R-learner; shape (rows,)."""
    names = frame.facts.names
    values, groups = frame.facts.values, frame.facts.places
    # A few outcomes are huge: the expected one is learnt on all of them, the residual is bounded.
    expected = fit(values, frame.value, groups, names, "regression", most_trees=150).out_of_fold
    chance = contact_chance(frame)
    left = frame.contacted - chance
    residual = frame.value - expected
    edge = np.quantile(np.abs(residual), 0.995)
    residual = np.clip(residual, -edge, edge)
    return residual / left, left**2


def contact_chance(frame: ContactFrame) -> Floats:
    """The chance that a customer chosen for an offer was contacted and not held back; shape (rows,).

    Estimated out of fold from the facts: the log keeps the propensity of what was done only.
    """
    share = frame.contacted.mean()
    estimated = fit(
        frame.facts.values,
        frame.contacted.astype(np.float64),
        frame.facts.places,
        frame.facts.names,
        "binary",
        most_trees=60,
        parameters={"num_leaves": 8, "min_data_in_leaf": 500},
    ).out_of_fold
    return np.clip(estimated, min(0.02, share / 2), 1 - min(0.02, (1 - share) / 2))


def _evaluate_uplift(uplift: lgb.Booster, later: ContactFrame) -> dict[str, Interval]:
    """What contacting added, among those promised more and those promised less, on later contacts."""
    if min(later.contacted.sum(), (~later.contacted).sum()) < LEAST_CONTACTS:
        return {}
    promised = np.asarray(uplift.predict(later.facts.values))
    middle = np.median(promised)

    def added(chosen: Flags) -> Interval:
        def effect(p: Floats, y: Floats, w: Floats) -> float:
            contacted = later.contacted[chosen]
            return float(
                np.average(y[contacted], weights=w[contacted])
                - np.average(y[~contacted], weights=w[~contacted])
            )

        return with_interval(effect, promised[chosen], later.value[chosen], later.facts.places[chosen])

    return {
        "value_added_per_contact": added(np.ones(len(later), dtype=bool)),
        "value_added_upper_half": added(promised > middle),
        "value_added_lower_half": added(promised <= middle),
    }
