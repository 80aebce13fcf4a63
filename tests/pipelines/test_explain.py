"""`holdfast explain`: one customer's reasons and what would have to change, by what is published."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.topic import TOPICS
from pipelines.explain import explain, render
from releases.home import Home
from releases.week import read_week_rows
from tables.refusal import Refused


@pytest.fixture(scope="module")
def home(published: Path) -> Home:
    return Home(published)


@pytest.fixture(scope="module")
def rows(home: Home) -> list[dict[str, Any]]:
    return read_week_rows(home.weeks / home.published().week).to_pylist()  # type: ignore[no-any-return]


def test_it_tells_the_score_and_the_reasons_of_the_week(
    holdfast: Callable[..., Any], published: Path, rows: list[dict[str, Any]]
) -> None:
    row = next(row for row in rows if row["risk_band"] == "high")
    told = holdfast("explain", row["customer_id"], "--home", published)
    assert told["churn_probability"] == row["churn_probability"]
    assert told["risk_band"] == {"en": row["risk_band"], "zh": row["risk_band_zh"]}
    assert [each["en"] for each in told["reasons"]] == row["reasons"]
    assert [each["zh"] for each in told["reasons"]] == row["reasons_zh"]
    effects = {each["topic"]: each["effect"] for each in told["topics"]}
    assert set(effects) == {topic.name for topic in TOPICS}
    for reason in told["reasons"]:
        assert reason["effect"] == effects[reason["topic"]]
        # Whoever serves the customer is also told what is not said aloud.
        assert (reason["en"] != reason["to_service"]["en"]) == (reason["audience"] != "everyone")


def test_it_says_what_would_have_to_change_to_fall_into_the_next_band(
    home: Home, rows: list[dict[str, Any]]
) -> None:
    row = next(row for row in rows if row["risk_band"] == "high")
    told = explain(home, row["customer_id"], None, None)
    change = told["what_would_have_to_change"]
    assert change["below"] == 0.65
    assert all(each["churn_probability"] < 0.65 for each in change["enough"])
    assert bool(change["enough"]) == change["en"].startswith("If the customer")
    assert change["en"] in render(told)
    hopeless = explain(home, row["customer_id"], None, 0.0001)["what_would_have_to_change"]
    assert hopeless["enough"] == []
    assert hopeless["en"].startswith("Nothing that we can move")
    assert hopeless["lowest"]["churn_probability"] <= row["churn_probability"]


def test_of_whom_the_models_do_not_speak_it_says_so(home: Home, rows: list[dict[str, Any]]) -> None:
    row = next(row for row in rows if row["status"] == "lapsed")
    told = explain(home, row["customer_id"], None, None)
    assert told["status"] == "lapsed"
    assert told["churn_probability"] is told["what_would_have_to_change"] is None
    assert told["reasons"] == told["topics"] == []
    assert "do not speak of this customer" in render(told)[0]


def test_a_customer_whom_nobody_knows_is_refused(home: Home) -> None:
    with pytest.raises(Refused, match="'nobody'"):
        explain(home, "nobody", None, None)


def test_a_home_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="holdfast promote"):
        explain(Home(tmp_path / "home"), "c-0000001", None, None)
