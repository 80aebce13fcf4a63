"""The log of contacts as decisions: for each customer picked, which offer or nothing, how likely, what came.

What was picked and held back is the decision "nothing". Its logged propensity is of the pair (this offer,
held back); whichever offer was not sent, the same comes of it, so that nothing's own propensity is the chance
to be held back at all: the share held back in the same week. (Where holdouts were drawn with other chances
for other customers, that is wrong, and their chance should be logged.)
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.order import order
from features.profile import contract
from features.reader import read_facts, visible_rows
from models.contact import EFFECT, EFFECT_DAYS, EFFECT_FACTS, HELD_BACK, redeemed_of
from models.frame import in_base, value_over
from models.learner import fit
from models.off_policy import Log
from models.question import CONTRACT, Question
from tables.code import code, lots_of
from tables.history import Histories
from tables.moment import DAY
from tables.offer import Offer
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
WEEK = 7 * DAY
NOTHING = 0
# The mean effect of an offer leans on that of none, as if so many more contacts had shown none.
PRIOR_CONTACTS = 200
# Where a limit and not the lot decided there is no propensity. Such contacts are left out, whether sent or
# held back, while they are few: what is learnt is not of them.
MOST_WITHOUT = 0.05
EXPECTED_TREES = 80
LEAST_LEAF = 200


@dataclass(frozen=True)
class ContactLog:
    """log: actions are NOTHING and 1 + the place among the offers; the reward is what the customer brought in
    EFFECT_DAYS less what the offer cost, minor units. at: microseconds; week: their weeks, from 0; left_out:
    contacts without a propensity."""

    log: Log
    at: Int64s
    week: Int64s
    left_out: int = 0

    @property
    def customers(self) -> int:
        return len(np.unique(self.log.customer))


def read_contact_log(
    histories: Histories,
    offers: tuple[Offer, ...],
    begin: int,
    end: int,
    question: Question,
    *,
    margin_rate: float,
    most: int,
) -> ContactLog:
    """Contacts of the base in [begin, end] whose effect was over at `end`.

    Raises Refused, saying why, when what offers earn is not identified by them: none, too many without a
    propensity, or nobody held back.
    """
    places, rows = visible_rows(histories, "contacts", end, np.arange(len(histories)))
    known = np.isin(rows["offer_id"], [code(offer.offer_id) for offer in offers])
    inside = (rows["at"] >= begin) & (rows["at"] + EFFECT <= end)
    places, rows = places[inside], rows[inside]
    if not len(rows):
        raise Refused("no contact of this time is known, or its effect is not over")
    if not known[inside].all():
        raise Refused(f"{int((~known[inside]).sum()):,} contacts are of offers that are not known any more")
    by_lot = np.isfinite(rows["propensity"])
    left_out = int((~by_lot).sum())
    if left_out > MOST_WITHOUT * len(rows):
        raise Refused(
            f"{left_out:,} of {len(rows):,} contacts have no logged propensity; at most {MOST_WITHOUT:.0%} "
            "may be left out"
        )
    places, rows = places[by_lot], rows[by_lot]
    lots = lots_of(histories.ids, "contact log")[places]
    chosen = lots < most / len(rows)
    family = contract if question.kind == CONTRACT else order
    chosen &= in_base(read_facts(histories, places, rows["at"] - 1, (family,)), question)
    places, rows = places[chosen], rows[chosen]
    held = rows["kind"] == HELD_BACK
    if not held.any() or held.all():
        raise Refused(
            f"of {len(rows):,} contacts {int(held.sum()):,} were held back: there is nothing to compare"
        )
    week = (rows["at"] - begin) // WEEK
    share = np.bincount(week, held) / np.maximum(np.bincount(week), 1)
    codes = {code(offer.offer_id): 1 + k for k, offer in enumerate(offers)}
    sent = np.array([codes[each] for each in rows["offer_id"].tolist()], dtype=np.int64)
    action = np.where(held, NOTHING, sent)
    prices = np.array([(0, 0), *((offer.contact_cost, offer.cost) for offer in offers)], dtype=np.float64)
    redeemed = redeemed_of(histories, places, rows)
    cost = prices[action, 0] + redeemed * prices[action, 1]
    value = value_over(histories, places, rows["at"] + EFFECT, EFFECT_DAYS, margin_rate)
    propensity = np.where(held, share[week], rows["propensity"])
    log = Log(places, action, propensity, value - cost)
    return ContactLog(log, rows["at"].astype(np.int64), week, left_out)


def expected_rewards(log: Log, values: Floats, actions: int) -> Floats:
    """A model of the reward of every action, for `dr`; shape (decisions, actions).

    values: EFFECT_FACTS, shape (decisions, facts). What customers bring anyway is predicted by a model that
    saw other customers only; what an action adds is its mean in usual orders over the others.
    """
    anyway = fit(
        values,
        log.reward,
        log.customer,
        EFFECT_FACTS,
        "regression",
        trees=EXPECTED_TREES,
        parameters={"min_data_in_leaf": min(LEAST_LEAF, max(20, len(values) // 50))},
    ).out_of_fold
    usual = np.nan_to_num(values[:, EFFECT_FACTS.index("spend_per_order_364d")])
    usual = np.clip(usual, *np.quantile(usual, [0.05, 0.95]))
    own = (log.reward - anyway) * usual
    top, bottom = (np.bincount(log.action, each, actions) for each in (own, usual**2))
    # The row itself is left out of the mean that corrects it.
    expected = np.tile(anyway[:, None], actions)
    prior = PRIOR_CONTACTS * float((usual**2).mean())
    expected += usual[:, None] * (top / (bottom + prior))[None, :]
    rows, a = np.arange(len(own)), log.action
    left_out = (top[a] - own) / (bottom[a] - usual**2 + prior)
    expected[rows, a] = anyway + usual * left_out
    return expected
