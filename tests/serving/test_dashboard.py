"""The dashboard asks for metrics and labels that there are."""

import json
import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families


@pytest.fixture
def asked(root: Path) -> list[str]:
    dashboard = json.loads((root / "docs/examples/grafana_holdfast.json").read_text(encoding="utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_the_dashboard_asks_for_metrics_that_there_are_and_for_each_of_them(
    asked: list[str], client: httpx.Client
) -> None:
    client.post("/v1/next-best-offer", json={"customer_ids": ["c-0000001"]})
    families = list(text_string_to_metric_families(client.get("/metrics").text))
    there = {sample.name for family in families for sample in family.samples}
    labels = {label for family in families for sample in family.samples for label in sample.labels}
    used = {name for expression in asked for name in re.findall(r"\bholdfast_\w+", expression)}
    assert used - there == set()
    stems = {re.sub(r"_(total|bucket|count|sum|created|info)$", "", name) for name in there}
    shown = {re.sub(r"_(total|bucket|count|sum|info)$", "", name) for name in used}
    assert stems - shown == set(), "a metric that nobody sees"
    grouped = {
        each for one in asked for group in re.findall(r"by \(([^)]*)\)", one) for each in group.split(", ")
    }
    filtered = set(re.findall(r"(\w+)(?:=~|!=|=)\"", " ".join(asked)))
    assert grouped | filtered <= labels | {"job"}
