"""A flipped bit or a cut, in whatever file of what is published: refused before LightGBM sees any of it."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import lightgbm as lgb
import pytest

from releases.home import Home
from serving.served import Served, load
from tables.refusal import Refused

PARTS = ("bundle", "policy", "week")


def folder_of(home: Home, part: str) -> Path:
    shelf = {"bundle": home.bundles, "policy": home.policies, "week": home.weeks}[part]
    return shelf / getattr(home.published(), part)


def damages(folder: Path, flips: int, cuts: int, seed: int) -> Iterator[tuple[Path, str, bytes]]:
    """Each file in turn, with one bit flipped or cut off somewhere."""
    lot = random.Random(seed)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in itertools.islice(itertools.cycle(files), flips):
        data = bytearray(path.read_bytes())
        bit = lot.randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        yield path, f"bit {bit} flipped", bytes(data)
    for path in itertools.islice(itertools.cycle(files), cuts):
        data = path.read_bytes()
        length = lot.randrange(len(data))
        yield path, f"cut after {length} bytes", data[:length]


def assert_refused(home: Home, before: Served, part: str, flips: int, cuts: int, seed: int) -> int:
    """How many were tried."""
    published, tried = home.published(), 0
    with pytest.MonkeyPatch.context() as patch:

        def reached(*_: object, **__: object) -> None:
            pytest.fail("LightGBM's loader was reached")

        patch.setattr(lgb, "Booster", reached)
        for path, what, damaged in damages(folder_of(home, part), flips, cuts, seed):
            good = path.read_bytes()
            path.write_bytes(damaged)
            try:
                load(home, published, before)
            except Refused:
                tried += 1
            else:
                pytest.fail(f"{path}: {what}, and it was loaded")
            path.write_bytes(good)
    return tried


@pytest.fixture
def before(own_home: Home) -> Served:
    return load(own_home, own_home.published())


@pytest.mark.parametrize("part", PARTS)
def test_whatever_file_is_damaged_it_is_refused_before_a_model_is_read(
    own_home: Home, before: Served, part: str
) -> None:
    files = sum(path.is_file() for path in folder_of(own_home, part).rglob("*"))
    assert files >= 3
    assert assert_refused(own_home, before, part, 3 * files, files, seed=6) == 4 * files
    assert load(own_home, own_home.published(), before).bundle.name == before.bundle.name


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a_thousand_flipped_bits_and_two_hundred_cuts_are_refused(own_home: Home, before: Served) -> None:
    shares = {"bundle": (500, 100), "policy": (200, 40), "week": (300, 60)}
    tried = sum(
        assert_refused(own_home, before, part, *shares[part], seed=seed) for seed, part in enumerate(PARTS)
    )
    assert tried == 1200
