"""A published home for the benchmarks of the service: a simulated world whose business makes forty offers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tables.contract import CONTACT_CHANNELS, OFFER_KINDS

OFFERS = 40
# The simulated world's own.
GIVEN = 12
ROOT = Path(__file__).parent.parent


def made_home(folder: Path, customers: int) -> Path:
    """The whole job, as its user runs it; a home that is there already is taken as it is."""
    home = folder / "home"
    if (home / "published.json").exists():
        return home
    config = folder / "config"
    shutil.copytree(ROOT / "config", config, dirs_exist_ok=True)
    (config / "offers.yaml").write_text(yaml.safe_dump({"offers": made_offers()}, allow_unicode=True))
    _run(folder, "simulate", "--home", home, "--customers", customers)
    for job in ("check", "train", "promote", "score"):
        _run(folder, job, "--home", home)
    return home


def made_offers() -> list[dict[str, object]]:
    """Offers like the world's, of every kind, in three sizes."""
    said = [name for name in CONTACT_CHANNELS if name in ("sms", "email", "app_push", "wecom")]
    return [
        {
            "offer_id": f"o-more-{k:02}",
            "kind": OFFER_KINDS[k % len(OFFER_KINDS)],
            "name": f"offer {k:02}",
            "reward": 500 * (1 + k % 7),
            "cost": 400 * (1 + k % 7),
            "contact_cost": 5 * (1 + k % 4),
            "minimum_spend": 2_000 * (k % 5),
            "starts_on": "2020-01-01",
            "ends_on": "2035-12-31",
            "channels": said[: 1 + k % len(said)],
        }
        for k in range(OFFERS - GIVEN)
    ]


def _run(folder: Path, *arguments: object) -> None:
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", *map(str, arguments)]
    # Nothing of ours is on the path from another folder, unless it is installed.
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    environment = os.environ | {"HOLDFAST_CONFIG": str(folder / "config"), "PYTHONPATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stderr}")
