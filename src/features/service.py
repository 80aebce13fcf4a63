"""What a customer asks of the service, and how long complaints wait."""

from typing import Annotated, Any, NamedTuple

import numpy as np

from features.family import LONGEST, WINDOWS, Fact, PerLongWindow, PerWindow, family, inner
from features.window import (
    add,
    counts_by_kind,
    days_since,
    first_within,
    last_of_kind,
    numbered,
    per_long_window,
    per_window,
    ratio,
)
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
        float,
        Fact("Days since the last service contact", "距上次联系客服天数", "days", summary="the last contact"),
    ]


class ComplaintFacts(NamedTuple):
    """Complaints of two years by case: opened at its first opening of these, answered and solved at the first
    such event from then.

    An answer is late after 24 hours, given or not; a complaint younger than that and unanswered is neither.
    """

    complaints: Annotated[
        PerWindow, Fact("Complaints opened in the last {days} days", "近{days}天投诉数", "complaints")
    ]
    open_complaints: Annotated[
        float,
        Fact(
            "Complaints of the last {days} days not solved yet",
            "近{days}天未解决投诉数",
            "complaints",
            LONGEST,
        ),
    ]
    days_since_last_complaint: Annotated[
        float,
        Fact(
            "Days since a complaint was last opened, of the last {days} days",
            "距近{days}天内上次投诉天数",
            "days",
            LONGEST,
        ),
    ]
    days_since_oldest_open_complaint: Annotated[
        float,
        Fact(
            "Age of the oldest complaint of the last {days} days not solved yet",
            "近{days}天最早未解决投诉已历天数",
            "days",
            LONGEST,
        ),
    ]
    mean_hours_to_answer: Annotated[
        float,
        Fact(
            "Mean time from complaint to answer in the last {days} days",
            "近{days}天投诉平均答复小时数",
            "hours",
            LONGEST,
        ),
    ]
    mean_hours_to_solve: Annotated[
        float,
        Fact(
            "Mean time from complaint to solution in the last {days} days",
            "近{days}天投诉平均解决小时数",
            "hours",
            LONGEST,
        ),
    ]
    late_answer_share: Annotated[
        float,
        Fact(
            "Share of complaints of the last {days} days answered after 24 hours or not at all",
            "近{days}天投诉答复超24小时占比",
            "share",
            LONGEST,
        ),
    ]


@family(ServiceFacts, sources=("interactions",), owner="service", since="0.1.0", sensitivity="sensitive")
def service(history: History, t: int) -> ServiceFacts:
    rows = history.interactions
    counts = counts_by_kind(rows, t, len(INTERACTION_KINDS))
    return ServiceFacts(
        service_contacts=per_long_window(counts[SERVICE]),
        days_since_last_service_contact=days_since(t, last_of_kind(rows, SERVICE)),
    )


@family(
    ComplaintFacts,
    sources=("interactions", "interactions.case_id"),
    owner="service",
    since="0.1.0",
    sensitivity="sensitive",
)
def complaint(history: History, t: int) -> ComplaintFacts:
    opened, answered, solved = cases(history.interactions, t)
    facts: ComplaintFacts = of_cases(t, opened, answered, solved)
    return facts


@inner
def cases(rows: Any, t: int) -> Any:
    """When the complaints of the last LONGEST days were opened, answered, solved; -1: not. Shape (cases,)."""
    rows = rows[first_within(rows, t, LONGEST) :]
    ids = np.zeros(len(rows), np.int64)
    for i in range(len(rows)):
        if OPENED <= rows[i].kind <= SOLVED:
            ids[i] = rows[i].case_id
    numbers, count = numbered(ids)
    opened = np.full(count, -1, np.int64)
    answered = np.full(count, -1, np.int64)
    solved = np.full(count, -1, np.int64)
    for i in range(len(rows)):
        if numbers[i] >= 0 and rows[i].kind == OPENED and opened[numbers[i]] < 0:
            opened[numbers[i]] = rows[i].at
    for i in range(len(rows)):
        case = numbers[i]
        if case < 0 or opened[case] < 0 or rows[i].at < opened[case]:
            continue
        if rows[i].kind == ANSWERED and answered[case] < 0:
            answered[case] = rows[i].at
        if rows[i].kind == SOLVED and solved[case] < 0:
            solved[case] = rows[i].at
    return opened, answered, solved


@inner
def of_cases(t: int, opened: Any, answered: Any, solved: Any) -> Any:
    """The facts of complaints opened, answered and solved at these moments; -1: not."""
    complaints = np.zeros(len(WINDOWS))
    last, oldest = -1, -1
    unsolved, answers, solutions, late, due = 0, 0, 0, 0, 0
    time_to_answer, time_to_solve = 0, 0
    for case in range(len(opened)):
        opened_at, answered_at, solved_at = opened[case], answered[case], solved[case]
        if opened_at < 0:
            continue
        add(complaints, t, opened_at, 1.0)
        last = max(last, opened_at)
        if answered_at >= 0:
            answers += 1
            time_to_answer += answered_at - opened_at
        waited = (answered_at if answered_at >= 0 else t) - opened_at
        due += answered_at >= 0 or waited > DAY
        late += waited > DAY
        if solved_at >= 0:
            solutions += 1
            time_to_solve += solved_at - opened_at
        else:
            unsolved += 1
            oldest = opened_at if oldest < 0 else min(oldest, opened_at)
    return ComplaintFacts(
        complaints=per_window(complaints),
        open_complaints=float(unsolved),
        days_since_last_complaint=days_since(t, last),
        days_since_oldest_open_complaint=days_since(t, oldest),
        mean_hours_to_answer=ratio(time_to_answer / HOUR, answers),
        mean_hours_to_solve=ratio(time_to_solve / HOUR, solutions),
        late_answer_share=ratio(late, due),
    )
