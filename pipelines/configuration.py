"""Where the files stand that a business edits."""

import os
from pathlib import Path

from tables.refusal import Refused

VARIABLE = "HOLDFAST_CONFIG"


def configuration() -> Path:
    """What HOLDFAST_CONFIG names, else `config/` where one stands, else the one that came along."""
    here = Path(__file__).parent
    named = os.environ.get(VARIABLE)
    for folder in [Path(named)] if named else [Path("config"), here / "config", here.parent / "config"]:
        if (folder / "policy.yaml").exists():
            return folder
    raise Refused(f"{named or 'config'}: holds no policy.yaml; set {VARIABLE} to the folder that does")


def memory_limit() -> int | None:
    """MB that a job may hold, as config/home.yaml says; None: no limit."""
    from releases.retention import read_retention  # noqa: PLC0415 - `holdfast --help` need not wait for it

    return read_retention(configuration()).memory_limit_mb
