"""What a customer says when asked."""

from typing import Annotated, Any, NamedTuple

import numpy as np

from features.family import Fact, family, inner
from features.window import days_since_row, ratio, within
from tables.contract import Surveys
from tables.history import History

NPS, CSAT = (Surveys.kind.choices.index(kind) + 1 for kind in ("nps", "csat"))


class SurveyFacts(NamedTuple):
    """Answers on the net promoter score (0 to 10) and on satisfaction (1 to 5)."""

    last_nps: Annotated[float, Fact("Last NPS answer", "最近一次NPS评分", "score", summary="the last answer")]
    last_csat: Annotated[
        float, Fact("Last satisfaction answer", "最近一次满意度评分", "score", summary="the last answer")
    ]
    nps_change: Annotated[
        float,
        Fact(
            "Last NPS answer less the one before",
            "最近两次NPS评分之差",
            "score",
            summary="the last two answers",
        ),
    ]
    csat_change: Annotated[
        float,
        Fact(
            "Last satisfaction answer less the one before",
            "最近两次满意度评分之差",
            "score",
            summary="the last two answers",
            since="0.2.0",
        ),
    ]
    mean_nps_364d: Annotated[float, Fact("Mean NPS in the last {days} days", "近{days}天NPS均分", "score")]
    mean_csat_364d: Annotated[
        float, Fact("Mean satisfaction in the last {days} days", "近{days}天满意度均分", "score")
    ]
    surveys_364d: Annotated[
        float, Fact("Surveys answered in the last {days} days", "近{days}天问卷回答次数", "answers")
    ]
    days_since_last_survey: Annotated[
        float, Fact("Days since the last answer", "距上次回答问卷天数", "days", summary="the last answer")
    ]


@inner
def scores(rows: Any, t: int, kind: int) -> Any:
    """Answers of one kind: the last, its change, the mean of the last 364 days, and how many these are."""
    last, before, count, total = np.nan, np.nan, 0, 0.0
    for i in range(len(rows)):
        if rows[i].kind == kind:
            last, before = rows[i].score, last
            if within(t, rows[i].at, 364):
                count += 1
                total += last
    return last, last - before, ratio(total, count), count


@family(SurveyFacts, sources=("surveys",), owner="service", since="0.1.0", sensitivity="sensitive")
def survey(history: History, t: int) -> SurveyFacts:
    rows = history.surveys
    nps, nps_change, mean_nps, nps_answers = scores(rows, t, NPS)
    csat, csat_change, mean_csat, csat_answers = scores(rows, t, CSAT)
    return SurveyFacts(
        last_nps=nps,
        last_csat=csat,
        nps_change=nps_change,
        csat_change=csat_change,
        mean_nps_364d=mean_nps,
        mean_csat_364d=mean_csat,
        surveys_364d=float(nps_answers + csat_answers),
        days_since_last_survey=days_since_row(t, rows, len(rows)),
    )
