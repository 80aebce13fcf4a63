"""The uplift learners that others publish, each as: learn from half, promise for the other half.

With LightGBM underneath wherever a learner takes any model: "shallow" has the settings of our own outcome
models, "default" LightGBM's own. "tutorial" has what the package's tutorial uses.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.trial import OUTCOME, OUTCOME_TREES, coarse

Floats = npt.NDArray[np.float64]
# (facts, contacted, outcome) of the half learnt from, facts of the other half -> the effect promised
Peer = Callable[[Floats, Floats, Floats, Floats], Floats]


def peers(rows: int) -> dict[str, Peer]:
    from catboost import CatBoostClassifier  # noqa: PLC0415
    from causalml.inference.meta import (  # noqa: PLC0415
        BaseDRRegressor,
        BaseRRegressor,
        BaseSRegressor,
        BaseTRegressor,
        BaseXRegressor,
        XGBTRegressor,
    )
    from sklift.models import ClassTransformation, SoloModel, TwoModels  # noqa: PLC0415
    from xgboost import XGBClassifier  # noqa: PLC0415

    small = coarse(OUTCOME, rows) | {"n_estimators": OUTCOME_TREES}

    def classes(shallow: bool = True) -> Any:
        return lgb.LGBMClassifier(**(small if shallow else {}), verbosity=-1, n_jobs=1)

    def numbers(shallow: bool = True) -> Any:
        return lgb.LGBMRegressor(**(small if shallow else {}), verbosity=-1, n_jobs=1)

    made: dict[str, Callable[[], Any]] = {
        "sklift S, shallow": lambda: SoloModel(classes()),
        "sklift S, default": lambda: SoloModel(classes(False)),
        "sklift S with interactions, shallow": lambda: SoloModel(classes(), method="treatment_interaction"),
        "sklift class transformation, shallow": lambda: ClassTransformation(classes()),
        "sklift class transformation, default": lambda: ClassTransformation(classes(False)),
        "sklift class transformation, tutorial": lambda: ClassTransformation(
            XGBClassifier(max_depth=2, n_jobs=1, random_state=42)
        ),
        "sklift T, shallow": lambda: TwoModels(classes(), classes()),
        "sklift T, default": lambda: TwoModels(classes(False), classes(False)),
        "sklift T dependent, shallow": lambda: TwoModels(classes(), classes(), method="ddr_control"),
        "sklift S, tutorial": lambda: SoloModel(
            CatBoostClassifier(
                iterations=20, thread_count=1, random_state=42, silent=True, allow_writing_files=False
            )
        ),
        "causalml S, shallow": lambda: BaseSRegressor(numbers()),
        "causalml T, shallow": lambda: BaseTRegressor(numbers()),
        "causalml T, tutorial": lambda: XGBTRegressor(random_state=42, n_jobs=1),
        "causalml X, shallow": lambda: BaseXRegressor(numbers()),
        "causalml X, default": lambda: BaseXRegressor(numbers(False)),
        "causalml R, shallow": lambda: BaseRRegressor(numbers(), random_state=42),
        "causalml DR, shallow": lambda: BaseDRRegressor(numbers()),
    }
    return {
        name: _sklift(make) if name.startswith("sklift") else _causalml(make) for name, make in made.items()
    }


def several(rows: int) -> dict[str, Callable[[Floats, npt.NDArray[np.int64], Floats, Floats], Floats]]:
    """Learners of several treatments at once (causalml only): shape (customers, treatments)."""
    from causalml.inference.meta import (  # noqa: PLC0415
        BaseRRegressor,
        BaseSRegressor,
        BaseTRegressor,
        BaseXRegressor,
    )

    small = coarse(OUTCOME, rows) | {"n_estimators": OUTCOME_TREES}

    def numbers() -> Any:
        return lgb.LGBMRegressor(**small, verbosity=-1, n_jobs=1)

    made: dict[str, Callable[[], Any]] = {
        "causalml S, shallow": lambda: BaseSRegressor(numbers()),
        "causalml T, shallow": lambda: BaseTRegressor(numbers()),
        "causalml X, shallow": lambda: BaseXRegressor(numbers()),
        "causalml R, shallow": lambda: BaseRRegressor(numbers(), random_state=42),
    }
    return {name: _causalml_of_several(make) for name, make in made.items()}


def _sklift(make: Callable[[], Any]) -> Peer:
    def promise(facts: Floats, contacted: Floats, outcome: Floats, others: Floats) -> Floats:
        with _quiet():
            model = make().fit(facts, outcome.astype(int), contacted.astype(int))
            return np.asarray(model.predict(others), dtype=np.float64)

    return promise


def _causalml(make: Callable[[], Any]) -> Peer:
    of_several = _causalml_of_several(make)

    def promise(facts: Floats, contacted: Floats, outcome: Floats, others: Floats) -> Floats:
        effect: Floats = of_several(facts, contacted.astype(np.int64), outcome, others)[:, 0]
        return effect

    return promise


def _causalml_of_several(make: Callable[[], Any]) -> Any:
    def promise(facts: Floats, treatment: npt.NDArray[np.int64], outcome: Floats, others: Floats) -> Floats:
        share = {int(k): float((treatment == k).mean()) for k in np.unique(treatment)}
        # Each treatment's chance against none: they were drawn at random, so nothing is to be estimated.
        chance = {k: s / (s + share[0]) for k, s in share.items() if k}
        with _quiet():
            model = make()
            if hasattr(model, "cv_n_jobs"):
                model.cv_n_jobs = 1
            model.fit(facts, treatment, outcome, p={k: np.full(len(facts), c) for k, c in chance.items()})
            told = model.predict(others, p={k: np.full(len(others), c) for k, c in chance.items()})
            effect: Floats = np.asarray(told, dtype=np.float64).reshape(len(others), -1)
            return effect

    return promise


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
