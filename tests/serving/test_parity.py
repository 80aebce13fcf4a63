"""What the service answers is what the week published, to the bit."""

from datetime import datetime
from typing import Any

import httpx
import pyarrow as pa
import pytest

CUSTOMERS = 200


@pytest.fixture(scope="session")
def rows(week: pa.Table) -> dict[str, dict[str, Any]]:
    """Customers from all over the week, so that every status is among them."""
    every = week.to_pylist()[:: max(1, len(week) // CUSTOMERS)][:CUSTOMERS]
    assert {row["status"] for row in every} == {"in_base", "lapsed", "never_bought"}
    return {row["customer_id"]: row for row in every}


def test_scores_and_reasons_equal_the_week(client: httpx.Client, rows: dict[str, Any]) -> None:
    answer = client.post("/v1/score", json={"customer_ids": list(rows), "as_of": "week"}).json()
    assert [each["customer_id"] for each in answer["customers"]] == list(rows)
    for each in answer["customers"]:
        _assert_score_equals(each, rows[each["customer_id"]])


def test_one_at_a_time_equals_the_week(client: httpx.Client, rows: dict[str, Any]) -> None:
    for customer, row in list(rows.items())[:50]:
        (each,) = client.post("/v1/score", json={"customer_ids": [customer], "as_of": "week"}).json()[
            "customers"
        ]
        _assert_score_equals(each, row)


def test_a_customer_carries_the_score_of_the_week(client: httpx.Client, rows: dict[str, Any]) -> None:
    for customer, row in list(rows.items())[:20]:
        answer = client.get(f"/v1/customers/{customer}", params={"as_of": "week"}).json()
        _assert_score_equals(answer, row)
        _assert_segments_equal(answer["segments"], row)


def test_choices_equal_the_week(client: httpx.Client, rows: dict[str, Any]) -> None:
    answer = client.post("/v1/next-best-offer", json={"customer_ids": list(rows), "as_of": "week"}).json()
    assert any(each["chosen"] for each in answer["customers"])
    for each in answer["customers"]:
        row = rows[each["customer_id"]]
        assert each["status"] == row["status"]
        assert each["held_out"] == row["held_out"]
        _assert_segments_equal(each["segments"], row)
        assert (each["chosen"] or {}).get("offer_id") == row["chosen_offer"]
        assert (each["chosen"] or {}).get("channel") == row["chosen_channel"]
        for k, offer in enumerate(each["offers"][:3], start=1):
            assert offer["offer_id"] == row[f"offer_{k}"]
            assert (offer["expected_net_value"] or {}).get("amount") == row[f"offer_{k}_net_value"]
            assert (offer["why"]["en"], offer["why"]["zh"]) == (
                row[f"offer_{k}_why"],
                row[f"offer_{k}_why_zh"],
            )


def test_answers_name_what_they_were_made_with(client: httpx.Client, week: pa.Table) -> None:
    row = week.slice(0, 1).to_pylist()[0]
    answer = client.post("/v1/score", json={"customer_ids": [row["customer_id"]], "as_of": "week"}).json()
    ready = client.get("/readyz").json()
    assert (answer["bundle"], answer["policy"]) == (row["bundle"], row["policy"])
    assert answer["moment"] == row["moment"].strftime("%Y-%m-%dT%H:%M:%SZ")
    assert answer["week"] == ready["week"]
    asked = {"kind": "silence", "horizon_days": 91, "base_days": 364, "grace_days": 0}
    assert answer["question"] == asked


def test_segments_of_one_at_a_time_equal_the_week(client: httpx.Client, rows: dict[str, Any]) -> None:
    companies = [row for row in rows.values() if any("b2b" in each["scheme"] for each in row["tiers"])]
    assert companies
    for row in [*list(rows.values())[:30], *companies[:10]]:
        asked = {"customer_ids": [row["customer_id"]], "as_of": "week"}
        (each,) = client.post("/v1/next-best-offer", json=asked).json()["customers"]
        _assert_segments_equal(each["segments"], row)


def test_segments_are_known_of_most_and_say_what_is_done(client: httpx.Client, rows: dict[str, Any]) -> None:
    known = [row for row in rows.values() if row["cell"]]
    assert len(known) > len(rows) / 2
    plan = client.get(f"/v1/customers/{known[0]['customer_id']}").json()["segments"]["plan"]
    assert plan["actions_en"]
    assert plan["actions_zh"]
    assert plan["every_days"] > 0


def _assert_segments_equal(said: dict[str, Any], row: dict[str, Any]) -> None:
    assert [(each["scheme"]["en"], each["scheme"]["zh"]) for each in said["tiers"]] == [
        (each["scheme"], each["scheme_zh"]) for each in row["tiers"]
    ]
    for each, theirs in zip(said["tiers"], row["tiers"], strict=True):
        assert each["tier"] == _words(theirs, "tier")
        assert each["why"] == _words(theirs, "why")
    assert len(said["next_tiers"]) == len(row["next_tiers"])
    for each, theirs in zip(said["next_tiers"], row["next_tiers"], strict=True):
        assert each["scheme"]["en"] == theirs["scheme"]
        assert each["tier"] == _words(theirs, "tier")
        assert all(each[name] == theirs[name] for name in ("measure", "unit", "lacking"))
    rebate = said["next_rebate"] and said["next_rebate"] | {"benefit": said["next_rebate"]["benefit"]["en"]}
    assert rebate == (
        row["next_rebate"] and {k: v for k, v in row["next_rebate"].items() if k != "benefit_zh"}
    )
    holds = {each["tag"]["en"]: each["holds"] for each in said["tags"]}
    assert [name for name, each in holds.items() if each] == row["tags"]
    assert [name for name, each in holds.items() if each is None] == row["tags_not_known"]
    assert said["value_class"] == _words(row, "value_class")
    behaviour = said["behaviour"] or {}
    assert behaviour.get("en") == row["behaviour"]
    assert behaviour.get("share") == row["behaviour_share"]
    assert behaviour.get("is_clear") == row["behaviour_is_clear"]
    stage = said["stage"] or {}
    assert stage.get("en") == row["stage"]
    since = stage and datetime.fromisoformat(stage["since"])
    assert (since or None) == row["stage_since"]
    assert said["cell"] == row["cell"]
    assert [each["en"] for each in (said["plan"] or {}).get("strategies", [])] == (row["plan"] or [])
    assert [each["zh"] for each in (said["plan"] or {}).get("strategies", [])] == (row["plan_zh"] or [])


def _words(row: dict[str, Any], name: str) -> dict[str, str] | None:
    return None if row[name] is None else {"en": row[name], "zh": row[f"{name}_zh"]}


def _assert_score_equals(each: dict[str, Any], row: dict[str, Any]) -> None:
    assert each["status"] == row["status"]
    assert each["churn_probability"] == row["churn_probability"]
    assert (each["expected_value"] or {}).get("amount") == row["expected_value"]
    interval = each["value_interval"] or {}
    assert (interval.get("low"), interval.get("high")) == (row["value_low"], row["value_high"])
    by_horizon = {asked["days"]: asked["churn_probability"] for asked in each["churn_by_horizon"]}
    assert {28, 91} <= set(by_horizon)
    for days in (28, 91, 182):
        assert by_horizon.get(days) == row[f"churn_probability_{days}d"]
    assert (each["risk_band"] or {}).get("en") == row["risk_band"]
    assert (each["risk_band"] or {}).get("zh") == row["risk_band_zh"]
    assert [reason["en"] for reason in each["reasons"]] == (row["reasons"] or [])
    assert [reason["zh"] for reason in each["reasons"]] == (row["reasons_zh"] or [])
