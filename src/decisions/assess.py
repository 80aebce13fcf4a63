"""What is known of customers at a moment, before anything is decided: facts, scores, standing; and what is
told of them beside: the outlook and the reasons, which no choice looks at."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from decisions.circumstance import Circumstances, circumstances
from decisions.policy import Policy
from decisions.standing import Standing, standing_of
from features.reader import FactTable, Readable, read_facts
from models.frame import in_base
from models.question import SILENCE, Question
from models.reason import NO_FACT, Words, strongest
from models.scorer import Outlook, Scorer, Scores
from tables.offer import Offer

# Who the models speak of. The others get no score instead of a wrong one.
IN_BASE = "in_base"
LAPSED = "lapsed"
NEVER_BOUGHT = "never_bought"
# Of the question contract: over and not prolonged is lapsed; the others' is not up for a decision.
NOT_DUE = "not_due"
NO_CONTRACT = "no_contract"
STATUSES = (IN_BASE, LAPSED, NEVER_BOUGHT, NOT_DUE, NO_CONTRACT)


class Assessment(NamedTuple):
    """Shape (customers,) throughout; scores are nan outside the base. standing: what the segments are told
    from, which takes the published policy's frozen numbers too (`standing.segments(policy, frozen)`); who:
    what else bears on what they may be offered."""

    facts: FactTable
    status: npt.NDArray[np.object_]
    scores: Scores
    standing: Standing
    who: Circumstances


class Told(NamedTuple):
    """What is told of the customers assessed; shape (customers,), nan (and no word) outside the base."""

    outlook: Outlook
    words: Words


def assess(
    histories: Readable,
    places: npt.NDArray[np.int64],
    t: int,
    scorer: Scorer,
    question: Question,
    offers: tuple[Offer, ...],
    policy: Policy,
) -> Assessment:
    """Read and score the customers at `places` as of t."""
    facts = read_facts(histories, places, t)
    status = status_of(facts, question)
    inside = np.flatnonzero(status == IN_BASE)
    values = facts.values[inside]
    scores = scorer.score(values, facts.names, offers, t)
    everyone = Scores(*(spread(part, inside, len(places), np.nan) for part in scores))
    standing = standing_of(histories, places, t, policy, facts, everyone)
    return Assessment(
        facts=facts,
        status=status,
        scores=everyone,
        standing=standing,
        who=circumstances(histories, places, t, facts, standing, policy),
    )


def tell(assessed: Assessment, scorer: Scorer, t: int) -> Told:
    """The outlook and the reasons of the customers assessed as of t."""
    inside = np.flatnonzero(assessed.status == IN_BASE)
    scores = Scores(*(part[inside] for part in assessed.scores))
    outlook = scorer.outlook(assessed.facts.values[inside], assessed.facts.names, t, scores)
    everyone = Outlook(*(spread(part, inside, len(assessed.status), np.nan) for part in outlook))
    return Told(everyone, words_of(assessed, scorer))


def words_of(assessed: Assessment, scorer: Scorer) -> Words:
    """The reasons alone."""
    facts, customers = assessed.facts, len(assessed.status)
    inside = np.flatnonzero(assessed.status == IN_BASE)
    words = strongest(scorer.contributions(facts.values[inside], facts.names), scorer.names)
    # The models may know the facts in another order than they were read in.
    place = np.array([facts.names.index(name) for name in scorer.names])
    fact = np.where(words.fact == NO_FACT, NO_FACT, place[words.fact])
    return Words(
        fact=spread(fact, inside, customers, NO_FACT),
        effect=spread(words.effect, inside, customers, np.nan),
    )


def status_of(facts: FactTable, question: Question) -> npt.NDArray[np.object_]:
    inside = in_base(facts, question)
    if question.kind == SILENCE:
        rest = np.where(facts.column("orders_ever") > 0, LAPSED, NEVER_BOUGHT)
    else:
        left = facts.column("days_to_contract_end")
        rest = np.where(np.isnan(left), NO_CONTRACT, np.where(left > 0, NOT_DUE, LAPSED))
    return np.where(inside, IN_BASE, rest).astype(object)


def spread(part: npt.NDArray[Any], rows: npt.NDArray[np.int64], total: int, rest: float) -> Any:
    """`part` at `rows` among `total` rows, `rest` elsewhere."""
    whole = np.full((total, *part.shape[1:]), rest, part.dtype)
    whole[rows] = part
    return whole
