"""What a customer asks of the service, and how long complaints wait."""

from typing import Annotated, Any, NamedTuple

from features.family import LONGEST, Fact, PerLongWindow, PerWindow, family, inner
from features.number import number
from features.scratch import zeros
from features.window import (
    CLASSES,
    age_at,
    days_since,
    days_since_row,
    first_within,
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
    contacts, last = zeros(CLASSES), 0
    for i in range(len(rows)):
        if rows[i].kind == SERVICE:
            contacts[rows[i].age] += 1
            last = i + 1
    return ServiceFacts(
        service_contacts=per_long_window(contacts),
        days_since_last_service_contact=days_since_row(t, rows, last),
    )


@family(
    ComplaintFacts,
    sources=("interactions", "interactions.case_id"),
    owner="service",
    since="0.1.0",
    sensitivity="sensitive",
)
def complaint(history: History, t: int) -> ComplaintFacts:
    rows = history.interactions
    rows = rows[first_within(rows, t, LONGEST) :]
    opened, answered, solved = zeros(len(rows) + 1), zeros(len(rows) + 1), zeros(len(rows) + 1)
    count = find_cases(rows, opened, answered, solved)
    facts: ComplaintFacts = of_cases(t, opened, answered, solved, count)
    return facts


@inner
def find_cases(rows: Any, opened: Any, answered: Any, solved: Any) -> int:
    """When the complaints among these rows were opened, answered, solved (0: not), by their numbers from 1
    on; returns how many numbers there are, some of which may have no opening."""
    ids, found = zeros(len(rows)), 0
    for i in range(len(rows)):
        if OPENED <= rows[i].kind <= SOLVED:
            ids[i] = rows[i].case_id
            found += 1
    if found == 0:
        return 0
    cases = zeros(len(rows))
    count: int = number(ids, cases)
    for i in range(len(rows)):
        if rows[i].kind == OPENED and opened[cases[i]] == 0:
            opened[cases[i]] = rows[i].at
    for i in range(len(rows)):
        case = cases[i]
        if case == 0 or opened[case] == 0 or rows[i].at < opened[case]:
            continue
        if rows[i].kind == ANSWERED and answered[case] == 0:
            answered[case] = rows[i].at
        if rows[i].kind == SOLVED and solved[case] == 0:
            solved[case] = rows[i].at
    return count


@inner
def of_cases(t: int, opened: Any, answered: Any, solved: Any, count: int) -> Any:
    """The facts of complaints 1 to `count`, opened, answered and solved at these moments; 0: not."""
    complaints = zeros(CLASSES)
    last, oldest = -1, -1
    unsolved, answers, solutions, late, due = 0, 0, 0, 0, 0
    time_to_answer, time_to_solve = 0, 0
    for case in range(1, count + 1):
        opened_at, answered_at, solved_at = opened[case], answered[case], solved[case]
        if opened_at == 0:
            continue
        complaints[age_at(t, opened_at)] += 1
        last = max(last, opened_at)
        if answered_at > 0:
            answers += 1
            time_to_answer += answered_at - opened_at
        waited = (answered_at if answered_at > 0 else t) - opened_at
        due += answered_at > 0 or waited > DAY
        late += waited > DAY
        if solved_at > 0:
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
