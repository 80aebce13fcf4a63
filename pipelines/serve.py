"""`holdfast serve`: starts the server as a process of its own."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from releases.home import Home
from tables.refusal import Refused


def serve(
    home: Home,
    host: str,
    port: int,
    workers: int | None = None,
    certificate: Path | None = None,
    private_key: Path | None = None,
    *,
    sandbox: bool = False,
) -> NoReturn:
    """Become the server: whoever stops this process stops it."""
    if not home.published().week:
        raise Refused("no week is published; run `holdfast score` first")
    environment = os.environ | {
        "HOLDFAST_HOME": str(home.path.resolve()),
        "BENTOML_DO_NOT_TRACK": "true",
        "OTEL_SDK_DISABLED": "true",
    }
    if sandbox:
        environment["HOLDFAST_SANDBOX"] = "1"
    command = [sys.executable, "-m", "serving.run", "--host", host, "--port", str(port)]
    if workers is not None:
        command += ["--workers", str(workers)]
    if certificate:
        command += ["--certificate", str(certificate)]
    if private_key:
        command += ["--private-key", str(private_key)]
    os.execve(sys.executable, command, environment)
