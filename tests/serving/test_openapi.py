"""The document says what the service does: each example is asked, and answered as shown."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from releases.home import Home
from serving.example import EXAMPLES, Example
from serving.openapi import DOCUMENT


def test_the_document_that_is_checked_in_is_the_one_that_is_served(client: httpx.Client, root: Path) -> None:
    assert (root / "serving/openapi.json").read_text(encoding="utf-8") == DOCUMENT, (
        "run `python -m serving.openapi > serving/openapi.json`"
    )
    assert client.get("/v1/openapi.json").text == DOCUMENT


@pytest.fixture(scope="module")
def url(
    new_home: Callable[[Path], Home], server: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Of a server of its own: what other tests told the one they share would be there already."""
    folder = tmp_path_factory.mktemp("examples")
    with server(new_home(folder / "home").path, folder / "log") as own:
        yield own.url


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: f"{each.method} {each.path}: {each.name}")
def test_an_example_is_answered_as_documented(client: httpx.Client, example: Example) -> None:
    response = client.request(example.method, example.url, json=example.body)
    assert response.status_code == example.status, response.text
    documented = _documented(example)
    shown = documented["examples"][example.name]["value"]
    for answer in (shown, response.json()):
        _assert_valid(answer, documented["schema"])
    if example.status != 200:
        assert response.json() == shown


def test_every_reference_is_there() -> None:
    schemas = json.loads(DOCUMENT)["components"]["schemas"]
    for name in schemas:
        _assert_schema({"$ref": f"#/components/schemas/{name}"})
    used = {part.split('"')[0] for part in DOCUMENT.split("#/components/schemas/")[1:]}
    assert used <= set(schemas)


def _documented(example: Example) -> Any:
    operation = json.loads(DOCUMENT)["paths"][example.path][example.method.lower()]
    (content,) = operation["responses"][str(example.status)]["content"].values()
    return content


def _assert_valid(answer: Any, schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator({**schema, **json.loads(DOCUMENT)}).validate(answer)


def _assert_schema(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema({**schema, **json.loads(DOCUMENT)})
