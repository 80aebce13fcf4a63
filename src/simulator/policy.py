"""The logging policy: who of the past got which offer, with which probability.

At every wave each customer who has joined and consents to some channel draws one action (offer, sent or
held back): the offer with the probability of the customer's office among the offers valid then, and,
whatever the offer, held back with the world's `holdout`. The logged propensity is that of the pair:

    sent       P(offer | office, wave) * (1 - holdout)
    held_back  P(offer | office, wave) * holdout

So every wave is a randomised trial within each offer (sent against held back at constant odds), and the
propensity of being a control at all is `holdout`. Inverse propensity weights: 1 / propensity for "this
offer was sent"; 1 / holdout for "nothing was sent", whichever offer the held-back row names. The office is
that of the region at joining, or of companies, and offices differ in the customers they have: without
weights, offers are confounded. The channel is a function of the customer's consents and the offer, so it
needs no propensity. Past behaviour plays no part, which keeps the average over later waves exact.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.offer import Offer
from simulator.population import CONSENTS, Floats, Integers
from simulator.world import World

LEAST = 0.04  # probability of every valid offer, whatever the office
SPREAD = 60  # divisible by any number of channels up to six


def offer_probabilities(world: World, week: int) -> Floats:
    """P(offer | office) at a wave, shape (offices, offers); 0 for an offer not valid then."""
    valid = np.array([offer.is_valid(week) for offer in world.offers])
    weight = np.array([offer.weight for offer in world.offers]).T * valid
    share = weight / weight.sum(axis=1, keepdims=True)
    least = min(LEAST, 1.0 / valid.sum())
    probability: Floats = valid * (least + (1 - least * valid.sum()) * share)
    return probability


def contact_channels(
    offers: Sequence[Offer], number: Integers, consent: Integers, offer: Integers, words: Sequence[str]
) -> NDArray[np.int64]:
    """The channel of each contact as a place in `words`, -1 where the customer allows none.

    Customers are spread by their number over the channels that they consent to and the offer has.
    """
    table = np.full((len(CONSENTS), len(offers), SPREAD), -1)
    for row, consents in enumerate(CONSENTS):
        for column, told in enumerate(offers):
            both = [words.index(c) for c in consents.split(",") if c in told.channels]
            if both:
                table[row, column] = np.resize(both, SPREAD)
    return table[consent, offer, number % SPREAD]
