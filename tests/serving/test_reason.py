"""Reasons beside a decision: the week's, or computed; and never the week's where more is known since."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from releases.home import Home
from releases.week_reason import week_reasons
from serving.assessment import assess_at
from serving.question import Reasons
from serving.reason import reasons_beside
from serving.served import Served
from tables.moment import DAY, from_micros

OFFER = "/v1/next-best-offer"
CUSTOMERS = 120


@pytest.fixture(scope="module")
def rows(week: pa.Table) -> list[dict[str, Any]]:
    rows = week.to_pylist()[:: max(1, len(week) // CUSTOMERS)][:CUSTOMERS]
    assert any(row["reasons"] for row in rows)
    assert any(row["reasons"] is None for row in rows)
    return rows


def beside(served: Served, ids: list[str], t: int, wanted: Reasons) -> list[Any]:
    _, seen, assessed = assess_at(served, ids, from_micros(t), ())
    return reasons_beside(served, assessed, seen, t, [wanted] * len(ids))


@pytest.mark.parametrize("wanted", ["stored", "now"])
def test_at_the_weeks_moment_they_are_the_weeks(
    client: httpx.Client, rows: list[dict[str, Any]], wanted: str
) -> None:
    asked = {"customer_ids": [row["customer_id"] for row in rows], "reasons": wanted}
    asked["as_of"] = rows[0]["moment"].isoformat()
    answer = client.post(OFFER, json=asked).json()
    for each, row in zip(answer["customers"], rows, strict=True):
        said = each["reasons"]["said"]
        assert [one["en"] for one in said] == (row["reasons"] or [])
        assert [one["zh"] for one in said] == (row["reasons_zh"] or [])
        assert each["reasons"]["moment"] == answer["moment"]


def test_nobody_gets_reasons_who_did_not_ask(client: httpx.Client, rows: list[dict[str, Any]]) -> None:
    asked = {"customer_ids": [row["customer_id"] for row in rows]}
    for more in ({}, {"reasons": "none"}):
        answer = client.post(OFFER, json=asked | more).json()
        assert [each["reasons"] for each in answer["customers"]] == [None] * len(rows)


@pytest.mark.parametrize("wrong", ["all", "", None, 1, True, ["now"], "Now"])
def test_another_word_is_refused(client: httpx.Client, wrong: Any) -> None:
    response = client.post(OFFER, json={"customer_ids": ["c-0000001"], "reasons": wrong})
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert (error["field"], error["expected"]) == ("reasons", "one of none, stored and now")


def test_later_the_weeks_are_said_with_its_moment_while_nothing_more_is_known(
    served: Served, rows: list[dict[str, Any]]
) -> None:
    ids, moment = [row["customer_id"] for row in rows], served.week.moment
    assert served.histories.last_at <= moment
    stored = beside(served, ids, moment + 3 * DAY, "stored")
    assert stored == beside(served, ids, moment, "stored")
    now = beside(served, ids, moment + 3 * DAY, "now")
    assert {each.moment for each in stored} == {from_micros(moment)}
    assert {each.moment for each in now} == {from_micros(moment + 3 * DAY)}
    assert [each.said for each in now] != [each.said for each in stored]


def test_where_more_is_known_since_they_are_computed(served: Served, rows: list[dict[str, Any]]) -> None:
    ids, moment = [row["customer_id"] for row in rows], served.week.moment
    earlier = replace(served, week=replace(served.week, moment=moment - 20 * DAY))
    stored = beside(earlier, ids, moment, "stored")
    assert stored == beside(served, ids, moment, "now")


def test_before_the_week_they_are_computed(served: Served, rows: list[dict[str, Any]]) -> None:
    ids, t = [row["customer_id"] for row in rows], served.week.moment - 40 * DAY
    assert beside(served, ids, t, "stored") == beside(served, ids, t, "now")


def test_everybodys_reasons_are_read_from_the_week(published: Path, week: pa.Table) -> None:
    home = Home(published)
    found = week_reasons(home.weeks / home.published().week)
    told = [found.said(place) for place in range(len(week))]
    for name, which in (("reasons", 0), ("reasons_zh", 1)):
        assert [[each[which] for each in said] for said in told] == [
            each or [] for each in week[name].to_pylist()
        ]
    assert len(found.sentences[0]) == len(np.unique(found.sentences[0].to_numpy(zero_copy_only=False)))
    assert len(found.sentences[0]) < found.begins[-1]
