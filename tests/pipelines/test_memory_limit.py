"""The limit of memory is obeyed by whole commands: the most that a process ever had resident stays below it,
where without the limit it would not, and what is published is the same."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tables.sealed import MANIFEST, point, pointed, sealed_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process had resident")
COPIES = 24
LIMIT_MB = 640
# These texts name something of one customer; the others name what all customers share.
OWN = ("customer_id", "event_id", "merged_into", "returns_event_id", "contact_id", "referred_customer_id")
# Runs commands one after the other in one process, and prints the most it had resident during each, in MB.
MEASURING = """
import json, sys
from pathlib import Path
from pipelines import cli
peaks = {}
for command in sys.argv[1].split(";"):
    Path("/proc/self/clear_refs").write_text("5")
    sys.argv = ["holdfast", *command.split()]
    try:
        cli.main()
    except SystemExit as end:
        assert not end.code, command
    status = Path("/proc/self/status").read_text()
    peaks[command.split()[0]] = int(status.split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps(peaks))
"""


def several(rows: pa.Table, copies: int) -> pa.Table:
    """The same rows of so many times as many customers."""
    made = []
    for k in range(copies):
        part = rows
        for name in set(OWN) & set(rows.column_names):
            column = pc.binary_join_element_wise(rows[name].cast(pa.string()), str(k), "+")
            part = part.set_column(part.column_names.index(name), name, column)
        made.append(part)
    return pa.concat_tables(made)


@pytest.fixture(scope="module")
def grown(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose incoming tables have ten times the customers of `published`, and its models."""
    home = tmp_path_factory.mktemp("grown") / "home"
    for shelf in ("bundles", "signing.key", "published.json"):
        copy: Callable[..., Any] = shutil.copy if "." in shelf else shutil.copytree
        home.mkdir(exist_ok=True)
        copy(published / shelf, home / shelf)
    state = json.loads((home / "published.json").read_text())["states"][-1] | {"policy": "", "week": ""}
    (home / "published.json").write_text(json.dumps({"states": [state]}))
    incoming = pointed(published / "incoming")
    assert incoming
    with sealed_folder(home / "incoming") as staged:
        ours = shutil.ignore_patterns(MANIFEST)
        shutil.copytree(incoming, staged.path, ignore=ours, dirs_exist_ok=True)
        for path in staged.path.glob("*.parquet"):
            rows = pq.read_table(path)
            if "customer_id" in rows.column_names:
                pq.write_table(several(rows, COPIES), path, write_page_checksum=True)
    point(home / "incoming", staged.name)
    return home


def peaks(home: Path, commands: tuple[str, ...], limit: int | None, root: Path) -> dict[str, float]:
    config = shutil.copytree(root / "config", home.parent / f"config-{limit}", dirs_exist_ok=True)
    with (config / "home.yaml").open("a") as file:
        file.write(f"memory_limit_mb: {limit}\n" if limit else "")
    done = subprocess.run(
        [sys.executable, "-c", MEASURING, ";".join(f"{each} --home {home} --json" for each in commands)],
        env=os.environ | {"HOLDFAST_CONFIG": str(config)},
        cwd=home.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def parts_of(home: Path) -> dict[str, bytes]:
    """What the published week tells of customers."""
    week = json.loads((home / "published.json").read_text())["states"][-1]["week"]
    return {path.name: path.read_bytes() for path in (home / "weeks" / week / "scores").iterdir()}


def test_a_base_is_checked_and_scored_within_the_limit(grown: Path, tmp_path: Path, root: Path) -> None:
    homes = {limit: shutil.copytree(grown, tmp_path / str(limit)) for limit in (None, LIMIT_MB)}
    found = {limit: peaks(home, ("check", "score"), limit, root) for limit, home in homes.items()}
    assert max(found[LIMIT_MB].values()) < LIMIT_MB, found
    assert min(found[None].values()) > LIMIT_MB, found  # or the limit would be no feat
    assert parts_of(homes[None]) == parts_of(homes[LIMIT_MB])


def test_a_limit_under_which_nothing_works_is_refused(grown: Path, root: Path, tmp_path: Path) -> None:
    home = shutil.copytree(grown, tmp_path / "home")
    with pytest.raises(AssertionError, match="least that works here is"):
        peaks(home, ("check",), 50, root)
    assert not pointed(home / "bases")
