"""BentoML as its tutorial shows it, with the churn model alone, and a route of its own that does nothing."""

import os
from pathlib import Path

import bentoml
import lightgbm as lgb
import numpy as np


@bentoml.service
class Tutorial:
    def __init__(self) -> None:
        self.model = lgb.Booster(model_file=Path(os.environ["ENDPOINT_SHELF"]) / "churn.txt")

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, facts: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.predict(facts))


@bentoml.service
class Empty:
    @bentoml.api  # type: ignore[untyped-decorator]
    def nothing(self) -> None:
        return None
