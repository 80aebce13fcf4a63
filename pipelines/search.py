"""`holdfast search`: how the recipe's defaults are found, on any number of bases at once.

Each trial is a recipe (models.recipe), judged on past moments that its models had not reached, never on the
test moments of `holdfast train`; each is an MLflow run. The study is kept in a database and taken up again
where it stopped, by any number of processes.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import optuna

from decisions.policy import read_policy
from models.backtest import Fold, backtest, out_of_time_folds, thinned
from models.frame import Moments, build_frame, training_moments
from models.question import Question
from models.recipe import DEFAULT, Recipe
from pipelines.as_of import moment_of, open_base
from pipelines.configuration import configuration
from pipelines.registry import use_tracking
from pipelines.terminal import bar, grid
from releases.home import Home

DEFAULT_STORAGE = "sqlite:///mlruns/search.db"
EXPERIMENT = "holdfast-search"
SEED = 5
DEFAULTS = "defaults"


def search(
    homes: list[Home], as_of: str | None, horizon: int, trials: int, rows: int, study: str, storage: str
) -> dict[str, Any]:
    """Until the study has so many finished trials. rows: learnt from and judged on, at most, a base."""
    question = Question(horizon_days=horizon)
    bases = {}
    with bar("reading facts") as progress:
        for k, home in enumerate(homes):
            bases[home.path.name] = _folds(home, as_of, question, rows)
            progress(k + 1, len(homes))
    use_tracking()
    Path("mlruns").mkdir(exist_ok=True)
    mlflow.set_experiment(EXPERIMENT)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kept = optuna.create_study(
        study_name=study,
        storage=storage,
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=SEED + _finished_of(study, storage)),
    )
    if _of_defaults(kept) is None:  # what is to be beaten; a search that was killed may not have come so far
        kept.enqueue_trial(asdict(DEFAULT), user_attrs={DEFAULTS: True})

    def objective(trial: optuna.Trial) -> float:
        recipe = _drawn(trial)
        with mlflow.start_run(run_name=f"{study} {trial.number}"):
            mlflow.log_params(asdict(recipe) | {"bases": ", ".join(bases), "rows": rows})
            return _judged(bases, question, recipe)

    with bar("trials") as progress:
        progress(_finished(kept), trials)
        while _finished(kept) < trials or _of_defaults(kept) is None:
            kept.optimize(objective, n_trials=1)
            progress(_finished(kept), trials)
    return _result(kept, bases, storage)


def _folds(home: Home, as_of: str | None, question: Question, rows: int) -> list[Fold]:
    _, histories = open_base(home)
    moments = training_moments(histories, question, moment_of(histories, as_of))
    margin_rate = read_policy(configuration() / "policy.yaml").margin_rate
    frame = build_frame(histories, question, Moments(moments.train, ()), margin_rate=margin_rate)
    return out_of_time_folds(thinned(frame, rows), question.horizon_days)


def _drawn(trial: optuna.Trial) -> Recipe:
    return Recipe(
        learning_rate=trial.suggest_float("learning_rate", 0.02, 0.15, log=True),
        num_leaves=trial.suggest_int("num_leaves", 5, 31),
        min_data_in_leaf=trial.suggest_int("min_data_in_leaf", 20, 400, log=True),
        feature_fraction=trial.suggest_float("feature_fraction", 0.05, 0.8, log=True),
        lambda_l2=trial.suggest_float("lambda_l2", 0.1, 100.0, log=True),
        half_life_days=trial.suggest_float("half_life_days", 45.0, 1000.0, log=True),
        directed=trial.suggest_categorical("directed", [True, False]),
        process=trial.suggest_categorical("process", [True, False]),
    )


def _judged(bases: dict[str, list[Fold]], question: Question, recipe: Recipe) -> float:
    """The mean AUC over all bases, each over its folds; every figure is logged."""
    scores = []
    for base, folds in bases.items():
        figures = backtest(folds, question.horizon_days, recipe)
        for name in figures[0]:
            mlflow.log_metric(f"{base}.{name}", float(np.mean([each[name] for each in figures])))
        scores.append(float(np.mean([each["auc"] for each in figures])))
    mlflow.log_metric("auc", float(np.mean(scores)))
    return float(np.mean(scores))


def _finished(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)))


def _of_defaults(study: optuna.Study) -> optuna.trial.FrozenTrial | None:
    """The finished trial of the recipe as it is shipped."""
    return next(
        (each for each in study.trials if each.value is not None and DEFAULTS in each.user_attrs), None
    )


def _finished_of(study: str, storage: str) -> int:
    """So that a search taken up again does not draw the same recipes."""
    return sum(each.n_trials for each in optuna.get_all_study_summaries(storage) if each.study_name == study)


def _result(study: optuna.Study, bases: dict[str, list[Fold]], storage: str) -> dict[str, Any]:
    done = [each for each in study.trials if each.value is not None]
    shipped = _of_defaults(study)
    assert shipped is not None
    best = sorted(done, key=lambda each: -float(each.value or 0.0))
    return {
        "study": study.study_name,
        "storage": storage,
        "folds": {base: len(folds) for base, folds in bases.items()},
        "trials": len(done),
        "defaults": {"trial": shipped.number, "auc": shipped.value},
        "best": [{"trial": each.number, "auc": each.value, **each.params} for each in best[:5]],
    }


def render(result: dict[str, Any]) -> list[Any]:
    header = list(result["best"][0])
    told = [
        [f"{v:.4g}" if isinstance(v, float) else str(v) for v in each.values()] for each in result["best"]
    ]
    return [
        grid(f"The best of {result['trials']} recipes, mean AUC out of time", header, told),
        f"The defaults had {result['defaults']['auc']:.4f}. They are frozen in src/models/recipe.py.",
    ]
