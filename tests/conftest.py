"""What tests share: the public data sets and a PostgreSQL server, where a user has them."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("HOLDFAST_DATA", ROOT / "../shared/data")).resolve()
POSTGRES = os.environ.get("HOLDFAST_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
SERVICES_REQUIRED = os.environ.get("HOLDFAST_REQUIRE_SERVICES") == "1"


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
