"""What a customer says when asked."""

from typing import Annotated, NamedTuple

import numpy as np

from features.family import Fact, family
from features.window import days_since, ratio, within
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


@family(SurveyFacts, sources=("surveys",), owner="service", since="0.1.0", sensitivity="sensitive")
def survey(history: History, t: int) -> SurveyFacts:
    last = np.full(CSAT + 1, np.nan)
    before = np.full(CSAT + 1, np.nan)
    counts, sums = np.zeros(CSAT + 1), np.zeros(CSAT + 1)
    last_at = -1
    rows = history.surveys
    for i in range(len(rows)):
        kind = rows[i].kind
        before[kind] = last[kind]
        last[kind] = rows[i].score
        last_at = rows[i].at
        if within(t, last_at, 364):
            counts[kind] += 1
            sums[kind] += rows[i].score
    return SurveyFacts(
        last_nps=last[NPS],
        last_csat=last[CSAT],
        nps_change=last[NPS] - before[NPS],
        csat_change=last[CSAT] - before[CSAT],
        mean_nps_364d=ratio(sums[NPS], counts[NPS]),
        mean_csat_364d=ratio(sums[CSAT], counts[CSAT]),
        surveys_364d=counts[NPS] + counts[CSAT],
        days_since_last_survey=days_since(t, last_at),
    )
