"""What a customer asks of the service, and how long complaints wait."""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import WINDOWS, Fact, PerLongWindow, PerWindow, family
from features.window import add, counts_by_kind, days_since, last_of_kind, per_long_window, per_window, ratio
from tables.contract import INTERACTION_KINDS
from tables.history import History
from tables.moment import DAY, HOUR

SERVICE, OPENED, ANSWERED, SOLVED = (
    INTERACTION_KINDS.index(kind) + 1
    for kind in ("service_contact", "complaint_opened", "complaint_answered", "complaint_solved")
)


class ServiceFacts(NamedTuple):
    """Contacts with the service that are no complaints."""

    service_contacts: Annotated[
        PerLongWindow, Fact("Service contacts in the last {days} days", "近{days}天客服联系次数", "contacts")
    ]
    days_since_last_service_contact: Annotated[
        float, Fact("Days since the last service contact", "距上次联系客服天数", "days")
    ]


class ComplaintFacts(NamedTuple):
    """Complaints by case: opened at its first opening, answered and solved at the first such event from then.

    An answer is late after 24 hours, given or not; a complaint younger than that and unanswered is neither.
    """

    complaints: Annotated[
        PerWindow, Fact("Complaints opened in the last {days} days", "近{days}天投诉数", "complaints")
    ]
    open_complaints: Annotated[float, Fact("Complaints not solved yet", "未解决投诉数", "complaints")]
    days_since_last_complaint: Annotated[
        float, Fact("Days since a complaint was last opened", "距上次投诉天数", "days")
    ]
    days_since_oldest_open_complaint: Annotated[
        float, Fact("Age of the oldest complaint not solved yet", "最早未解决投诉已历天数", "days")
    ]
    mean_hours_to_answer: Annotated[
        float, Fact("Mean time from complaint to answer", "投诉平均答复小时数", "hours")
    ]
    mean_hours_to_solve: Annotated[
        float, Fact("Mean time from complaint to solution", "投诉平均解决小时数", "hours")
    ]
    late_answer_share: Annotated[
        float,
        Fact("Share of complaints answered after 24 hours or not at all", "投诉答复超24小时占比", "share"),
    ]


@family(ServiceFacts, sources=("interactions",))
def service(history: History, t: int) -> ServiceFacts:
    rows = history.interactions
    counts = counts_by_kind(rows, t, len(INTERACTION_KINDS))
    return ServiceFacts(
        service_contacts=per_long_window(counts[SERVICE]),
        days_since_last_service_contact=days_since(t, last_of_kind(rows, SERVICE)),
    )


@family(ComplaintFacts, sources=("interactions", "interactions.case_id"))
def complaint(history: History, t: int) -> ComplaintFacts:
    rows = history.interactions
    complaints = np.zeros(len(WINDOWS))
    unsolved, answered, solved, late, due = 0, 0, 0, 0, 0
    last, oldest = -1, -1
    time_to_answer, time_to_solve = 0, 0
    cases = np.zeros(len(rows), np.int64)
    for i in range(len(rows)):
        if OPENED <= rows[i].kind <= SOLVED:
            cases[i] = rows[i].case_id
    by_case = np.argsort(cases, kind="mergesort")  # stable: each case stays in time order
    k = 0
    while k < len(by_case):
        case = cases[by_case[k]]
        opened_at, answered_at, solved_at = -1, -1, -1
        begin = k
        while k < len(by_case) and cases[by_case[k]] == case:
            if rows[by_case[k]].kind == OPENED and opened_at < 0:
                opened_at = rows[by_case[k]].at
            k += 1
        if opened_at < 0 or case == 0:
            continue
        for j in range(begin, k):
            row = rows[by_case[j]]
            if row.kind == ANSWERED and row.at >= opened_at and answered_at < 0:
                answered_at = row.at
            if row.kind == SOLVED and row.at >= opened_at and solved_at < 0:
                solved_at = row.at
        add(complaints, t, opened_at, 1.0)
        last = max(last, opened_at)
        if answered_at >= 0:
            answered += 1
            time_to_answer += answered_at - opened_at
        waited = (answered_at if answered_at >= 0 else t) - opened_at
        due += answered_at >= 0 or waited > DAY
        late += waited > DAY
        if solved_at >= 0:
            solved += 1
            time_to_solve += solved_at - opened_at
        else:
            unsolved += 1
            oldest = opened_at if oldest < 0 else min(oldest, opened_at)
    return ComplaintFacts(
        complaints=per_window(complaints),
        open_complaints=float(unsolved),
        days_since_last_complaint=days_since(t, last),
        days_since_oldest_open_complaint=days_since(t, oldest),
        mean_hours_to_answer=ratio(time_to_answer / HOUR, answered),
        mean_hours_to_solve=ratio(time_to_solve / HOUR, solved),
        late_answer_share=ratio(late, due),
    )
