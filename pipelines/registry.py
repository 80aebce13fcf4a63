"""Where MLflow keeps runs and models, and what ours are called there."""

import json
import os
from pathlib import Path

import mlflow

DEFAULT_URI = "sqlite:///mlruns/mlflow.db"
CHALLENGER, CHAMPION = "challenger", "champion"
BUNDLE = "bundle"


def model_of(base: Path) -> str:
    """The registered model's name: one a source, so that bases which share an MLflow keep their champions."""
    source = json.loads((base / "tables" / "base.json").read_text(encoding="utf-8"))["source"]
    return f"holdfast-churn-{source}"


def use_tracking() -> str:
    """Point MLflow at MLFLOW_TRACKING_URI, by default at the SQLite store inside mlruns/; models are
    registered there too, unless MLFLOW_REGISTRY_URI says otherwise."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", DEFAULT_URI)
    if uri == DEFAULT_URI:
        Path("mlruns").mkdir(exist_ok=True)
    mlflow.set_tracking_uri(uri)
    return uri
