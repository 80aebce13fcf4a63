"""What training leaves in MLflow: a run to compare, and a registered model to promote."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature

from models.churn import CustomerModels
from models.frame import Frame
from models.learner import PARAMETERS
from models.metric import Interval
from models.question import Question
from models.recipe import DEFAULT
from models.scorer import Scorer
from models.stability import Stability
from pipelines.plot import calibration_plot, gain_plot, importance_plot, shap_plot
from pipelines.registry import BUNDLE, CHALLENGER, DEFAULT_URI, use_tracking

mpl.use("Agg")
# Of a training's result, what is figures.
PARTS = ("churn", "value", "offers", "truth", "stability")


@dataclass(frozen=True)
class Tracked:
    """What one training made. `bundle` is the folder that promotion will publish."""

    bundle: Path
    result: dict[str, Any]
    scorer: Scorer
    customer: CustomerModels
    frame: Frame
    question: Question
    stability: dict[str, Stability]


def track(made: Tracked, model: str, experiment: str) -> dict[str, Any]:
    """Log params, figures, plots, data, bundle; register the churn model; make it the challenger."""
    uri = use_experiment(experiment)
    result = made.result
    with mlflow.start_run(run_name=f"{made.question.label} as of {result['as_of'][:10]}") as run:
        mlflow.log_params(
            {f"lightgbm.{name}": value for name, value in PARAMETERS.items()}
            | {f"recipe.{name}": value for name, value in asdict(DEFAULT).items()}
            | {f"question.{name}": value for name, value in result["question"].items()}
            | {"as_of": result["as_of"], "facts": result["data"]["facts"], "rows": result["data"]["rows"]}
        )
        mlflow.set_tags({"base": result["base"], "data_hash": result["data"]["hash"]})
        _log_data(made)
        for name, figure in (
            ("calibration", calibration_plot(made.customer)),
            ("gain", gain_plot(made.customer)),
            ("shap_summary", shap_plot(made.scorer, made.customer)),
            ("importance", importance_plot(made.stability)),
        ):
            mlflow.log_figure(figure, f"plots/{name}.png")
            mpl.pyplot.close(figure)
        mlflow.log_dict(result, "figures.json")
        mlflow.log_artifacts(str(made.bundle), BUNDLE)
        version = _register(made, model)
        # Last: logging a model asks for each figure that the run has by then, one query each.
        log_figures(result)
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(model, CHALLENGER, version)
    return {
        "tracking_uri": uri,
        "run_id": run.info.run_id,
        "registered": {"name": model, "version": int(version), "alias": CHALLENGER},
    }


def track_trial(
    name: str, customer: CustomerModels, frame: Frame, question: Question, experiment: str, **params: Any
) -> str:
    """Log a set-up that was tried, with figures and plots named as `track` names them, so that the two can be
    compared; register nothing. Returns the run's id."""
    use_experiment(experiment)
    with mlflow.start_run(run_name=name, tags={"data_hash": frame.facts.hash()}) as run:
        mlflow.log_params(
            {f"lightgbm.{key}": value for key, value in PARAMETERS.items()}
            | {f"question.{key}": value for key, value in asdict(question).items()}
            | {"facts": len(customer.names), "rows": len(frame)}
            | params
        )
        figures = {"churn": asdict(customer.evaluation), "value": customer.value_evaluation}
        log_figures(figures)
        for plot, figure in (("calibration", calibration_plot(customer)), ("gain", gain_plot(customer))):
            mlflow.log_figure(figure, f"plots/{plot}.png")
            mpl.pyplot.close(figure)
        mlflow.log_dict({"facts": list(customer.names)} | figures, "figures.json")
    return str(run.info.run_id)


def use_experiment(experiment: str) -> str:
    """Make it the current one, and be where it is not; returns where MLflow keeps it."""
    uri = use_tracking()
    if mlflow.get_experiment_by_name(experiment) is None:
        inside = (Path("mlruns") / "artifacts").resolve().as_uri() if uri == DEFAULT_URI else None
        mlflow.create_experiment(experiment, artifact_location=inside)
    mlflow.set_experiment(experiment)
    return uri


def _register(made: Tracked, model: str) -> str:
    example = pd.DataFrame(made.customer.test.facts.values[:5], columns=list(made.scorer.names))
    requirements = ["lightgbm", "numpy", "pandas"]
    signature = infer_signature(example, made.scorer.churn.predict(example))
    info = mlflow.lightgbm.log_model(
        made.scorer.churn,
        name="churn",
        signature=signature,
        input_example=example,
        registered_model_name=model,
        pip_requirements=requirements,
    )
    mlflow.lightgbm.log_model(
        made.scorer.value,
        name="value",
        signature=signature,
        input_example=example,
        pip_requirements=requirements,
    )
    return str(info.registered_model_version)


def _log_data(made: Tracked) -> None:
    for context, frame in (("training", made.frame), ("test", made.customer.test)):
        sample = pd.DataFrame(frame.facts.values[:100], columns=list(frame.facts.names))
        sample[made.question.label] = frame.churned[:100]
        data = mlflow.data.from_pandas(
            sample,
            name=f"{made.result['base']}-{context}",
            targets=made.question.label,
            digest=frame.facts.hash()[:16],
        )
        mlflow.log_input(data, context=context)


def log_figures(result: dict[str, Any], parts: tuple[str, ...] = PARTS) -> None:
    """Every figure of these parts as a metric of the current run, under a name of its own."""
    mlflow.log_metrics(dict(_figures(result, parts)))


def _figures(result: dict[str, Any], parts: tuple[str, ...]) -> list[tuple[str, float]]:
    """Intervals are three figures."""
    found: list[tuple[str, float]] = []

    def walk(name: str, value: Any) -> None:
        if isinstance(value, Interval):
            found.extend((f"{name}.{part}", figure) for part, figure in value._asdict().items())
        elif isinstance(value, dict):
            for key, each in value.items():
                walk(f"{name}.{key}" if name else key, each)
        elif isinstance(value, bool | str | list | tuple):
            return
        elif isinstance(value, int | float):
            found.append((name, float(value)))

    for part in parts:
        walk(part, result.get(part))
    allowed = str.maketrans(dict.fromkeys("(),[]{}", "-"))
    return [(name.translate(allowed), value) for name, value in found if np.isfinite(value)]
