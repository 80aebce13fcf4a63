"""Churn and value: trained on many past moments, judged on later ones, on customers seen and unseen."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.family import LONGEST
from features.reader import Progress
from models.baseline import predict_baselines
from models.calibration import Calibration
from models.effect import OfferModels
from models.evaluation import Evaluation, evaluate, evaluate_value, share_within
from models.frame import Frame, Moments
from models.horizon import Horizons, learn_horizons
from models.horizon_judging import JudgedHorizons, judge_horizons
from models.learner import boost, fit
from models.metric import Interval
from models.promise import Promise
from models.question import SILENCE, Question
from models.recipe import churn_of, fit_churn, relearn
from models.scorer import Scorer
from models.season import Season, season_of_money
from models.value_range import ValueRange, fit_value_range
from tables.moment import DAY
from tables.refusal import Refused

Floats = npt.NDArray[np.float64]
# Tweedie's compound Poisson: most customers bring nothing, some a lot (Jorgensen 1987).
VALUE = {"objective": "tweedie", "tweedie_variance_power": 1.5}


class Learnt(NamedTuple):
    """What the recipe learnt from some rows: the parts of a Scorer that speak of customers."""

    churn: lgb.Booster
    calibration: Calibration
    season: Season
    value: lgb.Booster
    value_season: Season
    value_range: ValueRange
    horizons: Horizons | None

    @property
    def promise(self) -> Promise:
        """The churn probability's parts."""
        return Promise(self.churn, self.calibration, self.season)

    def value_of(self, values: Floats, moments: npt.NDArray[np.int64]) -> Floats:
        return self.value_season.of_money(np.asarray(self.value.predict(values)), moments)


@dataclass(frozen=True)
class CustomerModels:
    """Who leaves and what they bring, with the evidence.

    published has learnt from every labelled moment; judged is the same recipe that had seen only the training
    moments, and the evaluation is of it; `folds` are of its churn model, each without a third of the
    customers. value_within: slice -> share of customers whose value lay within its interval.
    """

    names: tuple[str, ...]
    published: Learnt
    judged: Learnt
    evaluation: Evaluation
    value_evaluation: dict[str, Interval]
    value_within: dict[str, Interval]
    horizons: JudgedHorizons
    importance: dict[str, float]
    test: Frame
    predictions: dict[str, Floats]
    folds: tuple[lgb.Booster, ...]

    def scorer(self, offer: OfferModels) -> Scorer:
        """The models to publish at work, with models of the offers' effect."""
        return Scorer(names=self.names, offer=offer, **self.published._asdict())

    def judged_scorer(self, offer: OfferModels) -> Scorer:
        """The models that were judged at work: they know nothing of the test moments or later."""
        return Scorer(names=self.names, offer=offer, **self.judged._asdict())


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

    known_by = max(moments.test) + question.known_after

    def stage(number: int) -> Progress:
        def step(done: int, total: int) -> None:
            if progress:
                progress(number * total + done, 3 * total)

        return step

    judged, folds = _learn(train, question, stage(0), stage(1))
    published = judged._replace(
        churn=relearn(frame, judged.promise).booster,
        value=boost(
            frame.facts.values,
            np.maximum(frame.value, 0.0),
            frame.facts.names,
            "tweedie",
            trees=judged.value.num_trees(),
            parameters=VALUE,
        ),
    )
    stage(2)(0, 1)
    predictions = {"model": judged.promise(test.facts.values, test.facts.moments)}
    horizons = JudgedHorizons()
    if question.kind == SILENCE:
        told, horizons = judge_horizons(frame, train, test, judged.promise, question, known_by)
        judged = judged._replace(horizons=told)
        again, _ = learn_horizons(frame, question.horizon_days, known_by, horizons.days, told.names)
        published = published._replace(horizons=again)
    predictions |= predict_baselines(_as_if_all_bought(train), _as_if_all_bought(test), question)
    value = judged.value_of(test.facts.values, test.facts.moments)
    gains = judged.churn.feature_importance("gain")
    stage(2)(1, 1)
    return CustomerModels(
        names=frame.facts.names,
        published=published,
        judged=judged,
        evaluation=evaluate(test, question, predictions, zone),
        value_evaluation=evaluate_value(test, value, judged.value_range),
        value_within=share_within(test, question, value, judged.value_range),
        horizons=horizons,
        importance=dict(zip(frame.facts.names, (gains / max(gains.sum(), 1e-12)).tolist(), strict=True)),
        test=test,
        predictions=predictions,
        folds=folds,
    )


def _learn(
    train: Frame, question: Question, churn_progress: Progress, value_progress: Progress
) -> tuple[Learnt, tuple[lgb.Booster, ...]]:
    """What the recipe learns from `train`, and the churn model's folds."""
    fitted = fit_churn(train, progress=churn_progress)
    churn = churn_of(fitted, train, question.known_after // DAY, silence=question.kind == SILENCE)
    came = np.maximum(train.value, 0.0)
    value = fit(
        train.facts.values,
        came,
        train.facts.places,
        train.facts.names,
        "tweedie",
        parameters=VALUE,
        progress=value_progress,
    )
    learnt = Learnt(
        churn=churn.booster,
        calibration=churn.calibration,
        season=churn.season,
        value=value.booster,
        value_season=season_of_money(value.out_of_fold, came, train.facts.moments),
        value_range=fit_value_range(value.out_of_fold, train.value),
        horizons=None,
    )
    return learnt, fitted.folds


def _as_if_all_bought(frame: Frame) -> Frame:
    """For the baselines, which know orders only: who never ordered (and has a contract, say) did so longer
    ago than anything is looked at."""
    facts = frame.facts
    places = [facts.names.index(name) for name in ("days_since_last_order", "days_since_first_order")]
    if not np.isnan(facts.values[:, places]).any():
        return frame
    values = facts.values.copy()
    values[:, places] = np.nan_to_num(values[:, places], nan=LONGEST)
    return replace(frame, facts=facts._replace(values=values))


def _check(frame: Frame, what: str, question: Question) -> None:
    left = int(frame.churned.sum())
    if min(left, len(frame) - left) < 10:
        raise Refused(
            f"{what}: {left} of {len(frame)} customers {question.leaving}; "
            "to learn the difference there must be at least ten who left and ten who stayed: "
            "choose another --horizon, or an --as-of with more history"
        )
