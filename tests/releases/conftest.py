"""A bundle of small models, and ways to seal it anew after a change."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.reader import FactTable, names_of
from models.calibration import Calibration
from models.contact import CONTACT_NAMES, EFFECT_FACTS, OFFER_TERMS
from models.effect import OfferModels
from models.horizon import Horizons, Step
from models.learner import boost
from models.promise import Promise
from models.question import Question
from models.scorer import Scorer
from models.season import Season
from models.uplift_learner import BoostedEffect, Term
from models.value_range import ValueRange
from releases.bundle import write_bundle
from releases.signature import sign
from tables.sealed import MANIFEST, SIGNATURE, sealed_folder

KEY = b"a key of this installation"
NAMES = names_of()


@pytest.fixture(scope="session")
def key() -> bytes:
    return KEY


@pytest.fixture(scope="session")
def golden() -> FactTable:
    values = np.random.default_rng(1).gamma(1.0, 10.0, size=(64, len(NAMES)))
    return FactTable(np.arange(64), np.full(64, 10**15), NAMES, values)


@pytest.fixture(scope="session")
def scorer() -> Scorer:
    return small_models(2)


@pytest.fixture(scope="session")
def judged() -> Scorer:
    """Of the same recipe, learnt from other rows."""
    return small_models(3)


def small_models(seed: int) -> Scorer:
    def booster(names: tuple[str, ...], objective: str) -> Any:
        random = np.random.default_rng(seed)
        values = random.gamma(1.0, 10.0, size=(600, len(names)))
        target = values[:, 0] + values[:, 1] - values[:, 2]
        target = np.maximum(target, 0) if objective == "tweedie" else (target > 10).astype(float)
        return boost(values, target, names, objective, trees=8, parameters={"feature_fraction": 1.0})

    def step(days: int) -> Step:
        # Asked with a season of its own, so that a change of any part shows on the golden rows.
        season = Season((0, 10**15), (0.2, 0.2))
        return Step(days, 91, Promise(booster(NAMES[5:45], "binary"), Calibration(0.7, 0.25), season))

    terms = (
        Term(booster((*EFFECT_FACTS, *OFFER_TERMS), "regression"), 1.0),
        Term(booster(EFFECT_FACTS, "regression"), -1.0),
    )
    effect = BoostedEffect(EFFECT_FACTS, OFFER_TERMS, terms, "t")
    return Scorer(
        names=NAMES,
        churn=booster(NAMES, "binary"),
        calibration=Calibration(0.8, -0.1, 0.3, 91.0, 0.5, 40.0, 0.8, 2.5),
        season=Season((10**15,), (0.1,)),
        value=booster(NAMES, "tweedie"),
        value_season=Season(),
        offer=OfferModels(booster(CONTACT_NAMES, "binary"), effect, 500.0, ""),
        horizons=Horizons(91, NAMES[5:45], (step(182), step(28))),
        value_range=ValueRange((10.0, 50.0), (0.0, 0.0), (4000.0, 9000.0)),
    )


@pytest.fixture(scope="session")
def sealed_bundle(
    tmp_path_factory: pytest.TempPathFactory, scorer: Scorer, judged: Scorer, golden: FactTable
) -> Path:
    """Sealed and signed. Do not change it."""
    with sealed_folder(tmp_path_factory.mktemp("bundles")) as staged:
        write_bundle(staged.path, scorer, judged, Question(), {"as_of": "2026-01-01"}, golden)
    sign(staged.path, KEY)
    return staged.path


@pytest.fixture
def resealed(tmp_path: Path, sealed_bundle: Path) -> Callable[..., Path]:
    """The bundle with one file changed, its manifest and signature made anew."""

    def seal(name: str, change: Callable[[str], str]) -> Path:
        with sealed_folder(tmp_path) as staged:
            shutil.copytree(
                sealed_bundle,
                staged.path,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns(MANIFEST, SIGNATURE),
            )
            before = (staged.path / name).read_text()
            after = change(before)
            assert after != before
            (staged.path / name).write_text(after)
        sign(staged.path, KEY)
        return staged.path

    return seal
