"""What challenger and champion would choose in the logged contacts, and what each would have earned."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from decisions.choice import NOTHING, Choices, free_market
from decisions.circumstance import Circumstances, circumstances
from decisions.evidence import Earned
from decisions.option import options
from decisions.plan import planned
from decisions.policy import Policy
from decisions.standing import standing_of
from features.reader import Progress, read_facts
from models.contact import EFFECT_FACTS, own_facts
from models.contact_log import ContactLog, expected_rewards, read_contact_log
from models.frame import base_at
from models.metric import Interval
from models.off_policy import Estimate, certain, compare, estimate
from models.question import Question
from models.scorer import Scorer, Scores
from tables.history import Histories
from tables.offer import Offer
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
AT_ONCE = 8_192


def offers_earned(
    histories: Histories,
    challenger: Scorer,
    champion: Scorer | None,
    question: Question,
    offers: tuple[Offer, ...],
    policy: Policy,
    since: int,
    *,
    most: int,
    least_effective: float,
    progress: Progress | None = None,
) -> Earned:
    """By doubly robust estimates on the contacts since `since`, which neither may have learnt from.

    Without a champion the rival contacts nobody. Raises Refused, saying why, where it is not identified.
    """
    if challenger.offer.uplift is None:
        raise Refused(challenger.offer.why_not or "the challenger has no model of what offers add")
    rate = policy.margin_rate
    told = read_contact_log(
        histories, offers, since, histories.last_at, question, margin_rate=rate, most=most
    )
    scorers = [challenger, *([champion] if champion else [])]
    actions, own = _choices(histories, told, scorers, question, offers, policy, progress)
    if champion is None:
        actions.append(np.zeros(len(own), np.int64))
    predicted = expected_rewards(told.log, own, 1 + len(offers))
    ours, theirs = (certain(each, 1 + len(offers)) for each in actions)
    ahead = compare("dr", told.log, ours, theirs, predicted)
    if ahead.effective < least_effective:
        raise Refused(
            f"{len(own):,} contacts of {told.customers:,} customers tell as much as {ahead.effective:,.0f} "
            f"of the policies' own; {least_effective:,.0f} are needed"
        )
    own_values = [estimate("dr", told.log, each, predicted) for each in (ours, theirs)]
    return Earned(
        ours=_interval(own_values[0]),
        theirs=_interval(own_values[1]),
        ahead=_interval(ahead),
        scale=own_values[1].value,
        size=ahead.effective,
    )


def _interval(found: Estimate) -> Interval:
    return Interval(found.value, found.low, found.high)


def _choices(
    histories: Histories,
    told: ContactLog,
    scorers: Sequence[Scorer],
    question: Question,
    offers: tuple[Offer, ...],
    policy: Policy,
    progress: Progress | None,
) -> tuple[list[Int64s], Floats]:
    """What each of the scorers would do in every decision, as the log's actions, and EFFECT_FACTS.

    Everything is read a microsecond before the contact. A week's limits are priced over the week's decisions,
    of which they get the part that these are of the base.
    """
    places, moments = told.log.customer, told.at - 1
    actions = [np.zeros(len(places), np.int64) for _ in scorers]
    own = np.empty((len(places), len(EFFECT_FACTS)))
    done = 0
    for week in np.unique(told.week):
        rows = np.flatnonzero(told.week == week)
        t = int(told.at[rows].max())
        scores: list[list[Scores]] = [[] for _ in scorers]
        whose: list[list[Circumstances]] = [[] for _ in scorers]
        for part in np.array_split(rows, -(-len(rows) // AT_ONCE)):
            facts = read_facts(histories, places[part], moments[part])
            own[part] = own_facts(facts.values, facts.names)
            for k, scorer in enumerate(scorers):
                found = scorer.score(facts.values, facts.names, offers, t)
                where = standing_of(histories, places[part], moments[part], policy, facts, found)
                scores[k].append(found)
                whose[k].append(circumstances(histories, places[part], moments[part], facts, where, policy))
            done += len(part)
            if progress:
                progress(done, len(places))
        share = min(1.0, len(rows) / max(1, len(base_at(histories, question, t))))
        for k, parts in enumerate(scores):
            whole = Scores(*(np.concatenate(each) for each in zip(*parts, strict=True)))
            who = Circumstances(*(np.concatenate(each) for each in zip(*whose[k], strict=True)))
            actions[k][rows] = 1 + choices_at(whole, offers, who, policy, t, share).chosen
    return actions, own


def choices_at(
    scores: Scores, offers: tuple[Offer, ...], who: Circumstances, policy: Policy, t: int, share: float
) -> Choices:
    """What is chosen with nobody held out and no lot, under `share` of every limit. Who must be in a tier to
    get an offer does not get it: its statistics are the week's."""
    fixed = policy.model_copy(update={"exploration": None})
    may = options(scores, offers, who, None, fixed, t)
    market = free_market(fixed, offers)
    market = market._replace(limits=market.limits.scaled(share))
    return planned(may, who.nobody_held_out(), fixed, t, market)[1]


assert NOTHING == -1  # 1 + NOTHING is the log's action "nothing"
