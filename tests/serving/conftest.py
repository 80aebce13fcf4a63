"""One server over the published home, started as its user starts it, asked over HTTP."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import pyarrow as pa
import pytest

from releases.access import SCOPES
from releases.home import Home
from releases.signature import sign
from releases.week import read_week_rows
from serving.served import Served, load
from tables.sealed import MANIFEST, SIGNATURE, canonical_json, sealed_folder

SECONDS_UNTIL_READY = 180
OURS = shutil.ignore_patterns(MANIFEST, SIGNATURE)


class Server(NamedTuple):
    """A running server: where it is asked, its supervisor, and the file of what it says."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def workers(self) -> list[int]:
        """The processes of its workers, those that are being started too."""
        return [child.pid for child in psutil.Process(self.process.pid).children()]


@contextmanager
def running(
    home: Path,
    log: Path,
    *options: str,
    workers: int = 1,
    scheme: str = "http",
    folder: Path | None = None,
    **variables: str,
) -> Iterator[Server]:
    """A server of this home, started in `folder`; what it prints and logs stands in `log`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "serving.run", "--port", str(port), "--workers", str(workers), *options]
    environment = os.environ | {"HOLDFAST_HOME": str(home)} | variables
    with log.open("w") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
    server = Server(f"{scheme}://127.0.0.1:{port}", process, log)
    try:
        _wait(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: Server) -> None:
    until = time.monotonic() + SECONDS_UNTIL_READY
    while time.monotonic() < until and server.process.poll() is None:
        try:
            if (
                httpx.get(f"{server.url}/readyz", verify=False).status_code == 200
                and "Try: " in server.log.read_text()
            ):
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"the server did not become ready:\n{server.log.read_text()}")


@pytest.fixture(scope="session")
def server() -> Callable[..., Any]:
    """`with server(home, log, workers=2) as running`, for a test that needs one of its own."""
    return running


@pytest.fixture(scope="session")
def new_home(published: Path, key: str) -> Callable[[Path], Home]:
    """`new_home(folder)`: a copy of the published home in which nothing was decided or told; `key` is good
    there too."""
    return partial(copy_of, published)


@pytest.fixture
def own_home(new_home: Callable[[Path], Home], tmp_path: Path) -> Home:
    """One to publish in, to break and to decide in."""
    return new_home(tmp_path / "home")


def copy_of(published: Path, folder: Path) -> Home:
    apart = shutil.ignore_patterns("decisions", "counters", "counting", "events")
    return Home(shutil.copytree(published, folder, ignore=apart))


def other_week_of(home: Home) -> str:
    """Another week over another base, which say the same as the published ones; not published yet."""
    now = home.published()
    about = json.loads((home.weeks / now.week / "week.json").read_text())
    with sealed_folder(home.bases) as base:
        shutil.copytree(home.bases / about["base"], base.path, ignore=OURS, dirs_exist_ok=True)
        (base.path / "another").write_text(now.week)
    with sealed_folder(home.weeks) as week:
        shutil.copytree(home.weeks / now.week, week.path, ignore=OURS, dirs_exist_ok=True)
        (week.path / "week.json").write_text(canonical_json({**about, "base": base.name}))
    sign(week.path, home.key())
    return str(week.name)


@pytest.fixture(scope="session")
def other_week() -> Callable[[Home], str]:
    return other_week_of


@pytest.fixture(scope="session")
def shared_home(published: Path, key: str, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One for a server that several tests ask; whatever they publish there, they take back."""
    return copy_of(published, tmp_path_factory.mktemp("shared") / "home")


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
    with running(published, log, HOLDFAST_AUDIT=str(audit)) as server:
        yield server.url


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
