"""`holdfast promote`: a registered model becomes the published bundle."""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from pipelines.registry import BUNDLE, CHALLENGER, CHAMPION, model_of, use_tracking
from pipelines.terminal import bar
from releases.bundle import open_bundle, read_bundle
from releases.home import Home
from releases.reference import read_reference
from releases.signature import sign
from tables.refusal import Refused
from tables.sealed import sealed_folder


def promote(home: Home, version: int | None) -> dict[str, Any]:
    """Take the challenger (or a version), verify it aside, publish it, and make it the champion."""
    name = model_of(home.current_base())
    uri = use_tracking()
    client = mlflow.MlflowClient()
    try:
        model = (
            client.get_model_version_by_alias(name, CHALLENGER)
            if version is None
            else client.get_model_version(name, str(version))
        )
    except MlflowException as error:
        raise Refused(
            f"{uri}: no {name} {f'version {version}' if version else CHALLENGER}; run `holdfast train` first"
        ) from error
    with bar("promoting") as progress, tempfile.TemporaryDirectory() as folder:
        progress(0, 3)
        try:
            came = mlflow.artifacts.download_artifacts(
                run_id=model.run_id, artifact_path=BUNDLE, dst_path=folder
            )
        except (MlflowException, OSError) as error:
            raise Refused(f"{uri}: run {model.run_id} holds no whole bundle ({error}); train anew") from error
        progress(1, 3)
        _ = open_bundle(Path(came)).judged  # read for its checks: what is damaged is not published
        read_reference(Path(came))
        with sealed_folder(home.bundles) as staged:
            shutil.copytree(came, staged.path, dirs_exist_ok=True)
        sign(staged.path, home.key())
        bundle = read_bundle(staged.path, home.key())
        progress(2, 3)
        home.publish(bundle=bundle.name, at=datetime.now(UTC).isoformat(timespec="seconds"))
        client.set_registered_model_alias(name, CHAMPION, model.version)
        progress(3, 3)
    return {
        "bundle": bundle.name,
        "path": str(home.bundles / bundle.name),
        "model": {"name": name, "version": int(model.version), "run_id": model.run_id},
        "as_of": bundle.about["as_of"],
        "auc": bundle.about["churn"]["headline"]["model"]["auc"],
    }


def render(result: dict[str, Any]) -> list[Any]:
    model = result["model"]
    return [
        f"Published bundle {result['bundle']}: {model['name']} version {model['version']}, trained as of "
        f"{result['as_of'][:10]}; next: holdfast score"
    ]
