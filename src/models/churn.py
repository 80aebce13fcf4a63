"""Churn and value: trained on many past moments, judged on later ones, on customers seen and unseen."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from features.reader import Progress
from models.baseline import predict_baselines
from models.calibration import Calibration, fit_calibration
from models.effect import OfferModels
from models.evaluation import Evaluation, evaluate
from models.frame import Frame, Moments
from models.learner import boost, fit
from models.metric import Interval, with_interval
from models.question import Question
from models.scorer import Scorer
from models.season import Season, season_of_money, season_of_probability
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
# Tweedie's compound Poisson: most customers bring nothing, some a lot (Jorgensen 1987).
VALUE = {"objective": "tweedie", "tweedie_variance_power": 1.5}


@dataclass(frozen=True)
class CustomerModels:
    """Who leaves and what they bring, ready to publish, with the evidence.

    The boosters have learnt from every labelled moment; the evaluation is of the same recipe that had seen
    only the training moments, `judged`; `folds` are of that recipe too, each without a third of the
    customers.
    """

    names: tuple[str, ...]
    churn: lgb.Booster
    calibration: Calibration
    season: Season
    value: lgb.Booster
    value_season: Season
    evaluation: Evaluation
    value_evaluation: dict[str, Interval]
    importance: dict[str, float]
    test: Frame
    predictions: dict[str, Floats]
    judged: lgb.Booster
    folds: tuple[lgb.Booster, ...]

    def scorer(self, offer: OfferModels) -> Scorer:
        """These models at work, with models of the offers' effect."""
        return Scorer(
            names=self.names,
            churn=self.churn,
            calibration=self.calibration,
            season=self.season,
            value=self.value,
            value_season=self.value_season,
            offer=offer,
        )


def train_customer_models(
    frame: Frame, moments: Moments, question: Question, zone: str, progress: Progress | None = None
) -> CustomerModels:
    """Train on the frame's training moments, judge on its test moments, then learn from all.

    zone: the base's, in which months are named. Raises Refused when there is nothing to learn from: too few
    rows, or one outcome only.
    """
    train, test = frame.at(moments.train), frame.at(moments.test)
    train = train.rows(~train.unseen)
    _check(train, "training", question)
    _check(test, "test", question)
    names = frame.facts.names

    def step(done: int, total: int) -> None:
        if progress:
            progress(done, 2 * total + 4)

    def second(done: int, total: int) -> None:
        step(total + done, total)

    churn = fit(train.facts.values, train.churned, train.facts.places, names, "binary", progress=step)
    calibration = fit_calibration(churn.out_of_fold, train.churned)
    season = season_of_probability(calibration(churn.out_of_fold), train.churned, train.facts.moments)
    value = fit(
        train.facts.values,
        np.maximum(train.value, 0.0),
        train.facts.places,
        names,
        "tweedie",
        parameters=VALUE,
        progress=second,
    )
    value_season = season_of_money(value.out_of_fold, np.maximum(train.value, 0.0), train.facts.moments)
    ours = season.of_probability(
        calibration(np.asarray(churn.booster.predict(test.facts.values))), test.facts.moments
    )
    predictions = {"model": ours} | predict_baselines(train, test, question)
    value_predicted = value_season.of_money(
        np.asarray(value.booster.predict(test.facts.values)), test.facts.moments
    )
    gains = churn.booster.feature_importance("gain")
    return CustomerModels(
        names=names,
        churn=boost(frame.facts.values, frame.churned, names, "binary", trees=churn.trees),
        calibration=calibration,
        season=season,
        value_season=value_season,
        value=boost(
            frame.facts.values,
            np.maximum(frame.value, 0.0),
            names,
            "tweedie",
            trees=value.trees,
            parameters=VALUE,
        ),
        evaluation=evaluate(test, question, predictions, zone),
        value_evaluation=_evaluate_value(test, value_predicted),
        importance=dict(zip(names, (gains / max(gains.sum(), 1e-12)).tolist(), strict=True)),
        test=test,
        predictions=predictions,
        judged=churn.booster,
        folds=churn.folds,
    )


def _check(frame: Frame, what: str, question: Question) -> None:
    left = int(frame.churned.sum())
    if min(left, len(frame) - left) < 10:
        raise Refused(
            f"{what}: {left} of {len(frame)} customers bought nothing within {question.horizon_days} days; "
            "to learn the difference there must be at least ten who left and ten who stayed: "
            "choose another --horizon, or an --as-of with more history"
        )


def _evaluate_value(test: Frame, predicted: Floats) -> dict[str, Interval]:
    """How far off in money, how well ranked, and whether the total is right; on the latest moment."""
    latest = test.facts.moments == test.facts.moments.max()
    happened, promised = test.value[latest], predicted[latest]

    def error(p: Floats, y: Floats, w: Floats) -> float:
        return float(np.average(np.abs(p - y), weights=w))

    def total(p: Floats, y: Floats, w: Floats) -> float:
        return float((w * p).sum() / max((w * y).sum(), 1e-12))

    def correlation(p: Floats, y: Floats, w: Floats) -> float:
        ranks = [rankdata(each) for each in (p, y)]
        centred = [each - np.average(each, weights=w) for each in ranks]
        covariance = np.average(centred[0] * centred[1], weights=w)
        spread = np.sqrt(np.average(centred[0] ** 2, weights=w) * np.average(centred[1] ** 2, weights=w))
        return float(covariance / spread) if spread > 0 else float("nan")

    metrics = {
        "mean_absolute_error": error,
        "promised_to_actual_total": total,
        "rank_correlation": correlation,
    }
    return {name: with_interval(metric, promised, happened) for name, metric in metrics.items()}
