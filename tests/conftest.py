"""What tests share: the public data sets, a PostgreSQL and a Redis server, where a user has them."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
import redis
from hypothesis import settings

from releases.lock import alone

# The same examples in every run: what fails in CI fails at home. HYPOTHESIS_PROFILE=default looks further.
# Time is measured in benchmarks/: a busy machine fails no test.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

# Beside another worker a second thread of a model, or of NumPy, only waits for a core: a file of linear
# algebra took six times the processor time. Set before anything imports NumPy, and for what tests start.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("HOLDFAST_DATA", ROOT / "../shared/data")).resolve()
POSTGRES = os.environ.get("HOLDFAST_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
REDIS = os.environ.get("HOLDFAST_TEST_REDIS", "redis://127.0.0.1:6379")
SERVICES_REQUIRED = os.environ.get("HOLDFAST_REQUIRE_SERVICES") == "1"


@pytest.hookimpl(trylast=True)  # of those that are left after -m and -k
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order in which xdist hands out files. First one that needs `published`; while a worker makes that,
    the others have the long files that do not need it. Then the other long files, lest one be left for the
    end, when a worker alone would be busy with it."""
    long = {item.path for item in items if item.get_closest_marker("long")}
    needing = {item.path for item in items if "published" in getattr(item, "fixturenames", ())}
    first = next((item.path for item in items if item.path in long & needing), None)
    turns = ({first}, long - needing, long)
    items.sort(key=lambda item: [item.path not in turn for turn in turns])


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """The folder of a public data set; the test is skipped where it is not there."""

    def folder(name: str) -> Path:
        if not (DATA / name).is_dir():
            pytest.skip(f"the data set {name} is not in {DATA} (HOLDFAST_DATA names its folder)")
        return DATA / name

    return folder


@pytest.fixture
def postgres() -> Iterator[str]:
    """The uri of a PostgreSQL schema of the test's own, which is removed afterwards."""
    try:
        connection = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        reason = f"no PostgreSQL at {POSTGRES} (HOLDFAST_TEST_POSTGRES names one): {error}"
        if SERVICES_REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    with connection:
        schema = f"holdfast_{uuid.uuid4().hex}"
        connection.execute(f"create schema {schema}")
        try:
            yield f"{POSTGRES}{'&' if '?' in POSTGRES else '?'}options={quote(f'-csearch_path={schema}')}"
        finally:
            connection.execute(f"drop schema {schema} cascade")


@pytest.fixture
def redis_url() -> str:
    """The url of a Redis server. Who writes there takes names of its own and removes them."""
    try:
        with redis.Redis.from_url(REDIS, socket_connect_timeout=5) as server:
            server.ping()
    except redis.RedisError as error:
        reason = f"no Redis at {REDIS} (HOLDFAST_TEST_REDIS names one): {error}"
        if SERVICES_REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    return REDIS


@pytest.fixture
def redis_space(redis_url: str) -> Iterator[str]:
    """What a test's keys in Redis begin with; they are removed afterwards."""
    space = f"holdfast-test-{uuid.uuid4().hex}"
    yield space
    with redis.Redis.from_url(redis_url) as server:
        for name in server.scan_iter(match=f"{{{space}}}:*", count=1000):
            server.delete(name)


Make = Callable[[Path], None]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Make], Path]:
    """`made_once(name, make)`: a copy of the folder that `make` filled in whichever of the processes that
    test together asked first; the others wait for it, and do not make it again."""
    base = tmp_path_factory.getbasetemp()
    together = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def copy(name: str, make: Make) -> Path:
        folder = together / f"once-{name}"
        with alone(together / f"once-{name}.lock"):
            if not (folder / "made").exists():
                shutil.rmtree(folder, ignore_errors=True)  # of a process that failed
                folder.mkdir()
                make(folder)
                (folder / "made").touch()
        return shutil.copytree(folder, tmp_path_factory.mktemp(name) / "copy", symlinks=True)

    return copy


def holdfast_in(folder: Path, *arguments: str | Path, code: int = 0) -> Any:
    """Run the command as its user does, in this folder; returns what --json printed."""
    command = [Path(sys.executable).parent / "holdfast", *map(str, arguments)]
    done = subprocess.run(
        [*command, "--json"],
        cwd=folder,
        env=os.environ | {"HOLDFAST_CONFIG": str(ROOT / "config")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stderr}"
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


@pytest.fixture(scope="session")
def working_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `holdfast` runs, and so where its mlruns/ is."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def holdfast(working_folder: Path) -> Callable[..., Any]:
    """Run the command as its user does, in a folder of its own; returns what --json printed."""
    return partial(holdfast_in, working_folder)


@pytest.fixture(scope="session")
def published(made_once: Callable[[str, Make], Path]) -> Path:
    """A home in which a simulated world of 1,500 customers went through the whole job, beside the mlruns/ it
    was trained into. Do not change it."""

    def make(folder: Path) -> None:
        home = folder / "home"
        holdfast_in(folder, "simulate", "--home", home, "--customers", "1500")
        for job in ("check", "train", "promote", "score"):
            holdfast_in(folder, job, "--home", home)

    return made_once("published", make) / "home"
