"""One server over the published home, started as its user starts it, asked over HTTP."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from releases.access import SCOPES
from releases.home import Home
from releases.week import read_week_rows
from serving.served import Served, load

SECONDS_UNTIL_READY = 180


@contextmanager
def running(home: Path, log: Path, *options: str, scheme: str = "http", **variables: str) -> Iterator[str]:
    """The url of a server of this home; what it prints and logs stands in `log`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "serving.run", "--port", str(port), *options]
    environment = os.environ | {"HOLDFAST_HOME": str(home)} | variables
    with log.open("w") as file:
        server = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        url = f"{scheme}://127.0.0.1:{port}"
        _wait(url, server, log)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + SECONDS_UNTIL_READY
    while time.monotonic() < until and server.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", verify=False).status_code == 200 and "Try: " in log.read_text():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    pytest.fail(f"the server did not become ready:\n{log.read_text()}")


@pytest.fixture(scope="session")
def server() -> Callable[..., Any]:
    """`with server(home, log) as url`, for a test that needs one of its own."""
    return running


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "log"


@pytest.fixture(scope="session")
def audit(log: Path) -> Path:
    return log.with_name("audit")


@pytest.fixture(scope="session")
def key(holdfast: Callable[..., Any], published: Path) -> str:
    """A key of the published home that may do everything."""
    scopes = [part for each in SCOPES for part in ("--scope", each)]
    return str(holdfast("keys", "create", "tests", *scopes, "--home", published)["key"])


@pytest.fixture(scope="session")
def url(published: Path, log: Path, audit: Path, key: str) -> Iterator[str]:
    with running(published, log, HOLDFAST_AUDIT=str(audit)) as url:
        yield url


@pytest.fixture
def client(url: str, key: str) -> Iterator[httpx.Client]:
    """A client of the server; whatever was asked of it, the server still answers afterwards."""
    with httpx.Client(base_url=url, timeout=30, headers={"authorization": f"Bearer {key}"}) as client:
        yield client
        assert client.get("/readyz").status_code == 200


@pytest.fixture(scope="session")
def served(published: Path) -> Served:
    home = Home(published)
    return load(home, home.published())


@pytest.fixture(scope="session")
def week(published: Path) -> pa.Table:
    home = Home(published)
    return read_week_rows(home.weeks / home.published().week)
