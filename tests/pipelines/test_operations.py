"""The operations page and its examples: nothing named there is missing, the weekly script does its work."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cli import app

PAGE = "docs/operations.md"


def test_every_link_and_command_of_the_page_is_there(root: Path) -> None:
    text = (root / PAGE).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (root / "docs" / link).exists(), link
    commands = {each.name or each.callback.__name__ for each in app.registered_commands if each.callback}
    assert set(re.findall(r"`holdfast (\w+)", text)) <= commands


def stub(folder: Path, code: int) -> Path:
    """A holdfast that writes down how it was called, and ends with `code` when asked to score."""
    path = folder / "holdfast"
    path.write_text(f'#!/bin/sh\necho "$*" >> "{folder}/called"\n[ "$1" != score ] || exit {code}\n')
    path.chmod(0o755)
    return folder / "called"


@pytest.mark.skipif(sys.platform != "linux", reason="flock and date are Linux's")
@pytest.mark.parametrize("code", [0, 1])
def test_the_weekly_script_runs_each_step_and_ends_as_the_week_does(
    root: Path, tmp_path: Path, code: int
) -> None:
    called = stub(tmp_path, code)
    home = tmp_path / "a home"
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "HOLDFAST_HOME": str(home),
        "HOLDFAST_SOURCE": "shop",
        "HOLDFAST_RAW": "/raw files",
        "HOLDFAST_AS_OF": "2026-11-23",
    }
    script = root / "docs/examples/weekly.sh"
    done = subprocess.run([script, "--accept", "so it is"], env=environment, check=False, timeout=60)
    assert done.returncode == code
    assert called.read_text().splitlines() == [
        f"import shop --home {home} --raw /raw files",
        f"check --home {home}",
        f"score --home {home} --as-of 2026-11-23 --accept so it is",
    ]


def test_the_units_are_ones_that_systemd_understands(root: Path, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here")
    for kind in ("service", "timer"):
        text = (root / f"docs/examples/holdfast-weekly.{kind}").read_text(encoding="utf-8")
        there = re.sub(r"(?m)^(User=|WorkingDirectory=|EnvironmentFile=|ExecStart=).*$", "", text)
        (tmp_path / f"holdfast-weekly.{kind}").write_text(
            there.replace("Type=oneshot", "Type=oneshot\nExecStart=/bin/true")
        )
    units = [str(tmp_path / f"holdfast-weekly.{kind}") for kind in ("timer", "service")]
    said = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False, timeout=60
    )
    assert "holdfast" not in said.stderr, said.stderr
