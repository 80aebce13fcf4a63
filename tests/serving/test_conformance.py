"""The service keeps to its own document, whatever the document lets one ask, or forbids (schemathesis).

A share of the cases here; `make nightly` asks 2,000 a route.
"""

import json
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from serving.openapi import DOCUMENT

ROUTES = [
    (method, path) for path, operations in json.loads(DOCUMENT)["paths"].items() for method in operations
]
# Only the data knows whether a good id and a good moment make a request that can be answered.
UNKNOWABLE = "positive_data_acceptance"
KNOWN = ["c-0000001", "c-0000002", "c-0000003", "c-0000004"]
MOMENTS = ["2026-10-25T16:00:00Z", "2026-10-01T00:00:00+08:00", "2999-01-01T00:00:00Z"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_answers_are_as_the_document_says(url: str, key: str, method: str, path: str) -> None:
    _conforms(url, key, method, path, 30)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_thousands_of_answers_are_as_the_document_says(url: str, key: str, method: str, path: str) -> None:
    _conforms(url, key, method, path, 1000)


def _conforms(url: str, key: str, method: str, path: str, cases: int) -> None:
    """As many cases of what the document allows as of what it forbids, where anything can be forbidden."""
    operation = schemathesis.openapi.from_dict(_document())[path][method.upper()]
    load_all_checks()
    checks = [check for check in CHECKS.get_all() if check.__name__ != UNKNOWABLE]
    assert len(checks) > 5
    session = requests.Session()
    takes_anything = bool(operation.body or operation.query or operation.path_parameters)
    for mode in GenerationMode if takes_anything else [GenerationMode.POSITIVE]:

        @settings(max_examples=cases, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def conforms(case: Case) -> None:
            case.call_and_validate(
                base_url=url, session=session, headers={"Authorization": f"Bearer {key}"}, checks=checks
            )

        conforms()


def _document() -> Any:
    """The document, with customers who are there and moments that are past among what is asked for."""
    document = json.loads(DOCUMENT)
    schemas = document["components"]["schemas"]
    for name in ("Customers", "Deciding"):
        asked = schemas[name]["properties"]
        asked["customer_ids"]["items"] = _or_one_of(asked["customer_ids"]["items"], KNOWN)
        asked["as_of"]["anyOf"].insert(0, {"enum": MOMENTS})
    customer, as_of = document["paths"]["/v1/customers/{customer_id}"]["get"]["parameters"]
    customer["schema"] = _or_one_of(customer["schema"], KNOWN)
    as_of["schema"] = _or_one_of(as_of["schema"], MOMENTS)
    return document


def _or_one_of(schema: dict[str, Any], known: list[str]) -> dict[str, Any]:
    return {"anyOf": [{"enum": known}, schema]}
