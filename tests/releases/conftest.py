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
from models.learner import boost
from models.question import Question
from models.scorer import Scorer
from models.season import Season
from models.uplift_learner import BoostedEffect, Term
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
    def booster(names: tuple[str, ...], objective: str) -> Any:
        random = np.random.default_rng(2)
        values = random.gamma(1.0, 10.0, size=(600, len(names)))
        target = values[:, 0] + values[:, 1] - values[:, 2]
        target = np.maximum(target, 0) if objective == "tweedie" else (target > 10).astype(float)
        return boost(values, target, names, objective, trees=8, parameters={"feature_fraction": 1.0})

    terms = (
        Term(booster((*EFFECT_FACTS, *OFFER_TERMS), "regression"), 1.0),
        Term(booster(EFFECT_FACTS, "regression"), -1.0),
    )
    effect = BoostedEffect(EFFECT_FACTS, OFFER_TERMS, terms, "t")
    return Scorer(
        names=NAMES,
        churn=booster(NAMES, "binary"),
        calibration=Calibration(0.8, -0.1),
        season=Season((10**15,), (0.1,)),
        value=booster(NAMES, "tweedie"),
        value_season=Season(),
        offer=OfferModels(booster(CONTACT_NAMES, "binary"), effect, 500.0, ""),
    )


@pytest.fixture(scope="session")
def sealed_bundle(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer, golden: FactTable) -> Path:
    """Sealed and signed. Do not change it."""
    with sealed_folder(tmp_path_factory.mktemp("bundles")) as staged:
        write_bundle(staged.path, scorer, Question(), {"as_of": "2026-01-01"}, golden)
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
