"""A decision that was made, as the log has it."""

import uuid
from contextlib import closing

from decisions.why import Why
from releases.customer_key import CustomerKeys
from releases.decision import Decision, decided_at
from releases.decision_archive import find
from releases.decision_record import decision_of
from releases.home import Home
from serving import answer
from serving.assessment import number_of
from serving.decision import RULES
from serving.problem import Kind, Problem
from tables.moment import from_micros
from tables.refusal import Refused


def recalled(home: Home, decision_id: str) -> answer.DecisionAnswer:
    """Raises Problem for one that is not in the log, or whose customer was erased."""
    try:
        name = str(uuid.UUID(decision_id))
        found = find(home, name)
        with closing(CustomerKeys(home.decisions, home.key())) as keys:
            return _told(decision_of(found.body, keys))
    except (Refused, ValueError) as error:
        detail = f"{decision_id[:60]!r}: no decision that can be told; it was not made here, or was erased"
        raise Problem(Kind.UNKNOWN_DECISION, detail) from error


def _told(decision: Decision) -> answer.DecisionAnswer:
    setting, scores = decision.setting, decision.scores
    return answer.DecisionAnswer(
        decision_id=decision.decision_id,
        decided_at=from_micros(decided_at(decision.decision_id)),
        bundle=setting.bundle,
        policy=setting.policy,
        week=setting.week,
        moment=from_micros(setting.moment),
        events=setting.events,
        customer_id=decision.customer_id,
        status=decision.status,
        held_out=decision.held_out,
        churn_probability=number_of(scores["churn"][0]),
        expected_value=number_of(scores["value"][0]),
        chosen=decision.chosen or None,
        propensity=number_of(decision.propensity),
        offers=[
            answer.Considered(
                offer_id=each.offer,
                channel=each.channel or None,
                why=RULES[Why[each.why.upper()].value],
                expected_net_value=number_of(each.net_value),
                expected_cost=number_of(each.cost),
            )
            for each in decision.considered
        ],
    )
