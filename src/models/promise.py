"""A promise: a booster's probability, calibrated and moved by the time of year."""

from typing import Any, NamedTuple

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.reader import Progress
from models.calibration import Calibration, fit_calibration
from models.frame import Frame
from models.learner import fit
from models.season import Season, season_of_probability

Floats = npt.NDArray[np.float64]


class Promise(NamedTuple):
    """The parts that turn facts into a probability."""

    booster: lgb.Booster
    calibration: Calibration
    season: Season

    def __call__(self, values: Floats, t: npt.NDArray[np.int64] | int) -> Floats:
        """values: in the booster's columns, shape (rows, facts); t: microseconds, one or one a row."""
        raw = np.asarray(self.booster.predict(values))
        # LightGBM takes its time to name facts, and few promises need them.
        names = tuple(self.booster.feature_name()) if self.calibration.share else ()
        told = self.calibration(raw, values, names)
        return self.season.of_probability(told, t)


def learn_promise(
    rows: Frame,
    label: Floats,
    *,
    parameters: dict[str, Any] | None = None,
    trees: int | None = None,
    progress: Progress | None = None,
) -> Promise:
    """Calibration and season are found on predictions for customers left out; label: shape (rows,)."""
    facts = rows.facts
    fitted = fit(
        facts.values,
        label,
        facts.places,
        facts.names,
        "binary",
        parameters=parameters,
        trees=trees,
        progress=progress,
    )
    calibration = fit_calibration(fitted.out_of_fold, label)
    season = season_of_probability(calibration(fitted.out_of_fold), label, facts.moments)
    return Promise(fitted.booster, calibration, season)
