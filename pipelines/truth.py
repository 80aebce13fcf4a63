"""What a simulated world lets one ask: how near the models come to the truth itself."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from decisions.assess import assess
from decisions.choice import NOTHING, choose, free_market
from decisions.policy import Policy
from models.churn import CustomerModels
from models.effect import OfferModels
from models.metric import auc
from models.question import SILENCE, Question
from releases.home import Home
from tables.history import Histories
from tables.moment import local_day
from tables.offer import Offer

Floats = npt.NDArray[np.float64]


def compare_with_truth(
    home: Home,
    histories: Histories,
    customer: CustomerModels,
    offer: OfferModels,
    t: int,
    offers: tuple[Offer, ...],
    question: Question,
    policy: Policy,
) -> dict[str, float]:
    """Figures against the truth at the held-out moment t, or {} where the base has no truth for it.

    The models have seen nothing after t. Net value is what contacting adds over not contacting, summed over
    the customers of the test; the oracle knows every customer's hidden state and tastes.
    """
    path = home.current_incoming() / "truth" / f"{local_day(t, histories.time_zone)}.parquet"
    if not path.exists() or (question.kind, question.horizon_days) != (SILENCE, 91):
        return {}
    truth = pq.read_table(path)
    latest = customer.test.facts.moments == t
    places = customer.test.facts.places[latest]
    result = _churn(truth, histories, places, customer, latest)
    if offer.uplift is not None and offer.response is not None:
        result |= _offers(truth, histories, places, customer, offer, t, offers, question, policy)
    return result


def _churn(
    truth: Any, histories: Histories, places: Any, customer: CustomerModels, latest: Any
) -> dict[str, float]:
    known = _by_customer(truth, histories, places, "p_churn_logged", [""])[:, 0]
    happened, ones = customer.test.churned[latest], np.ones(len(places))
    ours = customer.predictions["model"][latest]
    there = np.isfinite(known)
    return {
        "auc_of_the_model": auc(ours[there], happened[there], ones[there]),
        "auc_of_recency_alone": auc(
            customer.predictions["recency"][latest][there], happened[there], ones[there]
        ),
        "auc_of_the_truths_own_probabilities": auc(known[there], happened[there], ones[there]),
        "correlation_with_the_truths_probabilities": float(np.corrcoef(ours[there], known[there])[0, 1]),
    }


def _offers(
    truth: Any,
    histories: Histories,
    places: Any,
    customer: CustomerModels,
    offer: OfferModels,
    t: int,
    offers: tuple[Offer, ...],
    question: Question,
    policy: Policy,
) -> dict[str, float]:
    ids = ["", *(each.offer_id for each in offers)]
    net = _by_customer(truth, histories, places, "expected_net_value", ids)
    added = net[:, 1:] - net[:, :1]
    scorer = customer.judged_scorer(offer)
    told = assess(histories, places, t, scorer, question, offers, policy)
    # Without limits and lots: what the models know, and nothing else, is held against the truth.
    free, who = policy.model_copy(update={"exploration": None}), told.who.nobody_held_out()
    choices = choose(told.scores, offers, who, None, free, t, free_market(free, offers))
    allowed = np.where(choices.channel != NOTHING, added, np.nan)
    rows = np.arange(len(places))
    ours = np.where(choices.chosen != NOTHING, allowed[rows, choices.chosen], 0.0)
    oracle = np.nanmax(np.column_stack([allowed, np.zeros(len(places))]), axis=1)
    # The best single offer for everyone, as known to the truth: what a campaign without models could do.
    blanket = max(np.nansum(allowed[:, k]) for k in range(len(offers)))
    riskiest = np.argsort(-customer.predictions["model"][customer.test.facts.moments == t])
    contacted = riskiest[: int((choices.chosen != NOTHING).sum())]
    best_blanket = int(np.argmax([np.nansum(allowed[:, k]) for k in range(len(offers))]))
    return {
        "net_value_of_the_oracle": float(np.nansum(oracle)),
        "net_value_of_the_chosen_offers": float(np.nansum(ours)),
        "share_of_the_oracles_net_value": float(np.nansum(ours) / np.nansum(oracle)),
        "net_value_of_the_best_single_offer_for_all": float(blanket),
        "net_value_of_that_offer_for_the_riskiest": float(np.nansum(allowed[contacted, best_blanket])),
        "customers_given_an_offer": float((choices.chosen != NOTHING).mean()),
    }


def _by_customer(truth: Any, histories: Histories, places: Any, column: str, offer_ids: list[str]) -> Floats:
    """A column of the truth for the customers at `places`, shape (customers, offers); nan where unknown."""
    customers = truth["customer_id"].to_numpy(zero_copy_only=False)
    place = histories.find(customers)
    offer = truth["offer_id"].to_numpy(zero_copy_only=False)
    values = truth[column].to_numpy()
    table = np.full((len(histories) + 1, len(offer_ids)), np.nan)
    for k, offer_id in enumerate(offer_ids):
        mine = (offer == offer_id) & (place >= 0)
        table[place[mine], k] = values[mine]
    return np.asarray(table[places])
