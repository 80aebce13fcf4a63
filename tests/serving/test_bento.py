"""The Bento: built, started from its folder with what it asks for and nothing else, and asked."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from packaging.requirements import Requirement

# What may be imported in the Bento: put first in its path, so that Python runs it before anything else.
ONLY = """
import sys
class Only:
    def find_spec(self, name, path=None, target=None):
        if name in {refused!r}:
            raise ModuleNotFoundError(f"{{name}} is no part of the Bento", name=name)
sys.meta_path.insert(0, Only())
"""


@pytest.fixture(scope="session")
def bento(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bento")
    environment = os.environ | {"BENTOML_HOME": str(folder), "BENTOML_DO_NOT_TRACK": "true"}
    command = [Path(sys.executable).parent / "bentoml", "build", "--version", "tested"]
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "bentos" / "holdfast" / "tested"


def required(names: list[str]) -> set[str]:
    """The installed distributions that these need, with what those need in turn."""
    found: set[str] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        each = waiting.pop()
        name = re.sub(r"[-_.]+", "-", each.name).lower()
        if name in found:
            continue
        found.add(name)
        for text in distribution(name).requires or []:
            inner = Requirement(text)
            if inner.marker is None or any(
                inner.marker.evaluate({"extra": extra}) for extra in (each.extras or {""})
            ):
                waiting.append(inner)
    return found


def outside(names: list[str]) -> set[str]:
    """The packages of this environment that are there for something else than these distributions."""
    inside = required(names)
    return {
        package
        for package, owners in packages_distributions().items()
        if not {re.sub(r"[-_.]+", "-", owner).lower() for owner in owners} & inside
        and "." not in package
        and not package.startswith("_")
    }


def test_the_bento_holds_the_service_and_nothing_of_training(bento: Path) -> None:
    rooms = {path.name for path in (bento / "src").iterdir() if path.is_dir()}
    assert rooms == {"tables", "features", "models", "decisions", "releases", "serving"}
    assert {path.suffix for path in (bento / "src").rglob("*") if path.is_file()} <= {".py", ".yaml"}


def test_the_bento_asks_for_what_the_project_asks_for_with_the_same_bounds(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    bounds = {
        Requirement(each).name: Requirement(each).specifier
        for each in (*project["dependencies"], *project["optional-dependencies"]["serve"])
    }
    asked = yaml.safe_load((root / "bentofile.yaml").read_text())["python"]["packages"]
    assert {Requirement(each).name: Requirement(each).specifier for each in asked}.items() <= bounds.items()
    serve = {Requirement(each).name for each in project["optional-dependencies"]["serve"]}
    assert serve <= {Requirement(each).name for each in asked}


# There it has no compiled facts yet, and compiling them takes half a minute.
@pytest.mark.nightly
def test_started_from_its_folder_it_answers_as_the_service_does(
    bento: Path, published: Path, tmp_path: Path, server: Any, client: httpx.Client
) -> None:
    asked = (bento / "env" / "python" / "requirements.txt").read_text().split()
    refused = outside([each for each in asked if each])
    assert {"mlflow", "sklearn", "pandas", "matplotlib", "shap", "pyspark", "typer", "pytest"} <= refused
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(ONLY.format(refused=refused))
    source = bento / "src"
    paths = os.pathsep.join(str(each) for each in (tmp_path / "path", source))
    with server(published, tmp_path / "log", folder=source, PYTHONPATH=paths) as running:
        body = {"customer_ids": ["c-0000001", "c-0000002"], "as_of": "week"}
        for route in ("/v1/score", "/v1/next-best-offer"):
            mine, theirs = (
                httpx.post(f"{url}{route}", json=body, headers=client.headers, timeout=30).json()
                for url in (running.url, str(client.base_url).rstrip("/"))
            )
            for each in (*mine["customers"], *theirs["customers"]):
                each.pop("decision_id", None)
            assert mine == theirs
        assert (
            httpx.get(f"{running.url}/v1/customers/c-0000001", headers=client.headers, timeout=30).status_code
            == 200
        )
        assert httpx.get(f"{running.url}/metrics", headers=client.headers, timeout=30).status_code == 200
        assert str(source) in " ".join(Path(f"/proc/{running.workers()[0]}/environ").read_text().split("\0"))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_the_unit_of_the_service_is_one_that_systemd_understands(root: Path, tmp_path: Path) -> None:
    text = (root / "docs/examples/holdfast-serve.service").read_text(encoding="utf-8")
    there = re.sub(r"(?m)^(User=|WorkingDirectory=|EnvironmentFile=).*$", "", text)
    there = re.sub(r"(?m)^ExecStart=.*$", "ExecStart=/bin/true", there)
    (tmp_path / "holdfast-serve.service").write_text(there)
    said = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "holdfast-serve.service")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "holdfast" not in said.stderr, said.stderr


def test_every_copied_path_and_command_of_the_containerfile_is_in_the_bento(root: Path, bento: Path) -> None:
    text = (root / "docs/examples/Containerfile").read_text(encoding="utf-8")
    for source in re.findall(r"(?m)^COPY (?:--\S+ )?(\S+) ", text):
        assert (bento / source).exists(), source
    for module in re.findall(r"-m\"?,? ?\"?((?:features|serving)\.\w+)", text):
        file = Path(*module.split(".")).with_suffix(".py")
        assert (bento / "src" / file).exists(), module
