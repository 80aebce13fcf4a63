"""A registered model's bundle out of MLflow: not trusted yet, whoever opens it checks it."""

import tempfile
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from pipelines.registry import BUNDLE, CHALLENGER, model_of, use_tracking
from pipelines.shadow import Shadow
from releases.bundle import open_bundle
from releases.home import Home
from tables.refusal import Refused


def asked_for(name: str, uri: str, version: int | None) -> Any:
    """The registered version, by default the challenger; Refused when there is none."""
    client = mlflow.MlflowClient()
    try:
        if version is None:
            return client.get_model_version_by_alias(name, CHALLENGER)
        return client.get_model_version(name, str(version))
    except MlflowException as error:
        raise Refused(
            f"{uri}: no {name} {f'version {version}' if version else CHALLENGER}; run `holdfast train` first"
        ) from error


def fetched(uri: str, run_id: str, into: Path) -> Path:
    """The folder of the run's bundle, downloaded into `into`; Refused when it cannot be had."""
    try:
        return Path(
            mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=BUNDLE, dst_path=str(into))
        )
    except (MlflowException, OSError) as error:
        raise Refused(f"{uri}: run {run_id} holds no whole bundle ({error}); train anew") from error


def fetch_shadow(home: Home, version: int) -> Shadow:
    """Raises Refused, before a week is scored, when there is no such version or it is damaged."""
    name, uri = model_of(home.current_base()), use_tracking()
    model = asked_for(name, uri, version)
    with tempfile.TemporaryDirectory() as folder:
        bundle = open_bundle(fetched(uri, model.run_id, Path(folder)))
    return Shadow(bundle, name, int(model.version), model.run_id)
