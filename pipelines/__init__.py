"""The jobs."""

import os

# Our own bars and refusals speak; MLflow keeps to warnings. It looks when imported, so this stands first.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
