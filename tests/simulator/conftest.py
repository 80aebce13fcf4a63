from pathlib import Path

import pytest

from simulator import World, simulate


@pytest.fixture(scope="session")
def small_world() -> World:
    """The default world with 2,000 customers in chunks of 800: two whole ones and a part."""
    return World(customers=2_000, chunk=800)


@pytest.fixture(scope="session")
def small(small_world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    simulate(small_world, folder)
    return folder


@pytest.fixture(scope="session")
def default(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("default")
    simulate(World(), folder)
    return folder
