"""Every class of bad input has its problem, changes nothing, and leaves the same worker alive."""

import base64
import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from bad_input import CLASSES, Class, Part
from prometheus_client.parser import text_string_to_metric_families

from releases.access import create, read_keys, revoke
from releases.home import Home

SECONDS_TO_ANSWER = 40


@pytest.fixture(scope="module")
def keys(published: Path, key: str, url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Texts of keys of every fate, taken up by the server while it runs."""
    home, other = Home(published), Home(tmp_path_factory.mktemp("other") / "home")
    soon = datetime.now(UTC) + timedelta(seconds=1)
    texts = {
        "KEY": key,
        "READER": create(home, "reader", ("read",))[1],
        "WRITER": create(home, "writer", ("score", "decide", "events", "operate"))[1],
        "EXPIRED": create(home, "expired", expires=soon)[1],
        "REVOKED": create(home, "revoked")[1],
        "SPENT": create(home, "spent", rate=1e-6, burst=1)[1],
        "OTHER": create(other, "other")[1],
    }
    revoke(home, "revoked")
    base, number, secret = key.split("_", 3)[1:]
    flipped = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
    texts["WRONG_SECRET"] = f"holdfast_{base}_{number}_{flipped}"
    texts["UNKNOWN"] = f"holdfast_{base}_00000000_{secret}"
    time.sleep(1.5)  # until the server looks, and the key expires
    spent = {"authorization": f"Bearer {texts['SPENT']}"}
    assert httpx.get(f"{url}/readyz", headers=spent).status_code == 200
    return texts


@pytest.fixture
def unchanged(published: Path, url: str, key: str, keys: dict[str, str]) -> Iterator[None]:
    """What was decided, counted and known stays as it was, no fault was answered, no worker was replaced."""
    home = Home(published)

    def state() -> Any:
        kept = (home.decisions, home.counters, home.events)
        files = [home.counting, *(path for folder in kept for path in folder.rglob("*"))]
        sizes = {path: path.stat().st_size for path in files if path.is_file()}
        return sizes, read_keys(home), _faults(url, key), _workers(url)

    before = state()
    yield
    assert state() == before


def _faults(url: str, key: str) -> dict[str, float]:
    text = httpx.get(f"{url}/metrics", headers={"authorization": f"Bearer {key}"}).text
    samples = (s for family in text_string_to_metric_families(text) for s in family.samples)
    return {
        f"{s.name} {s.labels}": s.value
        for s in samples
        if s.name == "holdfast_request_seconds_count" and s.labels["status"].startswith("5")
    }


def _workers(url: str) -> set[int]:
    """The processes that hold the port open: the supervisor and its workers."""
    port = urlsplit(url).port
    listening = psutil.net_connections("tcp")
    server = next(c.pid for c in listening if c.status == "LISTEN" and c.laddr.port == port)
    process = psutil.Process(server)
    family = [process, *process.parents(), *process.children(recursive=True)]
    return {each.pid for each in family if "serving" in " ".join(each.cmdline())}


@pytest.mark.parametrize("name", CLASSES)
def test_bad_input_has_its_problem(name: str, url: str, keys: dict[str, str], unchanged: None) -> None:
    one: Class = CLASSES[name]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda case: _ask(url, case, keys), one.cases))
    for case, (status, kind, problem) in zip(one.cases, answers, strict=True):
        said = f"{case!r:.300}: {status} {problem}"
        assert one.problem is not None
        assert (status, kind) == (one.problem.status, "application/problem+json"), said
        assert (problem["type"], problem["status"]) == (one.problem.uri, status), said
        assert {"title", "detail", "instance"} <= set(problem), said


def test_there_are_enough_classes_of_enough_cases() -> None:
    assert len(CLASSES) >= 48
    assert all(len(one.cases) >= 3 for one in CLASSES.values())
    assert all(len(one.cases) == len(set(one.cases)) for one in CLASSES.values())


@pytest.mark.parametrize("lasting", [0, 1, 40])
def test_half_a_body_and_gone_harms_nobody(url: str, key: str, lasting: int, unchanged: None) -> None:
    head = f"POST /v1/next-best-offer HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n"
    sent = f"{head}content-type: application/json\r\ncontent-length: 50\r\n\r\n{'{' * lasting}"
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), SECONDS_TO_ANSWER) as line:
            line.sendall(sent.encode())


def _with_keys(part: bytes, keys: dict[str, str]) -> bytes:
    for name, text in keys.items():
        part = part.replace(f"%{name}%".encode(), text.encode())
    return part


def _ask(url: str, case: tuple[Part, ...], keys: dict[str, str]) -> tuple[int, str, dict[str, Any]]:
    with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), SECONDS_TO_ANSWER) as line:
        for part in case:
            if isinstance(part, float):
                time.sleep(part)
                continue
            line.sendall(_with_keys(part, keys))
        response = http.client.HTTPResponse(line)
        response.begin()
        return response.status, response.headers["content-type"], json.loads(response.read())
