"""What the service answers is what the week published, to the bit."""

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
    answer = client.post("/v1/score", json={"customer_ids": list(rows)}).json()
    assert [each["customer_id"] for each in answer["customers"]] == list(rows)
    for each in answer["customers"]:
        _assert_score_equals(each, rows[each["customer_id"]])


def test_one_at_a_time_equals_the_week(client: httpx.Client, rows: dict[str, Any]) -> None:
    for customer, row in list(rows.items())[:50]:
        (each,) = client.post("/v1/score", json={"customer_ids": [customer]}).json()["customers"]
        _assert_score_equals(each, row)


def test_a_customer_carries_the_score_of_the_week(client: httpx.Client, rows: dict[str, Any]) -> None:
    for customer, row in list(rows.items())[:20]:
        _assert_score_equals(client.get(f"/v1/customers/{customer}").json(), row)


def test_choices_equal_the_week(client: httpx.Client, rows: dict[str, Any]) -> None:
    answer = client.post("/v1/next-best-offer", json={"customer_ids": list(rows)}).json()
    assert any(each["chosen"] for each in answer["customers"])
    for each in answer["customers"]:
        row = rows[each["customer_id"]]
        assert each["status"] == row["status"]
        assert each["held_out"] == row["held_out"]
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
    answer = client.post("/v1/score", json={"customer_ids": [row["customer_id"]]}).json()
    ready = client.get("/readyz").json()
    assert (answer["bundle"], answer["policy"]) == (row["bundle"], row["policy"])
    assert answer["moment"] == row["moment"].strftime("%Y-%m-%dT%H:%M:%SZ")
    assert answer["week"] == ready["week"]
    asked = {"kind": "silence", "horizon_days": 91, "base_days": 364, "grace_days": 0}
    assert answer["question"] == asked


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
