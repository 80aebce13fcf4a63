"""What is answered beside scores and offers, and how the server runs."""

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from features.reader import read_facts
from serving.served import Served
from tables.moment import to_micros

ID = "c-0000001"


def test_an_earlier_moment_reads_the_facts_of_then(client: httpx.Client, served: Served) -> None:
    then = datetime(2026, 10, 1, tzinfo=UTC)
    answer = client.get(f"/v1/customers/{ID}", params={"as_of": then.isoformat()}).json()
    facts = read_facts(served.histories, served.histories.places([ID]), to_micros(then))
    assert answer["moment"] == "2026-10-01T00:00:00Z"
    assert list(answer["facts"]) == list(facts.names)
    values = [np.nan if each["value"] is None else each["value"] for each in answer["facts"].values()]
    np.testing.assert_array_equal(values, facts.values[0])
    assert answer["facts"] != client.get(f"/v1/customers/{ID}").json()["facts"]


def test_before_the_first_purchase_there_is_no_score(client: httpx.Client, served: Served) -> None:
    body = {"customer_ids": [ID], "as_of": "2025-01-01T00:00:00Z"}
    (each,) = client.post("/v1/score", json=body).json()["customers"]
    assert each["status"] == "never_bought"
    assert each["churn_probability"] is each["expected_value"] is each["risk_band"] is None
    assert each["reasons"] == []


def test_a_customer_has_attributes_and_facts_with_their_meaning(client: httpx.Client) -> None:
    answer = client.get(f"/v1/customers/{ID}").json()
    assert answer["attributes"]["kind"] in ("B2B", "B2C")
    assert isinstance(answer["attributes"]["consents"], list)
    assert "region" not in answer["attributes"]
    fact = answer["facts"]["orders_91d"]
    assert fact["meaning"] == {"en": "Orders in the last 91 days", "zh": "近91天订单数"}
    assert fact["unit"] == "orders"


def test_what_is_missing_is_null(client: httpx.Client) -> None:
    text = client.get("/v1/customers/a-0000018").text
    assert "NaN" not in text
    assert ":null" in text


def test_head_is_answered_as_get_is(client: httpx.Client) -> None:
    assert client.head("/readyz").status_code == 200


def test_metrics_count_requests_scores_and_say_what_is_published(
    client: httpx.Client, served: Served
) -> None:
    def value(name: str, **labels: str) -> float:
        families = text_string_to_metric_families(client.get("/metrics").text)
        found = (s for family in families for s in family.samples if s.name == name and s.labels == labels)
        return next((sample.value for sample in found), 0.0)

    scored = {"route": "/v1/score", "status": "200"}
    requests = value("holdfast_request_seconds_count", **scored)
    scores = value("holdfast_churn_probability_count")
    assert client.post("/v1/score", json={"customer_ids": [ID], "as_of": "week"}).status_code == 200
    assert value("holdfast_request_seconds_count", **scored) == requests + 1
    assert value("holdfast_churn_probability_count") == scores + 1
    client.get("/v1/customers/nobody")
    assert value("holdfast_request_seconds_count", route="/v1/customers/{customer_id:path}", status="404") > 0
    now = served.published
    named = {"bundle": now.bundle, "policy": now.policy, "week": now.week}
    assert value("holdfast_published_info", **named, worker="1") == 1
    assert value("holdfast_week_moment_seconds", worker="1") == served.week.moment / 1e6
    assert value("holdfast_base_last_event_seconds", worker="1") == served.histories.last_at / 1e6
    assert value("holdfast_loads_total", result="served") == 1
    assert value("holdfast_refusing", worker="1") == 0
    assert value("holdfast_worker_resident_bytes", worker="1") > 2**20


def test_metrics_count_decisions_by_offer_channel_and_rule(client: httpx.Client) -> None:
    def counts(name: str, *labels: str) -> Counter[Any]:
        families = text_string_to_metric_families(client.get("/metrics").text)
        samples = (s for family in families for s in family.samples if s.name == name)
        return Counter({tuple(s.labels[each] for each in labels): int(s.value) for s in samples})

    def seen() -> tuple[Counter[Any], Counter[Any]]:
        return counts("holdfast_decisions_total", "kind", "channel"), counts(
            "holdfast_offers_considered_total", "why"
        )

    before = seen()
    ids = [f"c-{number:07}" for number in range(1, 80)]
    answer = client.post("/v1/next-best-offer", json={"customer_ids": ids}).json()["customers"]
    chosen = [each["chosen"] or {"kind": "", "channel": ""} for each in answer]
    after = seen()
    assert after[0] - before[0] == Counter((each["kind"], each["channel"]) for each in chosen)
    whys = Counter((one["why"]["code"],) for each in answer for one in each["offers"])
    assert after[1] - before[1] == whys
    assert len(whys) > 2
    assert len(after[0] - before[0]) > 2


def test_the_server_listens_on_this_machine_only(url: str) -> None:
    port = urlsplit(url).port
    listening = [
        c.laddr for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port
    ]
    assert {address.ip for address in listening} == {"127.0.0.1"}


def test_the_server_says_what_to_ask(client: httpx.Client, log: Path, url: str, key: str) -> None:
    line = next(line for line in log.read_text().splitlines() if line.startswith("Try: "))
    assert line.startswith(f"Try: curl -s {url}/v1/score")
    environment = os.environ | {"HOLDFAST_KEY": key}
    answer = subprocess.run(
        line.removeprefix("Try: "), shell=True, capture_output=True, check=True, env=environment
    )
    assert b'"status":"in_base"' in answer.stdout


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_where_it_cannot_listen_is_named(url: str, host: str) -> None:
    port = str(urlsplit(url).port)
    command = [sys.executable, "-m", "serving.run", "--host", host, "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"cannot listen on {host}:{port}" in done.stderr


def test_training_is_no_part_of_the_service() -> None:
    blocked = """
import sys
for name in ("mlflow", "pyspark", "sklearn", "matplotlib", "shap", "pipelines", "simulator"):
    sys.modules[name] = None
import serving.run, serving.service
assert "lightgbm" not in sys.modules, "the supervisor loads what only its workers need"
import serving.application
"""
    done = subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
