"""What is known of customers at a moment, before anything is decided: facts, scores, reasons, consent."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.holdout import is_held_out
from decisions.policy import Policy
from features.consent import consent
from features.reader import FactTable, read_facts
from models.question import Question
from models.reason import NO_FACT, Words, strongest
from models.scorer import Scorer, Scores
from tables.history import Histories
from tables.offer import Offer

# Who the models speak of. The others get no score instead of a wrong one.
IN_BASE = "in_base"
LAPSED = "lapsed"
NEVER_BOUGHT = "never_bought"


class Assessment(NamedTuple):
    """Shape (customers,) throughout; scores and words are nan (and no word) outside the base."""

    facts: FactTable
    status: npt.NDArray[np.object_]
    scores: Scores
    words: Words
    consents: npt.NDArray[np.float64]
    held_out: npt.NDArray[np.bool_]


def assess(
    histories: Histories,
    places: npt.NDArray[np.int64],
    t: int,
    scorer: Scorer,
    question: Question,
    offers: tuple[Offer, ...],
    policy: Policy,
) -> Assessment:
    """Read, score and explain the customers at `places` as of t."""
    facts = read_facts(histories, places, t)
    status = status_of(facts, question)
    inside = np.flatnonzero(status == IN_BASE)
    values = facts.values[inside]
    scores = scorer.score(values, facts.names, offers, t)
    named = scores._asdict().items()
    # The models may know the facts in another order than they were read in.
    place = np.array([facts.names.index(name) for name in scorer.names])
    words = strongest(scorer.contributions(values, facts.names), scorer.names)
    fact = np.where(words.fact == NO_FACT, NO_FACT, place[words.fact])
    return Assessment(
        facts=facts,
        status=status,
        scores=Scores(**{name: _spread(part, inside, len(places), np.nan) for name, part in named}),
        words=Words(
            fact=_spread(fact, inside, len(places), NO_FACT),
            effect=_spread(words.effect, inside, len(places), np.nan),
        ),
        consents=read_facts(histories, places, t, (consent,)).values[:, 0],
        held_out=is_held_out(histories.ids[places], policy.holdout.share, policy.holdout.salt),
    )


def status_of(facts: FactTable, question: Question) -> npt.NDArray[np.object_]:
    bought = facts.column("orders_ever") > 0
    recently = facts.column(f"orders_{question.base_days}d") > 0
    return np.where(recently, IN_BASE, np.where(bought, LAPSED, NEVER_BOUGHT)).astype(object)


def _spread(part: npt.NDArray[Any], rows: npt.NDArray[np.int64], total: int, rest: float) -> Any:
    """`part` at `rows` among `total` rows, `rest` elsewhere."""
    whole = np.full((total, *part.shape[1:]), rest, part.dtype)
    whole[rows] = part
    return whole
