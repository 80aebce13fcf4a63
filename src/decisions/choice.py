"""The choice: from scores, offers, policy and prices to one action a customer, with a reason for each offer.

Pure and vectorised: batch calls it with millions of rows, serving with one; equal inputs, equal answers.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.policy import Policy
from models.scorer import Scores
from tables.contract import CONTACT_CHANNELS
from tables.offer import Offer

Floats = npt.NDArray[np.float64]
NOTHING = -1


class Why(IntEnum):
    """Why an offer was chosen or refused; the first that holds."""

    CHOSEN = 0
    OUTRANKED = 1
    NOT_VALID = 2
    CONSENT_UNKNOWN = 3
    NO_CONSENT = 4
    HELD_OUT = 5
    EFFECT_UNKNOWN = 6
    NOT_WORTH_IT = 7
    OVER_BUDGET = 8


WORDS = {
    Why.CHOSEN: ("adds the most", "预期净增益最高"),
    Why.OUTRANKED: ("another offer adds more", "另有优惠净增益更高"),
    Why.NOT_VALID: ("not valid at this moment", "当前不在有效期内"),
    Why.CONSENT_UNKNOWN: ("not known whether the customer consented", "无法确认客户是否同意触达"),
    Why.NO_CONSENT: ("no consent for any of its channels", "客户未同意其任何触达渠道"),
    Why.HELD_OUT: ("the customer is in the holdout", "客户属于对照组"),
    Why.EFFECT_UNKNOWN: ("what it adds is not known from the past", "历史数据无法判断其效果"),
    Why.NOT_WORTH_IT: ("adds less than it costs, or too little", "净增益不足"),
    Why.OVER_BUDGET: ("the budget goes further elsewhere", "预算用于增益更高的客户"),
}


class Choices(NamedTuple):
    """chosen: place of the offer, or NOTHING; shape (customers,). net_value and cost (expected, minor
    units), why (Why) and channel (place in CONTACT_CHANNELS, NOTHING without): shape (customers, offers)."""

    chosen: npt.NDArray[np.int64]
    net_value: Floats
    cost: Floats
    why: npt.NDArray[np.int8]
    channel: npt.NDArray[np.int8]


def choose(
    scores: Scores,
    offers: tuple[Offer, ...],
    consents: Floats,
    held_out: npt.NDArray[np.bool_],
    policy: Policy,
    t: int,
    price: float,
) -> Choices:
    """The offer with the highest expected net value at the budget's shadow price.

    consents: bits in CONTACT_CHANNELS' order, nan where the base does not say; held_out: shape
    (customers,); price: minor units of net value one minor unit of budget is worth (decisions.budget).
    """
    net, cost = value_and_cost(scores, offers)
    channel = _channels(offers, consents)
    valid = np.array([offer.starts_at <= t <= offer.ends_at for offer in offers], dtype=bool)
    unknown = np.isnan(consents) & (policy.unknown_consent == "refuse")
    why = np.full(net.shape, Why.OUTRANKED, np.int8)
    # From the last rule to the first, so that the first that holds is the one that stands.
    why[net <= price * cost] = Why.OVER_BUDGET
    why[net < policy.minimum_net_value] = Why.NOT_WORTH_IT
    why[np.isnan(net)] = Why.EFFECT_UNKNOWN
    why[held_out] = Why.HELD_OUT
    why[channel == NOTHING] = Why.NO_CONSENT
    why[unknown] = Why.CONSENT_UNKNOWN
    why[:, ~valid] = Why.NOT_VALID
    chosen = np.full(len(net), NOTHING, np.int64)
    if offers:
        worth = np.where(why == Why.OUTRANKED, net - price * cost, -np.inf)
        best = worth.argmax(axis=1)
        rows = np.flatnonzero(np.isfinite(worth[np.arange(len(net)), best]))
        chosen[rows] = best[rows]
        why[rows, best[rows]] = Why.CHOSEN
    return Choices(chosen, net, cost, why, channel)


def value_and_cost(scores: Scores, offers: tuple[Offer, ...]) -> tuple[Floats, Floats]:
    """Expected net incremental value and expected cost of each offer; shape (customers, offers)."""
    redemption = np.array([offer.cost for offer in offers], dtype=np.float64)
    contact = np.array([offer.contact_cost for offer in offers], dtype=np.float64)
    cost = scores.response * redemption + contact
    return scores.uplift - cost, cost


def _channels(offers: tuple[Offer, ...], consents: Floats) -> npt.NDArray[np.int8]:
    """The first of each offer's channels the customer agreed to."""
    channel = np.full((len(consents), len(offers)), NOTHING, np.int8)
    bits = np.where(np.isnan(consents), 2.0 ** len(CONTACT_CHANNELS) - 1, consents).astype(np.int64)
    for k, offer in enumerate(offers):
        for name in reversed(offer.channels):
            place = CONTACT_CHANNELS.index(name)
            channel[(bits >> place) & 1 == 1, k] = place
    return channel
