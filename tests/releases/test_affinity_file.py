"""The affinity model comes back as it was kept, or not at all."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.affinity import Affinity
from models.calibration import Calibration
from models.candidate import NAMES
from models.learner import boost
from models.promise import Promise
from models.purchase import CATEGORY
from models.season import Season
from releases.affinity_file import FILE, Golden, current_affinity, keep_affinity, read_affinity
from releases.home import Home
from tables.refusal import Refused

MOMENT = 10**15


@pytest.fixture(scope="module")
def golden() -> Golden:
    values = np.random.default_rng(1).gamma(1.0, 10.0, size=(400, len(NAMES)))
    values[::7, 3] = np.nan
    return Golden(values, MOMENT)


@pytest.fixture(scope="module")
def model(golden: Golden) -> Affinity:
    bought = (golden.values[:, 0] > golden.values[:, 1]).astype(float)
    booster = boost(golden.values, bought, NAMES, "binary", trees=6, parameters={"feature_fraction": 1.0})
    season = Season((MOMENT - 400 * 86_400_000_000, MOMENT), (0.2, 0.4))
    return Affinity(CATEGORY, Promise(booster, Calibration(0.9, 0.1), season), 0.003)


@pytest.fixture
def home(tmp_path: Path, model: Affinity, golden: Golden) -> Home:
    home = Home(tmp_path / "home")
    keep_affinity(home, model, {"base": "b"}, golden)
    return home


def test_what_was_kept_answers_as_it_did(home: Home, model: Affinity, golden: Golden) -> None:
    kept = current_affinity(home)
    np.testing.assert_array_equal(
        kept.model.promise(golden.values, MOMENT), model.promise(golden.values, MOMENT)
    )
    assert (kept.model.field, kept.model.elsewhere, kept.about) == (CATEGORY, 0.003, {"base": "b"})
    assert kept.model.promise[1:] == model.promise[1:]


def test_the_model_kept_last_is_the_current_one(home: Home, model: Affinity, golden: Golden) -> None:
    before = current_affinity(home).name
    folder = keep_affinity(home, Affinity(CATEGORY, model.promise, 0.5), {}, golden)
    assert current_affinity(home).name == folder.name != before
    assert current_affinity(home).model.elsewhere == 0.5


def test_before_one_was_trained_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no affinity model was trained yet; run `holdfast affinity`"):
        current_affinity(Home(tmp_path))


def test_a_changed_byte_is_refused(home: Home) -> None:
    (path,) = (home.affinity / current_affinity(home).name).glob("*.txt")
    path.write_bytes(path.read_bytes().replace(b"threshold=", b"threshold=1", 1))
    with pytest.raises(Refused, match="damaged"):
        current_affinity(home)


@pytest.mark.parametrize("damage", ["leaf", "calibration", "facts", "elsewhere", "field", "season", "half"])
def test_even_without_its_hashes_a_changed_model_is_refused(home: Home, damage: str) -> None:
    folder = home.affinity / current_affinity(home).name
    told, text = json.loads((folder / FILE).read_text()), (folder / "affinity.txt").read_text()
    if damage == "leaf":
        before, _, after = text.partition("leaf_value=")
        text = f"{before}leaf_value=1{after[after.index('.'):]}" if after[0] != "-" else (
            f"{before}leaf_value=-1{after[after.index('.'):]}"
        )  # fmt: skip
    elif damage == "half":
        text = text[: len(text) // 2]
    else:
        told |= {
            "calibration": {"calibration": told["calibration"] | {"slope": 0.8}},
            "facts": {"facts": told["facts"][::-1]},
            "elsewhere": {"elsewhere": 1.5},
            "field": {"field": "brand"},
            "season": {"season": {"moments": [0]}},
        }[damage]
    (folder / FILE).write_text(json.dumps(told))
    (folder / "affinity.txt").write_text(text)
    with pytest.raises(Refused):
        read_affinity(folder)
