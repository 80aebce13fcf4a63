"""Whether complaints were served in time: an answer within 24 hours, a solution within 72."""

from typing import Annotated, NamedTuple

from features.family import LONGEST, Fact, family
from features.scratch import zeros
from features.service import find_cases
from features.window import first_within, ratio, within
from tables.history import History
from tables.moment import HOUR

ANSWER_DUE = 24 * HOUR
SOLUTION_DUE = 72 * HOUR


class SlaFacts(NamedTuple):
    """Complaints as the family complaint has them; late is what came after its time, or has not come by then.

    These are the hours of who has no others; what a tier is promised is the policy's.
    """

    late_answers_364d: Annotated[
        float,
        Fact(
            "Complaints opened in the last {days} days that had no answer within 24 hours",
            "近{days}天投诉答复超24小时次数",
            "complaints",
        ),
    ]
    late_solutions_364d: Annotated[
        float,
        Fact(
            "Complaints opened in the last {days} days that had no solution within 72 hours",
            "近{days}天投诉解决超72小时次数",
            "complaints",
        ),
    ]
    late_solution_share_728d: Annotated[
        float,
        Fact(
            "Share of complaints of the last {days} days solved after 72 hours or not at all",
            "近{days}天投诉解决超72小时占比",
            "share",
        ),
    ]
    overdue_complaints_728d: Annotated[
        float,
        Fact(
            "Complaints of the last {days} days not solved yet for more than 72 hours",
            "近{days}天超72小时仍未解决的投诉数",
            "complaints",
        ),
    ]


@family(
    SlaFacts,
    sources=("interactions", "interactions.case_id"),
    owner="service",
    since="0.2.0",
    sensitivity="sensitive",
)
def sla(history: History, t: int) -> SlaFacts:
    rows = history.interactions
    rows = rows[first_within(rows, t, LONGEST) :]
    opened, answered, solved = zeros(len(rows) + 1), zeros(len(rows) + 1), zeros(len(rows) + 1)
    count = find_cases(rows, opened, answered, solved)
    late_answers, late_solutions, late, due, overdue = 0, 0, 0, 0, 0
    for case in range(1, count + 1):
        if opened[case] == 0:
            continue
        to_answer = (answered[case] if answered[case] > 0 else t) - opened[case]
        to_solve = (solved[case] if solved[case] > 0 else t) - opened[case]
        is_late = to_solve > SOLUTION_DUE
        late += is_late
        due += is_late or solved[case] > 0
        overdue += is_late and solved[case] == 0
        if within(t, opened[case], 364):
            late_answers += to_answer > ANSWER_DUE
            late_solutions += is_late
    return SlaFacts(float(late_answers), float(late_solutions), ratio(late, due), float(overdue))
